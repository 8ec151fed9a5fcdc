import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Bus, DEFAULT_POLICY, type PluginPolicy } from '../../src/bus/bus.ts';
import { FAILURES_TO_OPEN, FIRST_PAUSE } from '../../src/bus/circuit.ts';
import { DISCONNECT, deny, type HookArguments, NEXT, OK, type Verdict } from '../../src/bus/hook.ts';
import type { Handler } from '../../src/bus/plugin.ts';
import { HookSwitch } from '../../src/bus/switch.ts';
import { reply } from '../../src/mail/status.ts';
import { StoreUnavailableError } from '../../src/store/store.ts';
import { recordLog } from '../kit/log.ts';
import { words } from './house.ts';

const AUTH: HookArguments['auth'] = {
  login: 'u',
  password: 'p',
  passwordOctets: Buffer.from('p'),
  remoteIp: '127.0.0.1',
  protocol: 'smtp',
  mechanism: 'PLAIN',
};
const FAILED = '451 4.3.0 Error: service temporarily unavailable';

interface Rig {
  readonly bus: Bus;
  readonly lines: string[];
  now: number;
  add(name: string, handler: Handler<'auth'>, priority?: number, policy?: Partial<PluginPolicy>): void;
  ask(): Promise<string>;
}

function rig(): Rig {
  const { log, lines } = recordLog();
  const self: Rig = {
    bus: new Bus({ log, clock: () => self.now }),
    lines,
    now: 0,
    add: (name, handler, priority = 0, policy = {}) =>
      self.bus.add(name, { ...DEFAULT_POLICY, ...policy }).on('auth', handler, { priority }),
    ask: async () => words(await self.bus.run('auth', AUTH)),
  };
  return self;
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('order', () => {
  it('handlers are asked by priority, then in the order of the plugins, until one decides', async () => {
    const { bus, add, ask } = rig();
    const asked: string[] = [];
    const note = (name: string, verdict: Verdict) => () => {
      asked.push(name);
      return verdict;
    };
    add('second', note('second', NEXT));
    add('third', note('third', deny(reply(550, '5.7.1', 'no'))));
    add('never', note('never', OK));
    add('first', note('first', NEXT), -1);
    expect(await ask()).toBe('550 5.7.1 no');
    expect(asked).toEqual(['first', 'second', 'third']);
    expect([bus.has('auth'), bus.has('mail')]).toEqual([true, false]);
  });

  it('a hook counts only where a handler wants to be asked, or its condition fails', async () => {
    const { bus } = rig();
    const connection = {} as never;
    const only = (when: () => boolean): void => bus.add('plugin').on('auth', () => OK, { when });
    only(() => false);
    expect([bus.has('auth'), bus.has('auth', connection), bus.has('auth', null)]).toEqual([true, false, false]);
    only(() => {
      throw new Error('when');
    });
    expect(bus.has('auth', connection)).toBe(true);
  });

  it('the answer is NEXT if no handler listens, and if all pass', async () => {
    const { bus, add, ask } = rig();
    expect(await bus.run('auth', AUTH)).toBe(NEXT);
    add('a', () => NEXT);
    add('b', async () => NEXT);
    expect(await ask()).toBe('NEXT');
  });

  it('after a promise, synchronous handlers are still asked', async () => {
    const { add, ask } = rig();
    add('a', async () => NEXT);
    add('b', () => DISCONNECT);
    expect(await ask()).toBe('DISCONNECT');
  });

  it('no timer is set for synchronous handlers', async () => {
    const { add, ask } = rig();
    add('a', () => NEXT);
    add('b', () => OK);
    const timers = vi.spyOn(globalThis, 'setTimeout');
    expect(await ask()).toBe('OK');
    expect(timers).not.toHaveBeenCalled();
  });
});

describe('G6: a failing plugin is contained', () => {
  const NONSENSE: readonly [string, unknown, string][] = [
    ['nothing', undefined, 'answered undefined'],
    ['null', null, 'answered null'],
    ['a number', 902, 'answered number'],
    ['an unknown code', { code: 'MAYBE' }, 'the verdict code MAYBE'],
    ['a reply of another class', { code: 'DENY', reply: reply(250, '2.0.0', 'ok') }, 'DENY with reply code 250'],
    [
      'a soft refusal with a hard code',
      { code: 'DENYSOFT', reply: reply(550, '5.0.0', 'no') },
      'DENYSOFT with reply code 550',
    ],
    ['a reply with CR LF', { code: 'DENY', reply: reply(550, '5.0.0', 'no\r\n250 yes') }, 'reply text'],
    ['a reply that is endless', { code: 'DENY', reply: reply(550, '5.0.0', 'x'.repeat(5000)) }, 'reply text'],
    ['a wrong enhanced code', { code: 'DENY', reply: reply(550, 'five', 'no') }, 'enhanced status code'],
    ['a reply that is none', { code: 'DENY', reply: 'no' }, 'an invalid reply'],
  ];

  it.each(NONSENSE)('%s is not a valid verdict, whether returned at once or later', async (_name, answer, logged) => {
    for (const handler of [() => answer, async () => answer]) {
      const { add, ask, lines } = rig();
      add('odd', handler as Handler<'auth'>);
      add('after', () => OK);
      expect(await ask()).toBe(FAILED);
      expect(lines).toHaveLength(1);
      expect(lines[0]).toContain(`warn: plugin odd: auth answered`);
      expect(lines[0]).toContain(logged);
    }
  });

  it('an exception and a rejection count as the failure mode, and are logged once with plugin and hook', async () => {
    const { add, ask, lines } = rig();
    add(
      'throws',
      () => {
        throw new Error('broken\nstack');
      },
      0,
      { onError: 'pass' },
    );
    add('rejects', () => Promise.reject({ not: 'an error' }));
    expect(await ask()).toBe(FAILED);
    expect(lines).toEqual([
      'warn: plugin throws: auth threw: broken; counts as no opinion',
      'warn: plugin rejects: auth rejected: a value of type object; counts as a temporary failure',
    ]);
  });

  it('a handler that hangs is abandoned at its deadline, and its later result is ignored', async () => {
    const { add, ask, lines } = rig();
    const late = Promise.withResolvers<Verdict>();
    add('hangs', () => late.promise, 0, { deadline: 2000, onError: 'pass' });
    add('after', () => OK);
    const asked = ask();
    await vi.advanceTimersByTimeAsync(1999);
    expect(lines).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(await asked).toBe('OK');
    late.reject(new Error('too late'));
    await vi.advanceTimersByTimeAsync(0);
    expect(lines).toEqual(['warn: plugin hangs: auth gave no answer within 2 s, its "deadline"; counts as no opinion']);
  });

  it('after many failures in a row it is skipped for a while, then tried once, and asked again after a success', async () => {
    const self = rig();
    let calls = 0;
    let works = false;
    self.add('weak', () => {
      calls += 1;
      if (!works) throw new Error('down');
      return OK;
    });
    for (let i = 0; i < FAILURES_TO_OPEN + 5; i += 1) expect(await self.ask()).toBe(FAILED);
    expect(calls).toBe(FAILURES_TO_OPEN);
    expect(self.lines.at(-1)).toBe('warn: plugin weak: auth failed too often and is not called for 5 s');
    self.now += FIRST_PAUSE;
    await self.ask();
    await self.ask();
    expect(calls).toBe(FAILURES_TO_OPEN + 1);
    expect(self.lines.at(-1)).toBe('warn: plugin weak: auth failed too often and is not called for 10 s');
    works = true;
    self.now += 2 * FIRST_PAUSE;
    expect(await self.ask()).toBe('OK');
    expect(self.lines.at(-1)).toBe('info: plugin weak: auth works again; 6 calls were skipped');
    expect(await self.ask()).toBe('OK');
  });

  it.each([
    [
      'throws',
      (error: Error) => {
        throw error;
      },
    ],
    ['rejects', (error: Error) => Promise.reject(error)],
  ] as const)(
    'one that %s because the store is away is not to blame: no line, and it is asked again at once',
    async (_, fail) => {
      const self = rig();
      let isAway = true;
      self.add('weak', () => (isAway ? fail(new StoreUnavailableError('the database cannot be reached')) : OK));
      for (let i = 0; i < FAILURES_TO_OPEN + 5; i += 1) expect(await self.ask()).toBe(FAILED);
      isAway = false;
      expect(await self.ask()).toBe('OK');
      expect(self.lines).toEqual([]);
    },
  );

  it('one success in between resets the count', async () => {
    const self = rig();
    let i = 0;
    self.add('shaky', () => {
      i += 1;
      if (i % 3 !== 0) throw new Error('down');
      return OK;
    });
    for (let n = 0; n < 5 * FAILURES_TO_OPEN; n += 1) await self.ask();
    expect(i).toBe(5 * FAILURES_TO_OPEN);
  });
});

describe('observing hooks', () => {
  const told: HookArguments['delivered'] = {
    queueId: 'Q',
    recipient: 'u@baidu.com',
    reply: reply(250, '2.0.0', 'ok'),
    relay: 'mx',
  };

  it('reach every handler whatever the others answer, and one that fails is skipped', async () => {
    const { log, lines } = recordLog();
    const bus = new Bus({ log, clock: () => 0 });
    const heard: string[] = [];
    const listen = (name: string, handler: () => unknown) =>
      bus.add(name).on('delivered', handler as Handler<'delivered'>);
    listen('denies', () => {
      heard.push('denies');
      return deny();
    });
    listen('throws', () => {
      heard.push('throws');
      throw new Error('x');
    });
    listen('silent', async () => void heard.push('silent'));
    expect(await bus.run('delivered', told)).toBe(NEXT);
    expect(heard).toEqual(['denies', 'throws', 'silent']);
    expect(lines).toEqual(['warn: plugin throws: delivered of Q threw: x; counts as no opinion']);
  });
});

describe('reload', () => {
  it('new calls use the new bus at once; the old one closes when its calls have finished, last plugin first', async () => {
    const { log, lines } = recordLog();
    const closed: string[] = [];
    const add = (bus: Bus, name: string, close = (): void | Promise<void> => void closed.push(name)) => {
      const place = bus.add(name);
      place.onClose(close);
      return place;
    };
    const slow = Promise.withResolvers<Verdict>();
    const old = new Bus({ log, clock: () => 0 });
    add(old, 'first').on('auth', () => slow.promise);
    add(old, 'stuck', () => Promise.reject(new Error('no')));
    add(old, 'last');
    const fresh = new Bus({ log, clock: () => 0 });
    add(fresh, 'fresh').on('auth', () => OK);

    const hooks = new HookSwitch(old);
    const before = hooks.run('auth', AUTH);
    hooks.become(fresh);
    const swapped = old.close();
    expect(words(await hooks.run('auth', AUTH))).toBe('OK');
    expect(closed).toEqual([]);
    slow.resolve(deny(reply(535, '5.7.8', 'old')));
    expect(words(await before)).toBe('535 5.7.8 old');
    await swapped;
    expect(closed).toEqual(['last', 'first']);
    expect(lines).toEqual(['warn: plugin stuck: close failed: no']);
  });
});
