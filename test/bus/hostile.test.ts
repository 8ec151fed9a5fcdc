/** Plugins that throw, return and prepend unexpected values: the guarantee of the bus holds for all of them. */
import { describe, expect, it } from 'vitest';
import { Bus, DEFAULT_POLICY } from '../../src/bus/bus.ts';
import { NEXT, OK } from '../../src/bus/hook.ts';
import type { Handler } from '../../src/bus/plugin.ts';
import { pluginLog } from '../../src/bus/plugin-log.ts';
import { reply } from '../../src/mail/status.ts';
import { readRunning, runningMemory } from '../../src/running.ts';
import { recordLog } from '../kit/log.ts';
import { transactionOf, UNCHANGEABLE, words } from './house.ts';

const AUTH = {
  login: 'u',
  password: 'p',
  passwordOctets: Buffer.from('p'),
  remoteIp: '127.0.0.1',
  protocol: 'smtp',
  mechanism: 'PLAIN',
} as const;
const FAILED = '451 4.3.0 Error: service temporarily unavailable';

const bomb = (): never => {
  throw new Error('boom');
};
const revoked = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};
/** Every trap throws. */
const trapped = (): object =>
  new Proxy(
    {},
    {
      get: bomb,
      has: bomb,
      getPrototypeOf: bomb,
      ownKeys: bomb,
      getOwnPropertyDescriptor: bomb,
      set: bomb,
      defineProperty: bomb,
      deleteProperty: bomb,
    },
  );
const cyclic = (): object => {
  const value: Record<string, unknown> = {};
  value['message'] = value;
  return value;
};
const getter = (key: string): object => Object.defineProperty({}, key, { get: bomb, enumerable: true });

type Then = (ok: (value: unknown) => void, fail: (why: unknown) => void) => void;
const thenable = (then: Then): object => Object.defineProperty({}, 'then', { value: then });

const THROWN: readonly (readonly [string, () => unknown])[] = [
  ['an error whose message is an object', () => Object.assign(new Error('x'), { message: { a: 1 } })],
  ['an error whose message is undefined', () => Object.assign(new Error('x'), { message: undefined })],
  ['an error whose message throws', () => Object.defineProperty(new Error('x'), 'message', { get: bomb })],
  [
    'an error whose toString throws',
    () => Object.assign(new Error('x'), { toString: bomb, [Symbol.toPrimitive]: bomb }),
  ],
  ['a Proxy whose traps throw', trapped],
  ['a revoked Proxy', revoked],
  ['a cyclic value', cyclic],
  ['a frozen error', () => Object.freeze(new Error('cold'))],
  ['an error of a million characters', () => new Error('x'.repeat(1_000_000))],
  ['nothing', () => undefined],
  ['null', () => null],
  ['a symbol', () => Symbol('x')],
];

const ANSWERED: readonly (readonly [string, () => unknown])[] = [
  ['a value whose then throws', () => getter('then')],
  ['a thenable that throws', () => thenable(bomb)],
  ['a thenable that rejects with a revoked Proxy', () => thenable((_ok, fail) => fail(revoked()))],
  [
    'a promise whose constructor throws',
    () => Object.defineProperty(Promise.resolve(OK), 'constructor', { get: bomb }),
  ],
  ['a revoked Proxy', revoked],
  ['a Proxy whose traps throw', trapped],
  ['a verdict whose code throws', () => getter('code')],
  ['a verdict whose code cannot be converted to text', () => ({ code: Object.create(null) })],
  ['a verdict whose reply throws', () => Object.defineProperty({ code: 'DENY' }, 'reply', { get: bomb })],
  [
    'a reply whose text throws',
    () => ({ code: 'DENY', reply: Object.defineProperty({ code: 550, enhanced: '' }, 'text', { get: bomb }) }),
  ],
  [
    'a reply whose code cannot be converted to text',
    () => ({ code: 'DENY', reply: { code: Object.create(null), enhanced: '', text: '' } }),
  ],
  ['an account that is a string', () => ({ code: 'OK', account: 'me' })],
];

function busOf(handler: () => unknown, onError: 'defer' | 'pass' = 'defer') {
  const { log, lines } = recordLog();
  const bus = new Bus({ log, clock: () => 0 });
  bus.add('odd', { ...DEFAULT_POLICY, onError }).on('auth', handler as Handler<'auth'>);
  return { bus, lines };
}

describe('run never rejects, and a failing plugin counts as its failure mode', () => {
  it.each(THROWN)('if it throws or rejects with %s', async (_name, value) => {
    const throwing = (): never => {
      throw value();
    };
    for (const handler of [throwing, async () => throwing()]) {
      const { bus, lines } = busOf(handler);
      expect(words(await bus.run('auth', AUTH))).toBe(FAILED);
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatch(/^warn: plugin odd: auth (?:threw|rejected): .{1,310}; counts as a temporary failure$/);
      await bus.close();
      const lenient = busOf(handler, 'pass');
      expect(words(await lenient.bus.run('auth', AUTH))).toBe('NEXT');
      await lenient.bus.close();
    }
  });

  it.each(ANSWERED)('if it answers %s', async (_name, value) => {
    for (const handler of [value, async () => value()]) {
      const { bus, lines } = busOf(handler);
      expect(words(await bus.run('auth', AUTH))).toBe(FAILED);
      expect(lines).toHaveLength(1);
      expect(lines[0]).toContain('warn: plugin odd: auth ');
      await bus.close();
    }
  });

  it('if an observing handler or close does so', async () => {
    const { log, lines } = recordLog();
    const bus = new Bus({ log, clock: () => 0 });
    const place = bus.add('odd');
    place.on('bounce', () => Promise.reject(revoked()));
    place.onClose(() => {
      throw revoked();
    });
    expect(await bus.run('bounce', { queueId: 'Q', recipient: 'a@b', reply: reply(550, '', ''), relay: '' })).toBe(
      NEXT,
    );
    await bus.close();
    expect(lines).toEqual([
      'warn: plugin odd: bounce of Q rejected: an error whose message is of type object; counts as no opinion',
      expect.stringContaining('close failed'),
    ]);
  });
});

describe('an answer', () => {
  it('is used once, even if a thenable calls back twice', async () => {
    const { bus } = busOf(() =>
      thenable((ok, fail) => {
        ok(OK);
        ok({ code: 'DENY' });
        fail(new Error('x'));
      }),
    );
    expect(words(await bus.run('auth', AUTH))).toBe('OK');
  });

  it('is read once: a different value from a getter after validation is not used', async () => {
    let reads = 0;
    const text = (): string => {
      reads += 1;
      return reads === 1 ? 'no' : 'no\r\n250 yes';
    };
    const { bus } = busOf(() => ({
      code: 'DENY',
      reply: Object.defineProperty({ code: 550, enhanced: '' }, 'text', { get: text }),
    }));
    const verdict = await bus.run('auth', AUTH);
    expect([words(verdict), words(verdict)]).toEqual(['550 no', '550 no']);
  });

  it('may be frozen', async () => {
    const { bus } = busOf(() => Object.freeze({ code: 'DENY', reply: Object.freeze(reply(550, '5.7.1', 'no')) }));
    expect(words(await bus.run('auth', AUTH))).toBe('550 5.7.1 no');
  });
});

describe('a line prepended by a plugin', () => {
  it('stays if it is a header field; others are dropped and logged with plugin and hook', async () => {
    const { log, lines } = recordLog();
    const bus = new Bus({ log, clock: () => 0 });
    const transaction = transactionOf('a@qq.com');
    bus.add('tagger').on('data_post', () => {
      transaction.prepend.push('X-Good: yes', '', ' X-Kept: no', 'X-Folded: a\n b', 42 as never);
      return NEXT;
    });
    expect(
      await bus.run('data_post', { connection: null, transaction, content: {} as never, change: UNCHANGEABLE }),
    ).toBe(NEXT);
    expect(transaction.prepend).toEqual(['X-Good: yes', 'X-Folded: a\r\n b']);
    expect(lines).toEqual(
      ['nothing in ""', 'no "Name: value" in " X-Kept: no"', 'expected a string, got number'].map(
        (fault) =>
          `warn: plugin tagger: data_post prepended a line that is not a header field and is left out: ${fault}`,
      ),
    );
  });

  it('fails the hook if the list itself is broken', async () => {
    const { log } = recordLog();
    const bus = new Bus({ log, clock: () => 0 });
    const transaction = { ...transactionOf('a@qq.com'), prepend: Object.freeze(['']) as never };
    bus.add('icy').on('data_post', () => NEXT);
    expect(
      words(await bus.run('data_post', { connection: null, transaction, content: {} as never, change: UNCHANGEABLE })),
    ).toBe(FAILED);
  });
});

describe('a field set by a plugin to a value of the wrong kind', () => {
  const CHANGES = { redirect: 7, discard: 'a\r\nb', hold: {}, filter: ['x:y'], reversePath: null };

  it.each(['defer', 'pass'] as const)(
    'is reset and counts as a failure, also if the plugin throws afterwards: %s',
    async (onError) => {
      for (const afterwards of [() => NEXT, bomb]) {
        const { log, lines } = recordLog();
        const bus = new Bus({ log, clock: () => 0 });
        const transaction = transactionOf('a@qq.com');
        bus.add('odd', { ...DEFAULT_POLICY, onError }).on('data_post', () => {
          Object.assign(transaction, CHANGES);
          transaction.bcc.push('boss@baidu.com', 7 as never);
          return afterwards();
        });
        expect(
          words(
            await bus.run('data_post', { connection: null, transaction, content: {} as never, change: UNCHANGEABLE }),
          ),
        ).toBe(onError === 'defer' ? FAILED : 'NEXT');
        expect(transaction).toMatchObject({
          redirect: null,
          discard: null,
          hold: null,
          filter: null,
          reversePath: '',
          bcc: ['boss@baidu.com'],
        });
        expect(lines).toHaveLength(1);
        if (afterwards !== bomb)
          expect(lines[0]).toContain(
            'set redirect, discard, hold, filter, reversePath, bcc to a value that is not allowed there',
          );
      }
    },
  );

  it.each([
    ['', 'a@b.example'],
    ['a@b.example', ''],
    ['a@b.example', 'nobody'],
    ['a@b.example', 'a@b.example>\r\nRCPT TO:<x@y.example'],
    ['a@b.example', 'a\x1b@b.example'],
    ['a@b.example', `${'x'.repeat(250)}@b.example`],
    ['a@b.example', undefined],
    ['a@b.example', ['x@b.example']],
  ])('cannot replace the sender <%s> by %j', async (sender, reversePath) => {
    const { log, lines } = recordLog();
    const bus = new Bus({ log, clock: () => 0 });
    bus.add('odd').on('send_email', (attempt) => {
      attempt.reversePath = reversePath as never;
      return NEXT;
    });
    const attempt = { queueId: 'Q', sender, reversePath: sender };
    expect(words(await bus.run('send_email', attempt as never))).toBe(FAILED);
    expect(attempt.reversePath).toBe(sender);
    expect(lines.join()).toContain('set reversePath to a value that is not allowed there');
  });

  it('neither changes mailbox and flags, nor loses a recipient', async () => {
    const { log } = recordLog();
    const bus = new Bus({ log, clock: () => 0 });
    const place = bus.add('odd');
    place.on('deliver', (letter) => {
      letter.mailbox = 'a\r\nb';
      letter.flags.push('$Junk', '\\Seen', 'a) BODY[] (', '\\Recent', 7 as never);
      return NEXT;
    });
    place.on('expand', ({ into }) => {
      into.push({ address: 'b@baidu.com' } as never, { address: 7 } as never);
      return OK;
    });
    const letter = { mailbox: 'INBOX', flags: [] as string[] };
    expect(words(await bus.run('deliver', letter as never))).toBe(FAILED);
    expect(letter).toEqual({ mailbox: 'INBOX', flags: ['$Junk', '\\Seen'] });
    const into: unknown[] = [];
    expect(
      words(
        await bus.run('expand', { recipient: {} as never, into: into as never, steps: { maps: true, aliases: true } }),
      ),
    ).toBe(FAILED);
    expect(into).toEqual([]);
  });
});

describe('the log of a plugin', () => {
  it('never throws, whatever its arguments', () => {
    const { log, lines } = recordLog();
    const own = pluginLog(log, 'odd');
    for (const fields of [trapped(), revoked(), getter('x'), null, 'text', cyclic()])
      own.info(fields as object, 'said');
    own.warn({}, trapped() as never);
    own.warn({}, 'x'.repeat(1_000_000));
    expect(lines.map((line) => line.slice(0, 60)).slice(0, 7)).toEqual([
      ...Array(6).fill('info: said'),
      'warn: an error whose message is of type object',
    ]);
    expect(lines[7]?.length).toBeLessThan(10_000);
  });
});

describe('the running handler', () => {
  it('is recorded while it runs and cleared afterwards, whatever it does', async () => {
    const { log } = recordLog();
    const bus = new Bus({ log, clock: () => 0 });
    const seen: (string | null)[] = [];
    const look = (): void => void seen.push(readRunning(runningMemory()).plugin);
    const place = bus.add('greylist');
    place.on('auth', () => {
      look();
      throw new Error('x');
    });
    place.on('etrn', () => {
      void bus.run('auth', AUTH);
      look();
      return NEXT;
    });
    await bus.run('etrn', { connection: {} as never, domain: '' });
    look();
    expect(seen).toEqual(['plugin greylist, hook auth', 'plugin greylist, hook etrn', null]);
    const answer = Promise.withResolvers<typeof NEXT>();
    place.on('vrfy', () => answer.promise);
    const asked = bus.run('vrfy', { connection: {} as never, address: '' });
    const awaited = (): string | null => readRunning(runningMemory()).awaited;
    expect(awaited()).toBe('plugin greylist, hook vrfy');
    answer.resolve(NEXT);
    await asked;
    expect(awaited()).toBeNull();
  });

  it('is told when it copies or forwards a message to more than may be, and the rest is left out', async () => {
    const { log, lines } = recordLog();
    const bus = new Bus({ log, clock: () => 0 });
    bus.add('many').on('deliver', (letter) => {
      for (let i = 0; i < 21; i += 1) letter.copies.push(`Copy ${i}`);
      for (let i = 0; i < 101; i += 1) letter.forward.push(`user${i}@example.org` as never);
      return NEXT;
    });
    const letter = { mailbox: 'INBOX', flags: [], drop: null, copies: [] as string[], forward: [] as string[] };
    expect(words(await bus.run('deliver', letter as never))).toBe(FAILED);
    expect([letter.copies.length, letter.forward.length]).toEqual([20, 100]);
    expect(lines[0]).toContain('plugin many: deliver set copies (21 of at most 20), forward (101 of at most 100)');
  });
});
