/** Several versions of a plugin: one in use, the next one beside it, the one before a promoted one. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { HookArguments } from '../../src/bus/hook.ts';
import { ErrorRate, LATEST, MOST_FAILURES } from '../../src/bus/versions/error-rate.ts';
import type { Fallen } from '../../src/bus/versions/fallen.ts';
import { parseHeader } from '../../src/protocol/mime/header.ts';
import { accountOf } from '../kit/directory.ts';
import { temporaryFolder } from '../kit/folder.ts';
import { memoryStates } from '../kit/states.ts';
import {
  connect,
  type HouseOptions,
  openHouse,
  PLUGINS,
  recipient,
  type TestHouse,
  transactionOf,
  words,
} from './house.ts';

const opened: TestHouse[] = [];
afterEach(async () => {
  for (const { bus } of opened.splice(0)) await bus.close();
});

const code = (body: string, name = 'guest'): string =>
  `import { definePlugin, deny, denySoft, NEXT, OK, reply } from 'posthorn/plugin';
export default definePlugin({ name: '${name}', async register(server) { ${body} } });\n`;

function write(plugins: string, name: string, body: string): void {
  mkdirSync(join(plugins, name), { recursive: true });
  writeFileSync(join(plugins, name, 'index.ts'), body);
}

interface Opened extends TestHouse {
  readonly plugins: string;
  readonly fallen: Fallen[];
}

interface Given extends Partial<Pick<HouseOptions, 'states' | 'files'>> {
  /** The folder of the plugins. */
  readonly folder?: string;
  readonly names?: readonly string[];
  readonly fallen?: readonly Fallen[];
}

/** From a version's name, such as `guest.next`, to what its register() does. */
async function open(
  versions: Readonly<Record<string, string>>,
  { folder: plugins = temporaryFolder('versions'), names = ['guest'], fallen = [], ...more }: Given = {},
): Promise<Opened> {
  for (const [name, body] of Object.entries(versions)) write(plugins, name, code(body));
  const fell: Fallen[] = [];
  const house = await openHouse({
    plugins: names,
    directories: [PLUGINS, plugins],
    ours: PLUGINS,
    versions: { fallen, onFall: (one) => void fell.push(one) },
    ...more,
  });
  opened.push(house);
  return { ...house, plugins, fallen: fell };
}

const rcpt = async (house: TestHouse, to = 'xixi@baidu.com'): Promise<string> =>
  words(await house.bus.run('rcpt', { connection: connect(house), recipient: recipient(to) }));

const said = ({ lines }: TestHouse): string[] => lines.map((line) => line.replace(/^info: |^warn: /, ''));

describe('G17: the next version', () => {
  it('decides nothing: what it answers otherwise is logged', async () => {
    const house = await open({
      guest: `server.on('rcpt', () => NEXT);`,
      'guest.next': `server.on('rcpt', ({ recipient }) => recipient.address.startsWith('x') ? deny(reply(550, '5.7.1', 'no')) : NEXT);`,
    });
    expect(await rcpt(house)).toBe('NEXT');
    expect(await rcpt(house, 'haha@baidu.com')).toBe('NEXT');
    expect(said(house)).toEqual([
      'plugin guest: rcpt of 4TEST: the next version answers DENY 550 5.7.1 no; the one in use NEXT',
    ]);
    expect(house.bus.plugins[0]?.next).toEqual({ file: join(house.plugins, 'guest.next/index.ts'), hooks: ['rcpt'] });
  });

  it('is asked at hooks that the one in use does not have, and the other way round', async () => {
    const house = await open({
      guest: `server.on('mail', () => deny()); server.on('rcpt', () => NEXT);`,
      'guest.next': `server.on('helo', ({ name }) => name === 'bad' ? deny() : NEXT);`,
    });
    const connection = connect(house);
    expect(words(await house.bus.run('helo', { connection, name: 'bad' }))).toBe('NEXT');
    expect(words(await house.bus.run('helo', { connection, name: 'good' }))).toBe('NEXT');
    expect(words(await house.bus.run('mail', { connection, reversePath: 'a@qq.com' }))).toBe('DENY');
    expect(said(house)).toEqual([
      'plugin guest: helo of 4TEST: the next version answers DENY; the one in use NEXT',
      'plugin guest: mail of 4TEST: the next version answers NEXT; the one in use DENY',
    ]);
  });

  it('changes copies, and sees the argument as the one in use does', async () => {
    const house = await open({
      guest: `server.on('deliver', (delivery) => { delivery.mailbox = 'Lists'; delivery.flags.push('$one'); return NEXT; });`,
      'guest.next': `server.on('deliver', (delivery) => { delivery.mailbox = delivery.mailbox === 'INBOX' ? 'Junk' : 'Late'; return NEXT; });`,
    });
    const delivery: HookArguments['deliver'] = {
      account: accountOf('xixi@baidu.com'),
      recipient: recipient('xixi@baidu.com'),
      header: parseHeader(Buffer.from('Subject: x\r\n\r\n')),
      reversePath: 'a@qq.com',
      mailbox: 'INBOX',
      flags: [],
      copies: [],
      forward: [],
      drop: null,
    };
    await house.bus.run('deliver', delivery);
    expect(delivery).toMatchObject({ mailbox: 'Lists', flags: ['$one'] });
    expect(said(house)).toEqual([
      'plugin guest: deliver: the next version answers NEXT, mailbox "Junk"; the one in use NEXT, mailbox "Lists", flags ["$one"]',
    ]);
  });

  it('changes no message, and its fields are compared', async () => {
    const house = await open({
      guest: `server.on('data_post', ({ change }) => { change.addHeader('X-One', '1'); return NEXT; });`,
      'guest.next': `server.on('data_post', async ({ change, content }) => {
        let size = 0;
        for await (const piece of content) size += piece.length;
        change.addHeader('X-Size', String(size));
        await change.replaceBody(async function* (body) { yield* body; });
        return NEXT;
      });`,
    });
    const fields: string[] = [];
    const header = parseHeader(Buffer.from('Subject: x\r\n\r\n'));
    await house.bus.run('data_post', {
      connection: null,
      transaction: Object.assign(transactionOf('a@qq.com', ['xixi@baidu.com']), { header }),
      content: {
        async *[Symbol.asyncIterator]() {
          yield Buffer.from('Subject: x\r\n\r\nbody\r\n');
        },
      },
      change: {
        addHeader: (name) => void fields.push(name),
        replaceHeader: () => {},
        removeHeader: () => 0,
        renameHeader: () => 0,
        replaceBody: async () => {},
        get changed() {
          return { fields: fields.map((name) => name.toLowerCase()), body: false };
        },
      },
    });
    expect(fields).toEqual(['X-One']);
    expect(said(house)).toEqual([
      'plugin guest: data_post of 4TEST: the next version answers NEXT, message {"fields":["x-size"],"body":true}; the one in use NEXT, message {"fields":["x-one"],"body":false}',
    ]);
  });

  it('finds its own notes again, and the one in use does not see them', async () => {
    const body = (word: string): string => `
      server.on('mail', ({ connection }) => { connection.notes.set('guest.seen', '${word}'); return NEXT; });
      server.on('rcpt', ({ connection }) => deny(reply(550, '5.7.1', String(connection.notes.get('guest.seen')))));`;
    const house = await open({ guest: body('one'), 'guest.next': body('two') });
    const connection = connect(house);
    await house.bus.run('mail', { connection, reversePath: 'a@qq.com' });
    const verdict = await house.bus.run('rcpt', { connection, recipient: recipient('xixi@baidu.com') });
    expect(words(verdict)).toBe('550 5.7.1 one');
    expect(said(house)).toEqual([
      'plugin guest: rcpt of 4TEST: the next version answers DENY 550 5.7.1 two; the one in use DENY 550 5.7.1 one',
    ]);
  });

  it('remembers over what the one in use remembers, sends no mail, and only reads over HTTP', async () => {
    const states = memoryStates();
    const asked = `
      server.on('rcpt', async () => {
        const before = await server.state.get('count') ?? 0;
        await server.state.set('count', before + 1);
        const id = await server.send({ from: '', to: ['a@b.test'], message: 'Subject: x' });
        const http = await server.http.fetch('http://127.0.0.1/', { method: 'POST' }).catch((error) => error.message);
        return deny(reply(550, '5.7.1', [before, id, http].join(' ')));
      });`;
    const house = await open({ guest: asked, 'guest.next': asked }, { states });
    for (let i = 0; i < 2; i += 1) await rcpt(house);
    expect(await states.get({ plugin: 'guest', key: 'count' }, 0)).toBe('2');
    const noPost = 'the next version of a plugin sends no POST: it would do what the one in use does too';
    expect(said(house).filter((line) => line.includes('next version'))).toEqual(
      [0, 1].map((n) =>
        expect.stringContaining(
          `DENY 550 5.7.1 ${n} NOT-SENT POST 127.0.0.1: ${noPost}; the one in use DENY 550 5.7.1 ${n} SENT`,
        ),
      ),
    );
    expect(said(house).filter((line) => line.startsWith('would'))).toEqual(
      Array(2).fill('would send mail to a@b.test'),
    );
  });

  it('at a hook of its own resets no failures of the one in use', async () => {
    const house = await open({
      guest: `server.on('rcpt', () => { throw new Error('worse'); });`,
      'guest.next': `server.on('helo', () => NEXT); server.on('rcpt', () => NEXT);`,
    });
    for (let i = 0; i < 10; i += 1) {
      await rcpt(house);
      await house.bus.run('helo', { connection: connect(house), name: 'x' });
    }
    expect(said(house)).toContain('plugin guest: rcpt failed too often and is not called for 5 s');
  });

  it('cannot harm: it throws, answers nonsense or nothing, loops, and mail goes on', async () => {
    const house = await open({
      guest: `server.on('rcpt', () => NEXT);`,
      'guest.next': `server.on('rcpt', ({ recipient }) => {
        const [what] = recipient.address.split('@');
        if (what === 'throw') throw new Error('oh');
        if (what === 'nonsense') return { code: 'MAYBE' };
        if (what === 'never') return new Promise(() => {});
        for (;;);
      });`,
    });
    for (const what of ['throw', 'nonsense', 'never', 'loop'])
      expect(await rcpt(house, `${what}@baidu.com`)).toBe('NEXT');
    expect(said(house).slice(0, 4)).toEqual([
      'plugin guest: rcpt of 4TEST: the next version failed: oh',
      expect.stringContaining('the next version failed: answered the verdict code MAYBE'),
      'plugin guest: rcpt of 4TEST: the next version failed: no answer within 1 s',
      'plugin guest: rcpt of 4TEST: the next version failed: no answer within 1 s',
    ]);
  });

  it('that cannot be loaded does not keep the one in use from serving', async () => {
    const plugins = temporaryFolder('versions');
    write(plugins, 'guest.next', 'this is no program');
    const house = await open({ guest: `server.on('rcpt', () => deny());` }, { folder: plugins });
    expect(await rcpt(house)).toBe('DENY');
    expect(said(house)).toEqual([
      expect.stringMatching(/^plugin guest: its next version does not run: could not be imported from /),
    ]);
    const other = temporaryFolder('versions');
    write(other, 'guest.next', code('', 'stranger'));
    const second = await open({ guest: `server.on('rcpt', () => deny());` }, { folder: other });
    expect(said(second)).toEqual([expect.stringContaining('guest.next/index.ts: calls itself stranger, not guest')]);
  });

  it('has a configuration of its own where there is one, and only plugins of plugins.d have one', async () => {
    const answer = `server.on('rcpt', () => deny(reply(550, '5.7.1', String(server.config.word))));`;
    const house = await open(
      { guest: answer, 'guest.next': answer },
      { files: { 'plugins.d/guest.json': '{"word": "one"}', 'plugins.d/guest.next.json': '{"word": "two"}' } },
    );
    expect(await rcpt(house)).toBe('550 5.7.1 one');
    expect(said(house)).toEqual([expect.stringContaining('the next version answers DENY 550 5.7.1 two')]);
    const ours = await open({ 'greylist.next': '' }, { names: ['greylist'] });
    expect(said(ours)).toEqual([
      expect.stringContaining(
        'plugin greylist: its next version does not run: only a plugin of plugins.d can have one',
      ),
    ]);
  });
});

describe('G17: a promoted version', () => {
  it('is given up for the one before when it fails too often', async () => {
    const house = await open({
      guest: `server.on('rcpt', () => { throw new Error('worse'); });`,
      'guest.before': `server.on('rcpt', () => deny(reply(550, '5.7.1', 'before')));`,
    });
    for (let i = 0; i < MOST_FAILURES; i += 1) await rcpt(house);
    expect(house.fallen).toEqual([
      {
        plugin: 'guest',
        path: join(house.plugins, 'guest/index.ts'),
        codeChanged: expect.any(Number),
        at: expect.any(Number),
        failures: MOST_FAILURES,
        calls: MOST_FAILURES,
      },
    ]);
    const again = await open({}, { folder: house.plugins, fallen: house.fallen });
    expect(await rcpt(again)).toBe('550 5.7.1 before');
    expect(said(again)).toEqual([
      expect.stringContaining(
        'plugin guest: its version before (guest.before) is used, because 10 of the latest 10 calls',
      ),
    ]);
    // Mended, it is tried again.
    write(house.plugins, 'guest', code(`server.on('rcpt', () => deny(reply(550, '5.7.1', 'mended')));`));
    const mended = await open({}, { folder: house.plugins, fallen: house.fallen });
    expect(await rcpt(mended)).toBe('550 5.7.1 mended');
  });

  it('is the one that its folder was renamed to, also in the main thread', async () => {
    const says = (word: string): string => `server.on('rcpt', () => deny(reply(550, '5.7.1', '${word}')));`;
    const files = { 'plugins.d/guest.json': '{"worker": false}' };
    const house = await open({ guest: says('one'), 'guest.next': says('two') }, { files });
    expect(await rcpt(house)).toBe('550 5.7.1 one');
    renameSync(join(house.plugins, 'guest'), join(house.plugins, 'guest.before'));
    renameSync(join(house.plugins, 'guest.next'), join(house.plugins, 'guest'));
    expect(await rcpt(await open({}, { folder: house.plugins, files }))).toBe('550 5.7.1 two');
  });

  it('falls only by failures among its latest calls, and once', () => {
    const falls: object[] = [];
    const rate = new ErrorRate((errors) => void falls.push(errors));
    for (let i = 0; i < 5 * LATEST; i += 1) rate.count(i % (LATEST / (MOST_FAILURES - 1)) === 0);
    expect(falls).toEqual([]);
    for (let i = 0; i < 50; i += 1) rate.count(true);
    expect(falls).toEqual([{ failures: MOST_FAILURES, calls: LATEST }]);
  });
});
