/** Plugins in worker threads: what crosses, and what happens when their thread ends. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Bus } from '../../src/bus/bus.ts';
import type { HookArguments } from '../../src/bus/hook.ts';
import { parseHeader } from '../../src/protocol/mime/header.ts';
import { traced } from '../../src/tracing.ts';
import { temporaryFolder } from '../kit/folder.ts';
import {
  connect,
  type HouseOptions,
  openHouse,
  PLUGINS,
  rcpt,
  recipient,
  type TestHouse,
  transactionOf,
  UNCHANGEABLE,
  words,
} from './house.ts';

const opened: Bus[] = [];
afterEach(async () => {
  for (const bus of opened.splice(0)) await bus.close();
});

interface Guest extends Partial<HouseOptions> {
  /** Above the plugin. */
  readonly top?: string;
  /** Its configuration. */
  readonly settings?: object;
  readonly onError?: string;
}

/** A house with one plugin in a worker; `body` is what its register() does. */
async function houseWith(
  body: string,
  { top = '', settings = {}, onError = 'defer', ...more }: Guest = {},
): Promise<TestHouse> {
  const plugins = temporaryFolder('worker');
  mkdirSync(join(plugins, 'guest'));
  writeFileSync(
    join(plugins, 'guest', 'index.ts'),
    `import { definePlugin, deny, denySoft, NEXT, OK, reply, trace, DUNNO, rejectWith, ResolveError } from 'posthorn/plugin';
${top}
export default definePlugin({ name: 'guest', onError: '${onError}', async register(server) { ${body} } });\n`,
  );
  const house = await openHouse({
    plugins: ['guest'],
    directories: [PLUGINS, plugins],
    ours: PLUGINS,
    files: { 'plugins.d/guest.json': JSON.stringify(settings) },
    ...more,
  });
  opened.push(house.bus);
  return house;
}

const DEFERRED = '451 4.3.0 Error: service temporarily unavailable';
const messageWith = (transaction = transactionOf('a@qq.com', ['xixi@baidu.com'])): HookArguments['data_post'] => ({
  connection: null,
  transaction,
  content: {
    async *[Symbol.asyncIterator]() {
      yield Buffer.from('Subject: x\r\n\r\n');
      yield Buffer.from('body\r\n');
    },
  },
  change: UNCHANGEABLE,
});
/** Lines of the log, without what differs each time. */
const said = ({ lines }: TestHouse): readonly string[] => lines.map((line) => line.replace(/^\S+: /, ''));

describe('G6: a plugin in a worker', () => {
  it('is asked and answers as in the main thread', async () => {
    const house = await houseWith(`
      server.on('rcpt', ({ connection, recipient }) =>
        connection.remote.ip === '127.0.1.77' ? deny(reply(550, '5.7.1', recipient.address + ' no')) : NEXT);
    `);
    expect(house.bus.plugins[0]?.thread).toBe('worker');
    expect(await rcpt(house, 'xixi@baidu.com')).toBe('550 5.7.1 xixi@baidu.com no');
    expect(await rcpt(house, 'xixi@baidu.com', { ip: '127.0.1.3' })).toBe('NEXT');
  });

  it('changes what it may of the transaction, and the bus checks it', async () => {
    const house = await houseWith(`
      server.on('mail', ({ connection: { transaction } }) => {
        transaction.reversePath = 'b@qq.com';
        transaction.prepend.push('X-One: 1');
        transaction.bcc.push('c@qq.com');
        transaction.hold = 'look';
        transaction.queueId = 'mine';
        transaction.recipients.push({ address: 'evil@qq.com' });
        return NEXT;
      });
      server.on('rcpt', ({ connection: { transaction } }) => { transaction.redirect = { evil: 1 }; return NEXT; });
      server.on('data', ({ connection: { transaction } }) => { transaction.prepend = []; return NEXT; });
    `);
    const connection = connect(house);
    expect(words(await house.bus.run('mail', { connection, reversePath: 'a@qq.com' }))).toBe('NEXT');
    const { transaction } = connection;
    expect(transaction).toMatchObject({
      reversePath: 'b@qq.com',
      prepend: ['X-One: 1'],
      bcc: ['c@qq.com'],
      hold: 'look',
      queueId: '4TEST',
      recipients: [],
    });
    expect(words(await house.bus.run('rcpt', { connection, recipient: recipient('x@qq.com') }))).toBe(DEFERRED);
    expect(transaction?.redirect).toBeNull();
    expect(words(await house.bus.run('data', { connection }))).toBe(DEFERRED);
    expect(said(house).join('\n')).toMatch(
      /set redirect to a value that is not allowed there.*\n.*replaced the list prepend/,
    );
  });

  it('sees one connection as one object, and what has changed of it since', async () => {
    const house = await houseWith(`
      const seen = new WeakMap();
      server.on('helo', ({ connection }) => { seen.set(connection, connection.transaction); return NEXT; });
      server.on('data', ({ connection }) => deny(reply(550, '5.0.0', [
        seen.has(connection), seen.get(connection) === connection.transaction, connection.helo,
        connection.transaction.recipients.map(({ address }) => address).join(), connection.notes.get('a'), connection.notes.has('b'),
      ].join(' '))));
    `);
    const connection = { ...connect(house, { helo: null }), helo: null as string | null };
    connection.notes.set('b', 1);
    await house.bus.run('helo', { connection, name: 'x' });
    connection.helo = 'later';
    connection.notes.set('a', { deep: [1] }).delete('b');
    connection.notes.set('a', 'text');
    (connection.transaction?.recipients as object[] | undefined)?.push(
      recipient('one@qq.com'),
      recipient('two@qq.com'),
    );
    expect(words(await house.bus.run('data', { connection }))).toBe(
      '550 5.0.0 true true later one@qq.com,two@qq.com text false',
    );
  });

  it('shares notes that can be cloned with plugins elsewhere, and says once that others stay', async () => {
    const house = await houseWith(`
      server.on('helo', ({ connection: { notes } }) => {
        notes.set('mine', { list: [1, new Date(0)] }).set('function', () => 1);
        return notes.has('theirs') || !notes.has('plain') ? denySoft() : NEXT;
      });
      server.on('vrfy', ({ connection: { notes } }) => { notes.delete('mine'); return notes.get('function')() === 1 ? OK : NEXT; });
    `);
    const connection = connect(house);
    connection.notes.set('theirs', () => {}).set('plain', 7);
    for (const _ of [1, 2]) expect((await house.bus.run('helo', { connection, name: 'x' })).code).toBe('NEXT');
    expect(connection.notes.get('mine')).toEqual({ list: [1, new Date(0)] });
    expect(connection.notes.has('function')).toBe(false);
    expect((await house.bus.run('vrfy', { connection, address: 'x' })).code).toBe('OK');
    expect([...connection.notes.keys()]).toEqual(['theirs', 'plain']);
    expect(said(house).filter((line) => line.includes('cannot be cloned')).length).toBe(2);
  });

  it('has the services of the server, also those that answer at once', async () => {
    const house = await houseWith(
      `
      const table = server.tables.open('hash:' + server.config.folder + '/list');
      server.log.info({ of: server.parameters.string('mail_name') }, 'registered');
      server.on('helo', async ({ connection }) => {
        const found = [
          await table.get('key'), table.wholeKeyOnly, [...table.entries()].length,
          connection.parameters.number('smtpd_hard_error_limit'), connection.parameters === server.parameters,
          (await server.directory.find('xixi@baidu.com'))?.address ?? 'nobody',
          await server.domains.classify('qq.com'), await server.domains.recipientExists('xixi@nowhere', connection.parameters),
          await server.resolver.a('no.example').catch((error) => error instanceof ResolveError && error.reason),
          server.clock(), server.resolvePath('/x') !== '', await server.send({ from: '', to: [], message: '' }),
          await server.state.update('count', (n = 0) => n + 1), await server.state.update('count', (n = 0) => n + 1),
          (await server.state.keys()).join(), (await server.verifications.verify('a@b', 1)) === null,
        ];
        try { connection.parameters.untyped.string('no_such'); } catch (error) { found.push(error.message); }
        try { server.tables.open('nonsense:x'); } catch (error) { found.push('refused'); }
        return deny(reply(550, '5.0.0', found.join(' ')));
      });
    `,
      { clock: () => 77, files: { list: 'key value\nother 1\n', 'plugins.d/guest.json': '{ "folder": "TABLES" }' } },
    );
    expect(words(await house.bus.run('helo', { connection: connect(house), name: 'x' }))).toBe(
      '550 5.0.0 value false 2 20 true xixi@baidu.com default true notfound 77 true SENT 1 2 count true no parameter is named "no_such" refused',
    );
    expect(said(house).some((line) => line.includes('registered'))).toBe(true);
  });

  it('reads a message piece by piece, and replaces its body by a stream', async () => {
    const house = await houseWith(`
      server.on('data_post', async ({ content, change, transaction }) => {
        let size = 0;
        for await (const piece of content) size += Buffer.isBuffer(piece) ? piece.length : NaN;
        change.addHeader('X-Size', String(size));
        await change.replaceBody(async function* (body) { yield 'before\\n'; for await (const piece of body) yield piece; });
        let fault = '';
        try { change.addHeader('no good', 'x'); } catch (error) { fault = error.message; }
        transaction.notes.set('seen', [transaction.header.get('X-Size'), change.removeHeader('X-Old'), change.changed.body, fault]);
        return NEXT;
      });
    `);
    const made: string[] = [];
    const transaction = transactionOf('a@qq.com');
    const message: HookArguments['data_post'] = {
      ...messageWith(transaction),
      change: {
        ...UNCHANGEABLE,
        changed: { fields: [], body: true },
        addHeader: (name, value) => {
          if (name.includes(' ')) throw new Error('not a header field');
          Object.assign(transaction, { header: parseHeader(Buffer.from(`${name}: ${value}\r\n\r\n`)) });
        },
        removeHeader: () => 2,
        async replaceBody(transform) {
          const body = (async function* () {
            yield Buffer.from('one ');
            yield Buffer.from('two');
          })();
          for await (const piece of transform(body)) made.push(Buffer.from(piece as string).toString());
        },
      },
    };
    expect(words(await house.bus.run('data_post', message))).toBe('NEXT');
    expect(made.join('')).toBe('before\none two');
    expect(transaction.notes.get('seen')).toEqual(['20', 2, true, 'not a header field']);
  });

  it('may use a connection to a program of this machine', async () => {
    const path = join(temporaryFolder('socket'), 's');
    const echo = createServer((socket) => socket.on('data', (octets) => socket.end(`got ${octets.toString()}`)));
    await new Promise<void>((resolve) => echo.listen(path, resolve));
    const house = await houseWith(`
      server.on('helo', async () => {
        const socket = server.connectLocal(${JSON.stringify(path)});
        socket.write('hello');
        let text = '';
        for await (const piece of socket) text += piece;
        const failed = await new Promise((resolve) => server.connectLocal('/nowhere/s').once('error', () => resolve('failed')));
        return deny(reply(550, '5.0.0', text + ' ' + failed));
      });
    `);
    expect(words(await house.bus.run('helo', { connection: connect(house), name: 'x' }))).toBe(
      '550 5.0.0 got hello failed',
    );
    await new Promise((resolve) => echo.close(resolve));
  });

  it('defines restrictions, and asks those of others', async () => {
    const house = await houseWith(
      `
      server.defineRestriction('reject_shouting', {
        check: async ({ recipient, connection }) =>
          /^[A-Z]+@/.test(recipient?.original ?? '') ? rejectWith(reply(550, '5.7.1', 'quiet, ' + connection.remote.ip)) : DUNNO,
      });
      server.on('vrfy', async ({ connection }) => {
        const other = server.restriction('permit_mynetworks');
        const question = { connection, stage: 'VRFY', helo: null, sender: null, recipient: null, domain: null, subject: { name: '', kind: 'Client host' }, argument: '' };
        return (await other.check(question)).kind === 'permit' ? OK : NEXT;
      });
    `,
      {
        plugins: ['restrictions', 'guest'],
        parameters: { smtpd_recipient_restrictions: 'reject_shouting, permit_mynetworks, reject_unauth_destination' },
      },
    );
    expect(await rcpt(house, 'XIXI@baidu.com')).toMatch(/^550 5.7.1 .*quiet, 127.0.1.77/);
    const asked = { connection: connect(house, { ip: '127.0.1.3' }), address: 'x' };
    expect((await house.bus.run('vrfy', asked)).code).toBe('OK');
  });

  it('answers dns_query, deliver and expand', async () => {
    const house = await houseWith(`
      server.on('dns_query', ({ answer }) => { answer.records.push('@ 60 A 192.0.2.1'); answer.rcode = 'NOERROR'; return OK; });
      server.on('deliver', (letter) => { letter.mailbox = letter.header.get('List-Id'); letter.flags.push('\\\\Seen', 'not a flag'); return NEXT; });
      server.on('expand', ({ recipient, into }) => { into.push({ ...recipient, address: 'other@qq.com' }); return OK; });
    `);
    const answer: HookArguments['dns_query']['answer'] = { records: [], rcode: 'NXDOMAIN' };
    const question = { name: 'a.example.', type: 1, class: 1 };
    expect((await house.bus.run('dns_query', { question, type: 'A', remoteIp: '::1', zone: null, answer })).code).toBe(
      'OK',
    );
    expect(answer).toEqual({ records: ['@ 60 A 192.0.2.1'], rcode: 'NOERROR' });
    const account = {
      id: 1,
      address: 'a@b',
      passwordHash: '',
      disabled: false,
      quota: 0,
      createdAt: 0,
      forwarding: null,
    };
    const header = parseHeader(Buffer.from('List-Id: Lists\r\n\r\n'));
    const letter = {
      account,
      recipient: recipient('a@b'),
      header,
      reversePath: '',
      mailbox: 'INBOX',
      flags: [] as string[],
      copies: [],
      forward: [],
      drop: null,
    };
    expect(words(await house.bus.run('deliver', letter))).toBe(DEFERRED);
    expect([letter.mailbox, letter.flags]).toEqual(['Lists', ['\\Seen']]);
    const into: HookArguments['expand']['into'] = [];
    await house.bus.run('expand', { recipient: recipient('a@b'), into, steps: { maps: true, aliases: true } });
    expect(into).toEqual([{ ...recipient('a@b'), address: 'other@qq.com' }]);
  });

  it('tells whoever watches what it has to say', async () => {
    const house = await houseWith(`
      server.on('helo', () => { trace()?.add({ kind: 'log', text: 'because' }); return NEXT; }, { when: (c) => c.remote.ip !== '127.0.1.3' });
    `);
    const steps: unknown[] = [];
    const ask = (ip: string) =>
      traced({ hypothetical: false, add: (step) => void steps.push(step) }, () =>
        house.bus.run('helo', { connection: connect(house, { ip }), name: 'x' }),
      );
    await ask('127.0.1.3');
    await ask('127.0.1.77');
    expect(steps).toEqual([{ kind: 'log', text: 'because' }]);
  });
});

describe('G6: trouble in a worker is that of its plugin alone', () => {
  const HELO = async (house: TestHouse): Promise<string> =>
    words(await house.bus.run('helo', { connection: connect(house), name: 'x' }));
  /** The first time the plugin does this; then, in the next thread, it answers. */
  const once = (trouble: string): string => `
    server.on('helo', async ({ connection }) => {
      if (await server.state.get('done')) return deny(reply(550, '5.0.0', 'works'));
      await server.state.set('done', true);
      ${trouble}
    });
  `;

  it.each([
    [
      'loops',
      'for (;;);',
      { deadline: 1 },
      /did not come back within 1 s while it was asked helo of 4TEST.*; another one is started now\. Mend the loop.*"deadline" in plugins\.d\/guest\.json/,
    ],
    [
      'fills its heap',
      'const all = []; for (;;) all.push({ a: [1, 2, 3] });',
      { memory_mb: 32 },
      /needs more than 32 MB of memory .*helo of 4TEST.*"memory_mb" in plugins\.d\/guest\.json/,
    ],
    [
      'fills memory outside of its heap',
      'const all = []; for (;;) { all.push(Buffer.alloc(1e7, 1)); await new Promise(setImmediate); }',
      { memory_mb: 64 },
      /needs more than 64 MB of memory/,
    ],
    [
      'ends its process',
      'process.exit(3);',
      {},
      /ended itself by process\.exit\(3\) .*helo of 4TEST.*have it throw an Error instead/,
    ],
  ])('a worker that %s is ended, its calls fail, and another one works', async (_what, trouble, settings, message) => {
    const house = await houseWith(once(trouble), { settings });
    const replies = new Set<string>();
    while (!replies.has('550 5.0.0 works')) replies.add(await HELO(house));
    expect([...replies]).toEqual([DEFERRED, '550 5.0.0 works']);
    expect(
      said(house)
        .filter((line) => line.includes('its worker') && line.includes('another one'))
        .join('\n'),
    ).toMatch(message);
  });

  it.each([
    ['of a timer', "setTimeout(() => { throw new Error('late'); });"],
    ['of a promise', "Promise.reject(new Error('late'));"],
    [
      'that is none',
      "Promise.reject(Object.assign(Object.create(null), { message: {}, stack: {} })); setTimeout(() => { throw new Error('late'); });",
    ],
  ])('an error %s that nobody waits for is told, and the plugin goes on', async (_what, trouble) => {
    const house = await houseWith(
      `let calls = 0; server.on('helo', async () => { ${trouble} calls += 1; return deny(reply(550, '5.0.0', String(calls))); });`,
    );
    expect([await HELO(house), await HELO(house)]).toEqual(['550 5.0.0 1', '550 5.0.0 2']);
    await expect.poll(() => said(house).join('\n')).toMatch(/an error that nobody waited for: Error: late/);
  });

  it('a worker is not started again on code that nobody has loaded: a reload is', async () => {
    const house = await houseWith("server.on('helo', () => process.exit(1));");
    const [plugin] = house.bus.plugins;
    writeFileSync(plugin?.file ?? '', 'half a program');
    expect(await HELO(house)).toBe(DEFERRED);
    const told =
      'its worker ended itself by process.exit(1), and its code has changed since it was loaded: "posthorn reload" starts it again';
    await expect.poll(() => said(house)).toContain(`plugin guest: ${told}`);
    expect(await HELO(house)).toBe(DEFERRED);
    expect(said(house).at(-1)).toContain(`helo of 4TEST rejected: ${told}`);
  });

  it('a failure counts as the plugin says', async () => {
    const house = await houseWith("server.on('helo', () => { throw new Error('boom'); });", { onError: 'pass' });
    expect(await HELO(house)).toBe('NEXT');
    expect(said(house).join('\n')).toMatch(/guest: helo of 4TEST rejected: boom/);
  });

  it('a handler that never answers costs its deadline, and not its worker', async () => {
    const house = await houseWith(
      "let calls = 0; server.on('helo', () => { calls += 1; return calls === 1 ? new Promise(() => {}) : deny(reply(550, '5.0.0', String(calls))); });",
      { settings: { deadline: 0.2 } },
    );
    expect(await HELO(house)).toBe(DEFERRED);
    expect(await HELO(house)).toBe('550 5.0.0 2');
  });

  it('what a plugin posts to the server by itself is ignored, and said once', async () => {
    const house = await houseWith(
      `server.on('helo', () => {
        for (const rubbish of ['x', 1, null, [], [[]], [[1, 1, 2]], [[0, 5, 'no', [], 0]], [[3, 0, 'trace', {}, 0]], ['now'], [[1, 999, 'answer']]]) {
          const value = serialize(rubbish);
          const head = Buffer.alloc(5);
          head.writeUInt32LE(value.length);
          writeSync(4, Buffer.concat([head, value]));
        }
        return deny(reply(550, '5.0.0', 'still here'));
      });`,
      { top: "import { writeSync } from 'node:fs'; import { serialize } from 'node:v8';" },
    );
    expect(await HELO(house)).toBe('550 5.0.0 still here');
    expect(await HELO(house)).toBe('550 5.0.0 still here');
    expect(said(house).filter((line) => line.includes('did not ask for')).length).toBe(1);
  });

  it('what is no message ends the worker, and another one works', async () => {
    const house = await houseWith(once("writeSync(4, Buffer.alloc(100, 'x'));"), {
      top: "import { writeSync } from 'node:fs';",
    });
    const replies = new Set<string>();
    while (!replies.has('550 5.0.0 works')) replies.add(await HELO(house));
    expect(said(house).join('\n')).toMatch(/its worker sent \d+ octets at once while it was asked helo of 4TEST/);
  });

  it.each([
    ['one allocation at which the engine aborts', 'new Array(1e8).fill(0);'],
    [
      'one clone at which the engine aborts',
      'structuredClone(Array.from({ length: 10 }, (_, i) => String(i).repeat(1e8)));',
    ],
  ])('%s ends that worker alone', async (_what, trouble) => {
    const house = await houseWith(once(trouble), { settings: { memory_mb: 64 } });
    const replies = new Set<string>();
    while (!replies.has('550 5.0.0 works')) replies.add(await HELO(house));
    expect(said(house).join('\n')).toMatch(
      /its worker needs more than 64 MB of memory while it was asked helo of 4TEST/,
    );
  });

  it.each([
    ['a verdict of 100 MB', "return deny(reply(550, '5.7.1', 'x'.repeat(1e8)));"],
    ['a list of a million', "for (let i = 0; i < 1e6; i += 1) transaction.prepend.push('X-' + i + ': x');"],
    ['a million notes', 'for (let i = 0; i < 1e6; i += 1) connection.notes.set(String(i), i);'],
  ])('%s fails its call alone', async (_what, trouble) => {
    const house = await houseWith(`server.on('data_post', ({ connection, transaction }) => { ${trouble} });`);
    const connection = connect(house);
    const message = { ...messageWith(), connection };
    expect(words(await house.bus.run('data_post', message))).toBe(DEFERRED);
    expect(message.transaction.prepend).toEqual([]);
    expect(connection.notes.size).toBe(0);
    expect(said(house).join('\n')).toMatch(/data_post .*(?:cannot leave its process: larger than 1 MiB|at most 10000)/);
    expect(said(house).join('\n')).not.toContain('another one is started');
  });

  it('a note of 100 MB stays on its side, and that is said', async () => {
    const house = await houseWith(
      "server.on('helo', ({ connection: { notes } }) => { notes.set('large', 'x'.repeat(1e8)).set('small', 1); return NEXT; });",
    );
    const connection = connect(house);
    expect((await house.bus.run('helo', { connection, name: 'x' })).code).toBe('NEXT');
    expect([...connection.notes.keys()]).toEqual(['small']);
    expect(said(house)).toContain(
      'plugin guest: its note "large" cannot be cloned or is too large, and is kept on one side',
    );
  });

  it('more questions at once than may wait are asked one after the other', async () => {
    const house = await houseWith(
      `server.on('helo', async () => {
      await Promise.all(Array.from({ length: 5_000 }, (_, i) => server.state.set('k' + i % 7, i)));
      return deny(reply(550, '5.0.0', String(await server.state.get('k1'))));
    });`,
      { settings: { deadline: 60 } },
    );
    expect(await HELO(house)).toMatch(/^550 5\.0\.0 \d+$/);
  });

  it('what it sends changes no prototype of the server', async () => {
    const house = await houseWith(`server.on('helo', ({ connection: { notes } }) => {
      const evil = JSON.parse('{ "__proto__": { "polluted": true }, "constructor": { "prototype": { "polluted": true } } }');
      notes.set('__proto__', evil).set('evil', evil);
      return { __proto__: null, ...evil, code: 'NEXT' };
    });`);
    const connection = connect(house);
    await house.bus.run('helo', { connection, name: 'x' });
    expect(connection.notes.has('evil')).toBe(true);
    expect(({} as { readonly polluted?: unknown }).polluted).toBe(undefined);
  });

  it('an answer that cannot be sent fails its call alone', async () => {
    const house = await houseWith("server.on('helo', ({ connection }) => ({ code: 'OK', more: () => connection }));");
    expect(await HELO(house)).toBe(DEFERRED);
    expect(said(house).join('\n')).toMatch(/cannot leave its process/);
  });

  it('a plugin that cannot begin makes the start fail, and says why', async () => {
    await expect(houseWith("throw new Error('needs an apiKey');")).rejects.toThrow('plugin guest: needs an apiKey');
    await expect(houseWith("server.on('hello', () => NEXT);")).rejects.toThrow(
      'there is no such hook; did you mean helo?',
    );
    await expect(houseWith('process.exit(1);')).rejects.toThrow('its worker ended itself by process.exit(1)');
    await expect(houseWith('', { settings: { worker: 'yes' } })).rejects.toThrow('worker: expected true or false');
  });
});
