/** Logins that do not show the password: what is told of accounts that exist and of those that do not, and who gets in. */
import { describe, expect, it } from 'vitest';
import type { Account } from '../../../src/mail/account.ts';
import type { SecretScheme } from '../../../src/protocol/sasl/mechanism.ts';
import type { LoginResult, Secret } from '../../../src/server/login/authenticator.ts';
import { sharedDecoyKey } from '../../../src/server/login/decoy-secrets.ts';
import type { Judged } from '../../../src/server/login/oauth2/judge.ts';
import { makeHash } from '../../../src/server/login/password/make.ts';
import { isWellFormed } from '../../../src/server/login/password.ts';
import { PasswordAuthenticator } from '../../../src/server/login/password-authenticator.ts';
import { LoginThrottle } from '../../../src/server/login/throttle.ts';
import { StoreUnavailableError } from '../../../src/store/store.ts';
import { accountOf } from '../../kit/directory.ts';
import { recordLog } from '../../kit/log.ts';
import { openTemporaryStore } from '../../kit/store.ts';
import { VirtualTime } from '../../kit/virtual-time.ts';

interface Options {
  readonly passwordHash?: string;
  readonly decoyKey?: string;
  readonly judged?: Judged;
  readonly isAway?: boolean;
}

function door({ passwordHash = '', decoyKey = 'k', judged, isAway = false }: Options = {}) {
  const time = new VirtualTime();
  const { log, lines } = recordLog();
  const asked: string[] = [];
  const state: { account: Account } = { account: { ...accountOf('maomao@baidu.com'), passwordHash } };
  const authenticator = new PasswordAuthenticator({
    directory: {
      async find(address) {
        if (isAway) throw new StoreUnavailableError('away');
        return address.toLowerCase() === state.account.address ? state.account : null;
      },
      get: async () => state.account,
      watch: () => () => {},
    },
    hooks: {
      has: () => true,
      run: async (hook) => {
        asked.push(hook);
        return { code: 'NEXT' };
      },
    },
    defaultDomains: ['baidu.com'],
    log,
    clock: time.clock,
    decoyKey: async () => decoyKey,
    tokens: judged === undefined ? null : { configurationUrl: '', judge: async () => judged },
    throttle: new LoginThrottle({ log, clock: time.clock, sleep: time.sleep }),
  });
  const who = (login: string) => ({ login, remoteIp: '192.0.2.1', protocol: 'imap', mechanism: 'X' }) as const;
  const timed = async (result: Promise<LoginResult>): Promise<[LoginResult, number]> => {
    const began = time.now;
    const { result: decided, at } = await time.until(result);
    return [decided, (at - began) / 1000];
  };
  return {
    state,
    lines,
    asked,
    secretOf: (login: string, scheme: SecretScheme = 'SCRAM-SHA-256') => authenticator.secretOf(who(login), scheme),
    prove: (login: string, secret: Secret | null, holds = true) =>
      timed(authenticator.prove(who(login), { secret, holds })),
    judge: (login: string, token: string) => timed(authenticator.judgeToken(who(login), token)),
  };
}

const WRONG = { ok: false, reason: 'credentials' };
const SCHEMES: readonly SecretScheme[] = ['SCRAM-SHA-256', 'SCRAM-SHA-1', 'CRAM-MD5'];

describe('S1: what is stored for a mechanism', () => {
  it.each(SCHEMES)(
    '%s: an unknown login looks like one that exists, always the same, and differs from others',
    async (scheme) => {
      const made = (await makeHash(scheme, Buffer.from('geheim'), undefined)) ?? '';
      const { secretOf } = door({ passwordHash: made });
      const text = async (login: string): Promise<string> => (await secretOf(login, scheme))?.stored ?? '';
      expect(`{${scheme}}${await text('maomao')}`).toBe(made);
      const unknown = await text('nobody');
      expect(isWellFormed(`{${scheme}}${unknown}`)).toBe(true);
      const form = (stored: string): string =>
        stored.replace(/^(\d+,)|[\w+/]/g, (octet, rounds) => rounds ?? octet.replace(/./, 'x'));
      expect(form(unknown)).toBe(form(made.replace(/^\{.*\}/, '')));
      expect(await text('NOBODY@baidu.com')).toBe(unknown);
      expect(await text('somebody')).not.toBe(unknown);
      const restarted = door({ decoyKey: 'k' });
      expect((await restarted.secretOf('nobody', scheme))?.stored).toBe(unknown);
      expect((await door({ decoyKey: 'other' }).secretOf('nobody', scheme))?.stored).not.toBe(unknown);
    },
  );

  it('an account with another hash looks like an unknown one; the log says why', async () => {
    const { secretOf, prove, lines } = door({ passwordHash: '{SHA}0DPiKuNIrrVmD8IUCuw1hQxNqZc=' });
    const secret = await secretOf('maomao');
    expect(secret).toMatchObject({ passwordHash: null });
    expect(await prove('maomao', secret)).toEqual([WRONG, 2]);
    expect(lines.join('\n')).toContain('maomao@baidu.com: requested SCRAM-SHA-256 scheme, but we have only SHA');
  });

  it('a password in clear text is enough for every mechanism', async () => {
    for (const scheme of SCHEMES) {
      const { secretOf, prove } = door({ passwordHash: '{PLAIN}geheim' });
      const secret = await secretOf('maomao', scheme);
      expect(secret?.stored).toBe((await secretOf('Maomao@baidu.com', scheme))?.stored);
      expect((await prove('maomao', secret))[0]).toMatchObject({ ok: true });
    }
  });

  it('cannot be told while the store is away', async () => {
    expect(await door({ isAway: true }).secretOf('maomao')).toBeNull();
  });

  it('the key of unknown logins is the same for all processes of a store', async () => {
    const { store, close } = await openTemporaryStore(recordLog().log);
    try {
      const keys = await Promise.all([1, 2, 3].map(() => sharedDecoyKey(store.pluginStates, 0)));
      expect(new Set(keys).size).toBe(1);
      expect(await sharedDecoyKey(store.pluginStates, 1e15)).toBe(keys[0]);
    } finally {
      await close();
    }
  });
});

describe('S1: a proof', () => {
  const passwordHash = '{CRAM-MD5}f16f9cd57afad6931bff9508ef68ea2db1b62513b604cf995e4f882bed6d4f1a';

  it('admits if it holds; otherwise the answer takes as long as that to a wrong password, and longer each time', async () => {
    const { secretOf, prove, asked } = door({ passwordHash });
    const [secret, unknown] = [await secretOf('maomao', 'CRAM-MD5'), await secretOf('nobody', 'CRAM-MD5')];
    for (const wait of [2, 2, 2, 2, 2, 4, 8, 15]) {
      expect(await prove('maomao', secret, false)).toEqual([WRONG, wait]);
      expect(await prove('nobody', unknown, wait === 2)).toEqual([WRONG, wait]);
    }
    expect((await prove('maomao', secret))[0]).toMatchObject({ ok: true });
    // The hook `auth` is about passwords.
    expect(asked).toEqual([]);
  });

  it('is worth nothing after the password was changed, the account disabled, or for another one', async () => {
    const { state, secretOf, prove } = door({ passwordHash });
    const secret = await secretOf('maomao', 'CRAM-MD5');
    expect((await prove('nobody', secret))[0]).toEqual(WRONG);
    const { account } = state;
    state.account = { ...account, disabled: true };
    expect((await prove('maomao', secret))[0]).toEqual(WRONG);
    state.account = { ...account, passwordHash: '{PLAIN}other' };
    expect((await prove('maomao', secret))[0]).toEqual(WRONG);
    expect((await prove('maomao', null))[0]).toEqual(WRONG);
  });
});

describe('S1: a token', () => {
  it('admits the account if it is good', async () => {
    expect((await door({ judged: 'good' }).judge('maomao', 't'))[0]).toMatchObject({ ok: true });
    expect((await door({ judged: 'good' }).judge('nobody', 't'))[0]).toEqual(WRONG);
    expect((await door({ judged: 'unavailable' }).judge('maomao', 't'))[0]).toEqual({
      ok: false,
      reason: 'unavailable',
    });
    expect((await door().judge('maomao', 't'))[0]).toEqual(WRONG);
  });

  it('counts once while it is the same, as a wrong password does', async () => {
    const { judge } = door({ judged: 'refused' });
    for (let i = 0; i < 8; i += 1) expect(await judge('maomao', 'stale')).toEqual([WRONG, 2]);
    for (const [i, wait] of [2, 2, 2, 2, 4, 8].entries()) expect(await judge('maomao', `t${i}`)).toEqual([WRONG, wait]);
  });
});
