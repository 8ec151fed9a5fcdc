/** header_checks and the like at reception. What each action does is compared with Postfix in test/interop/checks.test.ts. */
import { afterEach, describe, expect, it } from 'vitest';
import { NEXT, OK } from '../../../src/bus/plugin.ts';
import { makeTransaction } from '../../../src/delivery/receive/transaction.ts';
import { formatReply } from '../../../src/mail/status.ts';
import { parametersOf } from '../../kit/parameters.ts';
import { openTables } from '../../kit/tables.ts';
import { connectionOf, type HouseOptions, openHouse, type TestHouse, tablesOf } from '../house.ts';

let house: TestHouse;
const open = async (settings: Readonly<Record<string, string>>, options: HouseOptions = {}): Promise<TestHouse> => {
  house = await openHouse({ tables: openTables().tables, settings, ...options });
  return house;
};
afterEach(() => house.stop());

/** In main.cf a dollar sign is written twice. */
const inline = (...rules: readonly string[]): string =>
  `regexp:{${rules.map((rule) => `{${rule.replaceAll('$', '$$$$')}}`).join(',')}}`;
const message = (...fields: readonly string[]): string => `${fields.join('\r\n')}\r\n\r\nbody\r\n`;
describe('P9: checks of header and body', () => {
  it('message_reject_characters refuses, message_strip_characters takes out, and no_header_body_checks leaves alone', async () => {
    await open({});
    const settings = { message_reject_characters: '\\0Z', message_strip_characters: '\\176\\001' };
    const odd = 'Subject: ~a\x01\r\n\r\nb\x01\r\n~\r\n';
    const send = async (text: string, more: Readonly<Record<string, string>> = {}): Promise<string> => {
      const connection = connectionOf({ parameters: parametersOf({ ...settings, ...more }) });
      return formatReply(await house.submit({}, text, { connection }));
    };
    expect(await send('Subject: aZ\r\n\r\nb\r\n')).toBe('550 5.7.1 disallowed character');
    expect(await send('Subject: a\r\n\r\nb\0c\r\n')).toBe('550 5.7.1 disallowed character');
    expect(house.lines.filter((line) => line.includes('reject: ')).map((line) => line.split(' from ')[0])).toEqual([
      expect.stringMatching(/: reject: content Subject: aZ$/),
      expect.stringMatching(/: reject: content b$/),
    ]);
    expect(await send(odd)).toMatch(/^250 /);
    expect(await send(odd, { receive_override_options: 'no_header_body_checks' })).toMatch(/^250 /);
    const kept = await house.inbox('maomao@baidu.com');
    expect(kept.map((text) => /Subject[\s\S]*$/.exec(text)?.[0])).toEqual(['Subject: a\r\n\r\nb\r\n\r\n', odd]);
  });

  it('a refused message is not kept, and the log says why as cleanup does', async () => {
    await open({});
    const parameters = parametersOf({ header_checks: inline('/^subject: (make money)/ REJECT no $1 here') });
    const connection = connectionOf({ parameters });
    expect(formatReply(await house.submit({}, message('Subject: Make money', ' fast'), { connection }))).toBe(
      '550 5.7.1 no Make money here',
    );
    expect(await house.inbox('maomao@baidu.com')).toEqual([]);
    expect(house.lines.filter((line) => line.includes('reject: '))).toEqual([
      expect.stringMatching(
        /^postfix\/cleanup: \w+: reject: header Subject: Make money\n fast from client\.example\[127\.0\.1\.77\]; from=<zhangsan@qq\.com> to=<maomao@baidu\.com> proto=ESMTP helo=<helo\.example>: 5\.7\.1 no Make money here$/,
      ),
    ]);
  });

  it('what is changed is what is delivered', async () => {
    await open({
      header_checks: inline('/^Received:/ IGNORE', '/^Subject: (.*)/ REPLACE Subject: [$1]', '/^X-Y/ STRIP'),
      body_checks: inline('/^one (.*)/ REPLACE $1 two', '/^gone/ IGNORE', '/^in front/ PREPEND first'),
    });
    await house.submit({}, 'Subject: s\r\nX-Y: z\r\n\r\none a\r\ngone\r\nin front\r\n');
    const [text = ''] = await house.inbox('maomao@baidu.com');
    expect(text).not.toContain('Received:');
    expect(text).toMatch(/\r\nSubject: \[s\]\r\n(?!X-Y)/);
    expect(text.endsWith('\r\n\r\na two\r\nfirst\r\nin front\r\n')).toBe(true);
  });

  it('a field that was taken out counts as missing', async () => {
    await open({ header_checks: inline('/^Date:/ IGNORE') });
    await house.submit({}, message('Subject: s', 'Date: yesterday'));
    const [text = ''] = await house.inbox('maomao@baidu.com');
    expect(text).not.toContain('yesterday');
    expect(text).toMatch(/^Date: Fri, 20 Nov 2026/m);
  });

  it('actions change the envelope: HOLD, BCC, REDIRECT, DISCARD, FILTER', async () => {
    await open({
      header_checks: inline(
        '/^X-Hold/ HOLD',
        '/^X-Bcc/ BCC xixi@baidu.com',
        '/^X-Redirect/ REDIRECT haha@baidu.com',
        '/^X-Discard/ DISCARD',
        '/^X-Filter/ FILTER smtp:[127.0.0.9]:10025',
      ),
    });
    await house.submit({}, message('X-Hold: y'));
    await house.submit({}, message('X-Filter: y'));
    expect((await house.queue()).map(({ state, destination }) => [state, destination])).toEqual([
      ['hold', expect.any(String)],
      ['incoming', expect.stringContaining('[127.0.0.9]:10025')],
    ]);
    await house.submit({}, message('X-Bcc: y'));
    await house.submit({}, message('X-Redirect: y'));
    await house.submit({}, message('X-Discard: y'));
    const count = async (name: string): Promise<number> => (await house.inbox(`${name}@baidu.com`)).length;
    expect([await count('maomao'), await count('xixi'), await count('haha')]).toEqual([1, 1, 1]);
  });

  it('a table that cannot answer refuses the message for now, and nothing is kept', async () => {
    const failing = { header_checks: 'socketmap:x' };
    await open(failing, {
      tables: tablesOf({
        'socketmap:x': () => Promise.reject(new Error('away')),
      }),
    });
    expect(formatReply(await house.submit({}, message('Subject: s')))).toBe('451 4.3.0 Error: queue file write error');
    expect(await house.inbox('maomao@baidu.com')).toEqual([]);
    expect(house.lines.filter((line) => line.includes('lookup problem'))).toHaveLength(1);
  });

  it('tables that need time keep the order, whatever the pieces', async () => {
    await open(
      { body_checks: 'socketmap:x' },
      {
        tables: tablesOf({
          'socketmap:x': async (line) => {
            await new Promise((resolve) => setImmediate(resolve));
            return line === 'b' ? 'REPLACE B' : undefined;
          },
        }),
      },
    );
    await house.submit({}, ['Subject: s\r\n\r', '\na\r\nb', '\r\nc\r\n', 'b\r\nd\r\n']);
    expect((await house.inbox('maomao@baidu.com'))[0]?.split('\r\n\r\n').at(-1)).toBe('a\r\nB\r\nc\r\nB\r\nd\r\n');
  });

  it.each([false, true])('a long message passes unchanged but for what is said (plugins read it: %s)', async (read) => {
    const settings = { header_checks: inline('/^X-In/ REPLACE X-Out: y'), body_checks: inline('/^first/ IGNORE') };
    let seen = 0;
    await open(
      settings,
      read
        ? {
            tables: openTables().tables,
            handlers: {
              data_post: async ({ content }) => {
                for await (const piece of content) seen += piece.length;
                return NEXT;
              },
            },
          }
        : {},
    );
    const part = `${'x'.repeat(76)}\r\n`.repeat(1000);
    const header = 'Content-Type: multipart/mixed; boundary=b\r\n\r\nfirst\r\n--b\r\nX-In: x\r\n\r\n';
    await house.submit({}, [header, ...Array.from({ length: 30 }, () => part), '--b\r\nX-In: z\r\n\r\nend\r\n']);
    const [text = ''] = await house.inbox('maomao@baidu.com');
    const body = text.slice(text.indexOf('\r\n\r\n') + 4);
    expect(body === `--b\r\nX-Out: y\r\n\r\n${part.repeat(30)}--b\r\nX-Out: y\r\n\r\nend\r\n`).toBe(true);
    if (read) expect(seen).toBeGreaterThan(body.length);
  });

  it('patterns that take long let others have their turn', async () => {
    let turns = 0;
    let looked = 0;
    const slow = (): string | undefined => {
      looked += 1;
      for (const end = performance.now() + 3; performance.now() < end; );
      return undefined;
    };
    await open({ body_checks: 'inline:x' }, { tables: tablesOf({ 'inline:x': slow }) });
    const ticking = setInterval(() => {
      turns += 1;
    }, 0);
    await house.submit({}, `Subject: s\r\n\r\n${'line\r\n'.repeat(40)}`);
    clearInterval(ticking);
    expect(looked).toBe(40);
    expect(turns).toBeGreaterThan(10);
  });

  it('our own notifications are not looked at', async () => {
    await open({ header_checks: inline('/./ REJECT') });
    const { receiver } = house;
    const envelope = {
      reversePath: '',
      recipients: [{ address: 'maomao@baidu.com', original: 'maomao@baidu.com', notify: [], orcpt: '' }],
      ret: '' as const,
      envid: '',
      smtputf8: false,
      body: '7BIT' as const,
    };
    const intake = receiver.beginInternal({ connection: null, transaction: makeTransaction('n1', envelope), envelope });
    await intake.write(Buffer.from(message('Subject: s')));
    expect((await intake.end()).code).toBe(250);
  });

  it('what a plugin prepends when it has read the message is not looked at', async () => {
    await open(
      { header_checks: inline('/^X-Early/ REPLACE X-Early: seen', '/^X-Late/ REPLACE X-Late: seen') },
      {
        handlers: {
          data_post: ({ transaction }) => {
            transaction.prepend.push('X-Late: y');
            return OK;
          },
        },
      },
    );
    await house.submit({}, message('Subject: s'), { prepare: ({ prepend }) => void prepend.push('X-Early: y') });
    expect((await house.inbox('maomao@baidu.com'))[0]).toMatch(
      /\r\nX-Late: y\r\nX-Early: seen\r\nReceived: by .*\r\n\tid /,
    );
  });
});
