/** `doveadm` (doveadm(1)): `pw`, `auth test`, `user`, `reload` and `stop`. Requirement S3. */
import { OperationError } from '../../admin/operation.ts';
import { callServer, NoServerError } from '../../admin/socket.ts';
import type { Account } from '../../mail/account.ts';
import { forwardingLine } from '../../mail/forwarding.ts';
import { ownValue } from '../../own-value.ts';
import { lineFromStdin } from '../accounts.ts';
import { getopt, OptionFault } from '../getopt.ts';
import { operate } from '../place.ts';
import { type Call, isGiven, type NamedCommand, UsageFault, valuesOf } from './command.ts';

/** Exit codes of sysexits.h that Dovecot uses. */
const EX_USAGE = 64;
const EX_NOUSER = 67;
const EX_TEMPFAIL = 75;
const EX_NOPERM = 77;

const USAGE = 'doveadm [-Dv] [-f <formatter>] <command> [<args>]\n\n  auth test|login  user  pw  reload  stop';

export const doveadm: NamedCommand = {
  letters: 'Dvf:o:c:i:',
  usage: USAGE,
  failure: EX_USAGE,
  complain: () => `usage: ${USAGE}`,
  async run(call) {
    const [word = '', ...rest] = call.operands;
    const row = ownValue(COMMANDS, word);
    if (row === undefined) throw new UsageFault();
    try {
      const { options, operands } = getopt(rest, row.letters);
      return await row.run({ ...call, name: word, options, operands });
    } catch (error) {
      if (!(error instanceof OptionFault || error instanceof UsageFault)) throw error;
      console.error(`doveadm ${row.usage}`);
      return EX_USAGE;
    }
  },
};

interface Row {
  readonly letters: string;
  readonly usage: string;
  run(call: Call): Promise<number>;
}

const COMMANDS: Readonly<Record<string, Row>> = {
  auth: { letters: 'a:x:M:m:', usage: 'auth test|login <user> [<password>]', run: auth },
  user: { letters: 'a:x:f:e:u', usage: 'user [-f field] [-u] <user mask> [<user mask> [...]]', run: user },
  pw: { letters: 'lp:r:s:t:u:V', usage: 'pw [-l] [-p plaintext] [-r rounds] [-s scheme] [-t hash] [-V]', run: pw },
  reload: { letters: '', usage: 'reload', run: (call) => tell(call, 'server.reload') },
  stop: { letters: '', usage: 'stop', run: (call) => tell(call, 'server.stop') },
};

function fatal(text: string, code: number): number {
  console.error(`Fatal: ${text}`);
  return code;
}

/** Null if no server is running. */
async function ask({ where }: Call, name: string, given: Record<string, unknown>): Promise<unknown> {
  try {
    return await callServer(where.data, name, given, { silence: 60_000 });
  } catch (error) {
    if (error instanceof NoServerError) return null;
    throw error;
  }
}

async function tell(call: Call, operation: string): Promise<number> {
  return (await ask(call, operation, {})) === null
    ? fatal(`Dovecot is not running (no server on ${call.where.data})`, EX_TEMPFAIL)
    : 0;
}

async function auth(call: Call): Promise<number> {
  // Of each subcommand the options stand behind its name.
  const [word, ...rest] = call.operands;
  if (word !== 'test' && word !== 'login') throw new UsageFault();
  const { operands } = getopt(rest, COMMANDS['auth']?.letters ?? '');
  const [login, given] = operands;
  if (login === undefined) throw new UsageFault();
  const password = given ?? (await lineFromStdin());
  const result = (await ask(call, 'login.test', { login, password })) as { readonly address: string | null } | null;
  if (result === null) {
    console.error(`Error: auth-client: no server is running on ${call.where.data}`);
    return EX_NOPERM;
  }
  const { address } = result;
  const verdict = address === null ? 'failed' : 'succeeded';
  console.log(`passdb: ${login} auth ${verdict}\nextra fields:\n  user=${address ?? login}`);
  return address === null ? EX_NOPERM : 0;
}

type Shown = Readonly<Record<'address' | 'created', string>> & Pick<Account, 'quota' | 'disabled' | 'forwarding'>;

const fieldsOf = ({ address, created, disabled, quota, forwarding }: Shown): (readonly [string, string])[] => [
  ['user', address],
  ['created', created],
  ['state', disabled ? 'disabled' : 'active'],
  ['quota', String(quota)],
  ...(forwarding === null ? [] : [['forward', forwardingLine(address, forwarding)] as const]),
];

async function user(call: Call): Promise<number> {
  if (call.operands.length === 0) throw new UsageFault();
  let code = 0;
  for (const mask of call.operands) if (!(await showUser(call, mask))) code = EX_NOUSER;
  return code;
}

/** False if there is no such account. */
async function showUser(call: Call, mask: string): Promise<boolean> {
  const { where } = call;
  if (/[*?]/.test(mask)) {
    const all = (await operate(where, 'user.list', {})) as readonly Shown[];
    const chosen = all.filter(({ address }) => matches(mask, address));
    for (const { address } of chosen) console.log(address);
    return chosen.length > 0;
  }
  const account = await operate(where, 'user.show', { address: mask }).catch((error: unknown) => {
    if (error instanceof OperationError) return null;
    throw error;
  });
  const [field] = valuesOf(call, 'f');
  const isTable = field === undefined && !isGiven(call, 'u');
  if (isTable) console.log('field\tvalue');
  if (account === null) {
    console.error(`\nuserdb lookup: user ${mask} doesn't exist`);
    return false;
  }
  const fields = fieldsOf(account as Shown);
  if (isTable) for (const [name, value] of fields) console.log(`${name}\t${value}`);
  else if (field === undefined)
    console.log([`userdb: ${mask}`, ...fields.map(([name, value]) => `  ${name.padEnd(10)}: ${value}`)].join('\n'));
  else console.log(new Map(fields).get(field) ?? '');
  return true;
}

/** `*` and `?` as in a shell. Linear: the pattern is walked with one place to go back to. */
function matches(mask: string, address: string): boolean {
  const pattern = mask.includes('@') ? mask : `${mask}@*`;
  let at = 0;
  let star = -1;
  let from = 0;
  for (let i = 0; i < address.length; ) {
    const wanted = pattern.charAt(at);
    if (wanted === '*') {
      star = at;
      from = i;
      at += 1;
    } else if (wanted === '?' || wanted.toLowerCase() === address.charAt(i)) {
      at += 1;
      i += 1;
    } else if (star < 0) return false;
    else {
      at = star + 1;
      from += 1;
      i = from;
    }
  }
  return /^\**$/.test(pattern.slice(at));
}

async function pw(call: Call): Promise<number> {
  const { MAKEABLE, makeHash } = await import('../../server/login/password/make.ts');
  const { verifyPassword } = await import('../../server/login/password.ts');
  if (isGiven(call, 'l')) {
    console.log(MAKEABLE.join(' '));
    return 0;
  }
  const password = Buffer.from(valuesOf(call, 'p').at(-1) ?? (await lineFromStdin()));
  const [tested] = valuesOf(call, 't');
  if (tested !== undefined) {
    if (!(await verifyPassword(password, tested)))
      return fatal('reverse password verification check failed: Password mismatch', EX_TEMPFAIL);
    console.log(`${tested} (verified)`);
    return 0;
  }
  const scheme = valuesOf(call, 's').at(-1) ?? 'CRYPT';
  const rounds = valuesOf(call, 'r').at(-1);
  const made = await makeHash(scheme, password, rounds === undefined ? undefined : Number(rounds) || undefined);
  if (made === undefined) return fatal(`Unknown scheme: ${scheme}`, EX_TEMPFAIL);
  if (!isGiven(call, 'V')) console.log(made);
  else if (await verifyPassword(password, made)) console.log(`${made} (verified)`);
  else return fatal('reverse password verification check failed: Password mismatch', EX_TEMPFAIL);
  return 0;
}
