/** Incoming messages: header changes, limits, plugins, expansion, and one acceptance. */

import { X509Certificate } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { deny, denySoft, NEXT, OK, reply } from '../../../src/bus/plugin.ts';
import { formatReply } from '../../../src/mail/status.ts';
import { makeCertificate } from '../../../src/net/certificate.ts';
import { parametersOf } from '../../kit/parameters.ts';
import { TLS_INFO } from '../../kit/tls-info.ts';
import { connectionOf, type HouseOptions, openHouse, type TestHouse } from '../house.ts';

let house: TestHouse;
const open = async (options: HouseOptions = {}): Promise<TestHouse> => {
  house = await openHouse(options);
  return house;
};
afterEach(() => house.stop());

const MESSAGE =
  'From: a@qq.com\r\nTo: b@baidu.com\r\nDate: Fri, 20 Nov 2026 22:33:01 +0000\r\nMessage-Id: <1@qq.com>\r\nSubject: hi\r\n\r\nbody\r\n';

describe('headers', () => {
  it('P18: a message typed by hand without a header gets a header and a blank line', async () => {
    await open({ trusted: true });
    const answer = await house.submit({}, 'test mail\r\n', {
      connection: connectionOf({ protocol: 'SMTP', helo: null }),
    });
    expect(formatReply(answer)).toMatch(/^250 2\.0\.0 Ok: queued as [0-9A-Za-z]+$/);
    const [text = ''] = await house.inbox('maomao@baidu.com');
    const id = answer.text.split(' ').at(-1);
    expect(text.replace(/[+-]\d{4}( \(UTC\))?/g, 'ZONE')).toBe(
      `Return-Path: <zhangsan@qq.com>\r\nX-Original-To: maomao@baidu.com\r\nDelivered-To: maomao@baidu.com\r\n` +
        `Received: from client.example (client.example [127.0.1.77])\r\n\tby mail.baidu.com (Posthorn) with SMTP id ${id}\r\n\tfor <maomao@baidu.com>; Fri, 20 Nov 2026 22:33:01 ZONE\r\n` +
        `Message-Id: <20261120223301.${id}@mail.baidu.com>\r\nDate: Fri, 20 Nov 2026 22:33:01 ZONE\r\nFrom: zhangsan@qq.com\r\nTo: undisclosed-recipients:;\r\n\r\ntest mail\r\n`,
    );
  });

  it('P18: Received shows TLS and login if main.cf asks for it', async () => {
    await open();
    const tls = TLS_INFO;
    const account = await house.store.directory.find('maomao@baidu.com');
    if (account === null) throw new Error('no account');
    const user = { login: 'maomao', mechanism: 'PLAIN', account };
    await house.submit({ to: ['maomao@baidu.com', 'xixi@baidu.com'] }, MESSAGE, {
      connection: connectionOf({ tls, user }),
    });
    const [text = ''] = await house.inbox('maomao@baidu.com');
    expect(text).toContain(
      '\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))\r\n\t(No client certificate requested)\r\n\t(Authenticated sender: maomao)\r\n',
    );
    expect(text).toMatch(/\tby mail\.baidu\.com \(Posthorn\) with ESMTPSA id \w+;\r\n\tFri, 20 Nov/);
  });

  it('P18: Received names the certificate of a client that was asked for one', async () => {
    await open();
    const { certificate } = await makeCertificate(['client.example']);
    const shown = { certificate: new X509Certificate(certificate), fault: '' };
    const lines: string[] = [];
    for (const peer of [null, { ...shown, trusted: true }, { ...shown, trusted: false }]) {
      const tls = { ...TLS_INFO, isAsked: true, peer };
      await house.submit({}, MESSAGE, { connection: connectionOf({ tls }) });
      const text = (await house.inbox('maomao@baidu.com')).at(-1) ?? '';
      lines.push(/bits\)\)\r\n\t(.*?)\r\n/.exec(text)?.[1] ?? '');
    }
    expect(lines).toEqual([
      '(Client did not present a certificate)',
      '(Client CN "client.example", Issuer "client.example" (verified OK))',
      '(Client CN "client.example", Issuer "client.example" (not verified))',
    ]);
  });

  it('P18: a message of a stranger gets only Received', async () => {
    await open();
    await house.submit({}, 'Subject: x\r\n\r\nb\r\n', { connection: connectionOf() });
    const [text = ''] = await house.inbox('maomao@baidu.com');
    expect(text).not.toMatch(/^(Date|From|Message-Id):/im);
  });

  it('P18: Bcc and Return-Path are removed anywhere in the header, folded lines too', async () => {
    await open();
    const lines =
      'Bcc: s@x\r\n\tmore\r\nFrom: a@qq.com\r\nReturn-Path: <evil@x>\r\nbCC : t@x\r\nSubject: y\r\n\tfolded\r\nBcc: z@x\r\n\r\nBcc: in the body\r\n';
    await house.submit({}, lines, { connection: connectionOf() });
    const [text = ''] = await house.inbox('maomao@baidu.com');
    expect(text.slice(text.indexOf('From: a'))).toBe(
      'From: a@qq.com\r\nSubject: y\r\n\tfolded\r\n\r\nBcc: in the body\r\n',
    );
  });

  it('P18: undisclosed_recipients_header is added if there are no recipients in the header', async () => {
    await open();
    await house.submit({}, 'Subject: x\r\n\r\nb\r\n');
    expect((await house.inbox('maomao@baidu.com'))[0]).toContain('\r\nTo: undisclosed-recipients:;\r\n\r\nb');
  });

  it('P18: a resent message gets the Resent- fields that it lacks', async () => {
    await open();
    await house.submit({}, 'Resent-To: x@y\r\nSubject: x\r\nFrom: a@b.c\r\n\r\nb\r\n');
    const [text = ''] = await house.inbox('maomao@baidu.com');
    expect(text).toMatch(
      /\r\nFrom: a@b\.c\r\nResent-Message-Id: <.*>\r\nResent-Date: .*\r\nResent-From: zhangsan@qq\.com\r\n\r\nb\r\n$/,
    );
  });

  it('P18: always_add_missing_headers also completes the mail of strangers', async () => {
    await open();
    const parameters = parametersOf({ always_add_missing_headers: 'yes' });
    await house.submit({}, 'Subject: x\r\n\r\nb\r\n', { connection: connectionOf({ parameters }) });
    expect((await house.inbox('maomao@baidu.com'))[0]).toMatch(
      /^Message-Id: .*\r\nDate: .*\r\nFrom: zhangsan@qq\.com\r\n/m,
    );
  });

  it('bare LF becomes CRLF and a stray CR a space, however the message is split', async () => {
    await open();
    await house.submit({}, ['Subject: a\nX: b\r', '\nY: c\r', 'Z: d\n', '\n', 'one\rtwo\nthree\r\n', 'end\r'], {
      connection: connectionOf(),
    });
    const [text = ''] = await house.inbox('maomao@baidu.com');
    expect(text.slice(text.indexOf('Subject'))).toBe(
      'Subject: a\r\nX: b\r\nY: c Z: d\r\n\r\none two\r\nthree\r\nend \r\n',
    );
  });

  it('cleanup_replace_stray_cr_lf = no keeps a stray CR, which still starts no field', async () => {
    await open({ settings: { cleanup_replace_stray_cr_lf: 'no' } });
    await house.submit({}, 'Subject: x\rX-Injected: yes\r\nDate: y\r\n\r\none\rtwo\r\n');
    const [text = ''] = await house.inbox('maomao@baidu.com');
    expect(text).toContain('Subject: x\rX-Injected: yes\r\n');
    expect(text.endsWith('\r\n\r\none\rtwo\r\n')).toBe(true);
  });

  it('P17: messages with more hops than hopcount_limit are refused', async () => {
    await open({ settings: { hopcount_limit: '5' } });
    expect(formatReply(await house.submit({}, `${'Received: from x\r\n'.repeat(6)}\r\nb\r\n`))).toBe(
      '554 5.4.0 Error: too many hops',
    );
    expect(await house.inbox('maomao@baidu.com')).toEqual([]);
  });

  it('header_size_limit applies to one field: the rest of it is cut, and the next field is complete', async () => {
    await open();
    const connection = connectionOf({ parameters: parametersOf({ header_size_limit: '200' }) });
    const fields = Array.from({ length: 50 }, (_one, i) => `X-${i}: ${'v'.repeat(10)}\r\n`).join('');
    await house.submit({}, `Y: ${'w'.repeat(300)}\r\n more\r\n${fields}Subject: s\r\n\r\nbody\r\n`, { connection });
    const [text = ''] = await house.inbox('maomao@baidu.com');
    expect(text.slice(text.indexOf('Y: '))).toBe(`Y: ${'w'.repeat(197)}\r\n${fields}Subject: s\r\n\r\nbody\r\n`);
  });

  it('plugins change the part of a long header that they see, and the rest stays as it is', async () => {
    const faults: string[] = [];
    let seen: readonly string[] = [];
    await open({
      handlers: {
        data_post: async ({ transaction, change }) => {
          change.removeHeader('X-Mark');
          change.addHeader('X-Mark', 'ours');
          change.replaceHeader('Subject', 'new');
          await change
            .replaceBody(async function* () {
              yield 'x';
            })
            .catch((error: Error) => faults.push(error.message));
          seen = transaction.header.all('X-Mark');
          return NEXT;
        },
      },
    });
    // Cut within a field, whose lines go on behind the first MiB.
    const fields = Array.from({ length: 20_000 }, (_one, i) => `X-${i}: ${'v'.repeat(40)}\r\n  ${'w'.repeat(30)}\r\n`);
    await house.submit({}, ['X-Mark: theirs\r\nSubject: old\r\n', ...fields, 'X-Mark: late\r\n', '\r\nbody\r\n']);
    const [text = ''] = await house.inbox('maomao@baidu.com');
    const lines = text.slice(text.indexOf('Subject: '));
    expect(lines.replace('X-Mark: ours\r\n', '').startsWith(`Subject: new\r\n${fields.join('')}X-Mark: late\r\n`)).toBe(
      true,
    );
    expect(lines).toMatch(/^X-\d+: v+\r\n {2}w+\r\nX-Mark: ours\r\nX-\d+: v+\r\n {2}w+\r\n/m);
    expect(text).not.toContain('X-Mark: theirs');
    expect(lines.endsWith('\r\n\r\nbody\r\n')).toBe(true);
    expect([seen, faults]).toEqual([['ours'], ['the header is longer than 1 MiB: its end is kept with the body']]);
  });

  it.each([false, true])(
    'a header of 5 MB is kept, with missing fields added at its end (plugins read the message: %s)',
    async (read) => {
      let seen = '';
      await open(
        read
          ? {
              handlers: {
                data_post: async ({ content }) => {
                  for await (const piece of content) seen += piece.toString('latin1');
                  return NEXT;
                },
              },
            }
          : {},
      );
      const fields = Array.from({ length: 50_000 }, (_one, i) => `X-${i}: ${'v'.repeat(90)}\r\n`);
      const pieces = Array.from({ length: 100 }, (_one, i) => fields.slice(i * 500, (i + 1) * 500).join(''));
      await house.submit({}, [...pieces, 'Subject: s\r\nBcc: b\r\nContent-Type: text/html\r\n', '\r\nbody\r\n']);
      const [text = ''] = await house.inbox('maomao@baidu.com');
      expect(text.startsWith(fields.join(''), text.indexOf('X-0: '))).toBe(true);
      expect(text.slice(text.indexOf('Subject: '))).toMatch(
        /^Subject: s\r\nContent-Type: text\/html\r\nMessage-Id: .*\r\nDate: .*\r\nFrom: zhangsan@qq\.com\r\nTo: undisclosed-recipients:;\r\n\r\nbody\r\n$/,
      );
      if (read) expect(seen).toBe(text.slice(text.indexOf('X-0: ')));
    },
  );

  it('a message without a final line end gets one, and one that ends with its header gets no blank line', async () => {
    await open();
    await house.submit({}, 'Subject: x\r\n\r\nbody', { connection: connectionOf() });
    await house.submit({}, 'Subject: x', { connection: connectionOf() });
    const texts = await house.inbox('maomao@baidu.com');
    expect(texts.map((text) => text.slice(text.indexOf('Subject')))).toEqual([
      'Subject: x\r\n\r\nbody\r\n',
      'Subject: x\r\n',
    ]);
  });

  it('P18: lines prepended by plugins stand above Received, in one piece', async () => {
    await open({
      handlers: {
        data_post: ({ transaction }) => {
          transaction.prepend.push('Authentication-Results: mail.baidu.com;\n\tspf=pass', 'X-Evil: a\nInjected: b');
          return OK;
        },
      },
    });
    await house.submit({}, MESSAGE);
    expect((await house.inbox('maomao@baidu.com'))[0]).toContain(
      'Delivered-To: maomao@baidu.com\r\nAuthentication-Results: mail.baidu.com;\r\n\tspf=pass\r\nX-Evil: a Injected: b\r\nReceived: ',
    );
  });
});

describe('lines prepended by plugins', () => {
  it('neither end the header nor continue another field, even if they are added after the answer', async () => {
    await open({
      handlers: {
        queue: ({ transaction }) => {
          for (const line of ['', ' X-K: v', 'noColon', ': x', 'X J: v', 'X: a\rb', 'X: a\0', 'a: b\r\n \r\n c', 7])
            transaction.prepend.push(line as string);
          return NEXT;
        },
      },
    });
    await house.submit({}, MESSAGE);
    const [text = ''] = await house.inbox('maomao@baidu.com');
    expect(text).toMatch(/^Return-Path: .*\r\n(?:X-Original-To: .*\r\n)?Delivered-To: maomao@baidu\.com\r\nReceived: /);
  });

  it.each([
    ['UTF-8', Buffer.from('für 中文')],
    ['another character set', Buffer.from([0x66, 0xfc, 0x72])],
  ])('copy a value in %s octet for octet', async (_name, octets) => {
    await open({
      handlers: {
        data_post: ({ transaction }) => {
          transaction.prepend.push(`X-Copy: ${transaction.header?.get('subject')}`);
          return NEXT;
        },
      },
    });
    const subject = octets.toString('latin1');
    await house.submit({}, [Buffer.from(`Subject: ${subject}\r\n\r\nbody\r\n`, 'latin1')]);
    expect((await house.inbox('maomao@baidu.com'))[0]).toContain(`X-Copy: ${subject}\r\n`);
  });
});

describe('long messages', () => {
  const body = 'x'.repeat(75).concat('\r\n').repeat(20_000);

  it('are streamed through the spool if no plugin reads them, octet for octet', async () => {
    await open();
    const pieces = Array.from({ length: 100 }, (_one, i) =>
      body.slice((i * body.length) / 100, ((i + 1) * body.length) / 100),
    );
    expect((await house.submit({}, ['Subject: long\r\n\r\n', ...pieces])).code).toBe(250);
    const [text = ''] = await house.inbox('maomao@baidu.com');
    expect(text.endsWith(`\r\n\r\n${body}`)).toBe(true);
  });

  it('are read by plugins from their beginning, and get the lines that plugins prepend', async () => {
    let seen = '';
    await open({
      handlers: {
        data_post: async ({ content, transaction }) => {
          for await (const piece of content) seen += piece.toString('latin1');
          let again = '';
          for await (const piece of content) again += piece.toString('latin1');
          expect(again === seen).toBe(true);
          transaction.prepend.push('X-Seen: yes');
          return OK;
        },
      },
    });
    expect(
      (await house.submit({}, ['Subject: long\r\nTo: a@b\r\nFrom: a@b\r\nDate: x\r\nMessage-Id: <x@y>\r\n\r\n', body]))
        .code,
    ).toBe(250);
    expect(seen.endsWith(`Message-Id: <x@y>\r\n\r\n${body}`)).toBe(true);
    const [text = ''] = await house.inbox('maomao@baidu.com');
    expect(text).toContain('X-Seen: yes\r\nReceived:');
    expect(text.endsWith(`\r\n\r\n${body}`)).toBe(true);
  });
});

describe('plugins', () => {
  it.each([
    ['data_post', deny(reply(554, '5.7.1', 'spam')), '554 5.7.1 spam'],
    ['data_post', denySoft(), '451 4.7.1 Service unavailable - try again later'],
    ['queue', deny(), '550 5.7.1 Message refused'],
    ['queue', denySoft(reply(450, '4.7.1', 'later')), '450 4.7.1 later'],
  ] as const)('a refusal at %s is sent to the client', async (hook, verdict, words) => {
    await open({ handlers: { [hook]: () => verdict } });
    expect(formatReply(await house.submit({}, MESSAGE))).toBe(words);
    expect(await house.inbox('maomao@baidu.com')).toEqual([]);
    expect(await house.queue()).toEqual([]);
  });

  it('P11: changes of the sender and copies added by plugins at `queue` take effect', async () => {
    await open({
      handlers: {
        queue: ({ transaction }) => {
          transaction.reversePath = 'real@qq.com';
          transaction.bcc.push('haha@baidu.com');
          return NEXT;
        },
      },
    });
    await house.submit({ reversePath: 'alias@qq.com' }, 'Subject: x\r\n\r\nhi\r\n');
    for (const who of ['maomao@baidu.com', 'haha@baidu.com']) {
      const [text = ''] = await house.inbox(who);
      expect(text).toMatch(/^Return-Path: <real@qq.com>\r\n/);
      expect(text).toContain('From: real@qq.com\r\n');
    }
    expect(house.lines).toContainEqual(expect.stringContaining('from=<real@qq.com>'));
  });

  it('a plugin can take over the message at queue', async () => {
    await open({ handlers: { queue: () => OK } });
    expect((await house.submit({}, MESSAGE)).code).toBe(250);
    expect(await house.inbox('maomao@baidu.com')).toEqual([]);
  });

  it('deliver chooses the mailbox and adds flags; a refusal there does not affect other recipients', async () => {
    await open({
      handlers: {
        deliver: (argument) => {
          if (argument.account.address === 'xixi@baidu.com') return deny(reply(550, '5.7.1', 'not for xixi'));
          argument.mailbox = 'Junk';
          argument.flags.push('$Junk');
          return OK;
        },
      },
    });
    expect((await house.submit({ to: ['maomao@baidu.com', 'xixi@baidu.com'] }, MESSAGE)).code).toBe(250);
    expect(await house.inbox('maomao@baidu.com', 'Junk')).toHaveLength(1);
    expect((await house.queue()).map((item) => item.recipient)).toEqual(['xixi@baidu.com']);
  });

  it('P6: DISCARD is answered with 250 and drops the message; REDIRECT, BCC and HOLD work', async () => {
    await open();
    expect(
      (await house.submit({}, MESSAGE, { prepare: (transaction) => (transaction.discard = 'unwanted') })).code,
    ).toBe(250);
    expect(await house.inbox('maomao@baidu.com')).toEqual([]);
    await house.submit({}, MESSAGE, { prepare: (transaction) => (transaction.redirect = 'xixi@baidu.com') });
    await house.submit({ to: ['xixi@baidu.com'] }, MESSAGE, {
      prepare: (transaction) => transaction.bcc.push('haha@baidu.com'),
    });
    expect(await house.inbox('maomao@baidu.com')).toEqual([]);
    expect(await house.inbox('xixi@baidu.com')).toHaveLength(2);
    expect(await house.inbox('haha@baidu.com')).toHaveLength(1);
    await house.submit({}, MESSAGE, { prepare: (transaction) => (transaction.hold = 'look at it') });
    expect((await house.queue()).map((item) => [item.recipient, item.state])).toEqual([['maomao@baidu.com', 'hold']]);
  });
});

describe('acceptance', () => {
  it('P13: local and remote recipients are accepted together, logged in the format of maillog', async () => {
    await open();
    const answer = await house.submit({ to: ['maomao@baidu.com', 'lisi@qq.com'] }, MESSAGE);
    const id = answer.text.split(' ').at(-1);
    expect(await house.inbox('maomao@baidu.com')).toHaveLength(1);
    expect((await house.queue()).map((item) => [item.queueId, item.recipient, item.destination])).toEqual([
      [id, 'lisi@qq.com', 'qq.com'],
    ]);
    const size = (await house.queue())[0]?.size;
    expect(house.lines).toEqual([
      `postfix/cleanup: ${id}: message-id=<1@qq.com>`,
      `postfix/qmgr: ${id}: from=<zhangsan@qq.com>, size=${size}, nrcpt=2 (queue active)`,
      `postfix/local: ${id}: to=<maomao@baidu.com>, relay=local, delay=0, delays=0/0/0/0, dsn=2.0.0, status=sent (delivered to mailbox)`,
    ]);
  });

  it('a full mailbox is reported to the client if it is the only one, and never blocks the others', async () => {
    await open({ dns: { 'mx qq.com': 'tempfail' } });
    const account = await house.store.directory.find('xixi@baidu.com');
    await house.store.directory.update(account?.id ?? 0, { quota: 10 });
    expect(formatReply(await house.submit({ to: ['xixi@baidu.com'] }, MESSAGE))).toBe(
      '552 5.2.2 <xixi@baidu.com>: Quota exceeded (mailbox for user is full)',
    );
    expect((await house.submit({ to: ['xixi@baidu.com', 'maomao@baidu.com'] }, MESSAGE)).code).toBe(250);
    house.runner.start();
    await house.runner.idle();
    expect(await house.inbox('maomao@baidu.com')).toHaveLength(1);
    expect(await house.inbox('xixi@baidu.com')).toHaveLength(0);
    // The sender is remote: the bounce waits for qq.com.
    expect((await house.queue()).map((item) => [item.reversePath, item.recipient])).toEqual([['', 'zhangsan@qq.com']]);
  });

  it('a broken store is a 451, a full one a 452, and no acceptance is logged', async () => {
    await open();
    await house.store.close();
    expect(formatReply(await house.submit({}, MESSAGE))).toBe('451 4.3.0 Error: queue file write error');
    expect(house.lines.some((line) => line.includes('status=sent'))).toBe(false);
  });
});
