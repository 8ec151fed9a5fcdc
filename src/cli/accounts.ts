/** `posthorn user`, `alias` and `domain`. */
import { type Command, Option } from 'commander';
import { OperationError } from '../admin/operation.ts';
import { few } from '../few.ts';
import type { Account } from '../mail/account.ts';
import type { Forwarding } from '../mail/forwarding.ts';
import { addDomainRecords } from './domain-records.ts';
import { counted, printJson, table } from './output.ts';
import { operate, type PlaceOptions, place, withPlace } from './place.ts';

/** Octets of a line of standard input; a longer one is not a password. */
const LONGEST_LINE = 65_536;

/** The first line of standard input, without its line end. The rest is ignored. */
export async function lineFromStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  let octets = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    octets += chunk.length;
    if (chunk.includes(0x0a) || octets > LONGEST_LINE) break;
  }
  const input = Buffer.concat(chunks);
  const end = input.indexOf(0x0a);
  const line = end < 0 ? input : input.subarray(0, end);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(line).replace(/\r$/, '');
  } catch {
    throw new OperationError(
      'the password is not UTF-8, in which mail programs send it (RFC 4616); the terminal or the file has another encoding',
    );
  }
}

function refusePassword(): never {
  throw new OperationError('--password: every user of the machine would see it (ps); use --password-stdin');
}

interface PasswordOptions extends PlaceOptions {
  readonly passwordStdin: boolean;
  readonly passwordHashStdin: boolean;
  readonly scheme?: string;
}

/** `password` or `passwordHash`, as operations expect them. */
async function passwordGiven({
  passwordStdin,
  passwordHashStdin,
  scheme,
}: PasswordOptions): Promise<Record<string, string>> {
  const kept = scheme === undefined ? {} : { scheme };
  if (passwordStdin && passwordHashStdin)
    throw new OperationError('use only one of --password-stdin and --password-hash-stdin');
  if (passwordHashStdin) return { ...kept, passwordHash: await lineFromStdin() };
  return passwordStdin ? { ...kept, password: await lineFromStdin() } : kept;
}

/** Runs the operation and prints the result as one sentence or as JSON. */
function act<T>(
  options: PlaceOptions,
  name: string,
  given: Record<string, unknown>,
  say: (result: T) => string,
): Promise<void> {
  const where = place(options);
  return operate(where, name, given).then((result) => {
    if (where.json) printJson(result);
    else console.log(say(result as T));
  });
}

interface ForwardOptions extends PlaceOptions {
  readonly keep: boolean;
  readonly none: boolean;
}

type Forwarded = Pick<Account, 'address' | 'forwarding'> & { readonly note?: string };
type Listed = Pick<Account, 'address' | 'disabled' | 'forwarding'> & { readonly created: string };

/** How many addresses a row of a list names. */
const NAMED = 2;

const forwardsTo = ({ targets, keep }: Forwarding, most: number): string =>
  `forwards to ${few(targets, most)}${keep ? ' and keeps a copy' : ''}`;
const forwardingWords = (forwarding: Forwarding | null): string =>
  forwarding === null ? 'forwards nothing' : forwardsTo(forwarding, Number.POSITIVE_INFINITY);
const stateWords = ({ disabled, forwarding }: Listed): string =>
  `${disabled ? 'disabled' : 'active'}${forwarding === null ? '' : `, ${forwardsTo(forwarding, NAMED)}`}`;

type WithPassword = { address: string; password?: string; note?: string };
const noteLine = ({ note }: { readonly note?: string }): string => (note === undefined ? '' : `\nNote: ${note}`);
const passwordLine = ({ password, ...rest }: Pick<WithPassword, 'password' | 'note'>): string =>
  `${password === undefined ? '' : `\nIts password, shown only once: ${password}`}${noteLine(rest)}`;

export function addAccountCommands(program: Command): void {
  const user = program.command('user').description('accounts');
  for (const [verb, description, done] of [
    [
      'add',
      'create an account with its mailboxes; without --password-stdin a password is generated and shown once',
      'added',
    ],
    ['passwd', 'change the password of an account', 'has a new password'],
  ] as const) {
    withPlace(user.command(`${verb} <address>`).description(description))
      .addOption(new Option('--password <password>').hideHelp().argParser(refusePassword))
      .option('--password-stdin', 'read the password from standard input', false)
      .option(
        '--password-hash-stdin',
        'read a password hash, in the form of "doveadm pw" or /etc/shadow: {SHA512-CRYPT}$6$…',
        false,
      )
      .option(
        '--scheme <scheme>',
        'what the password is kept as: ARGON2ID, or for logins by these mechanisms SCRAM-SHA-256, SCRAM-SHA-1, CRAM-MD5',
      )
      .action(async (address: string, options: PasswordOptions) => {
        const given = { address, ...(await passwordGiven(options)) };
        await act<WithPassword>(
          options,
          `user.${verb}`,
          given,
          (result) => `${result.address} ${done}.${passwordLine(result)}`,
        );
      });
  }
  withPlace(user.command('list').description('all accounts')).action((options: PlaceOptions) =>
    act<Listed[]>(options, 'user.list', {}, (accounts) =>
      table(
        ['address', 'created', 'state'],
        accounts.map((account) => [account.address, account.created, stateWords(account)]),
      ),
    ),
  );
  for (const [verb, description, done] of [
    [
      'disable',
      'prevent logins to an account and end its open sessions; it still receives mail',
      'is disabled; it still receives mail.',
    ],
    ['enable', 'allow logins to it again', 'is enabled.'],
  ] as const) {
    withPlace(user.command(`${verb} <address>`).description(description)).action(
      (address: string, options: PlaceOptions) =>
        act<{ address: string }>(options, `user.${verb}`, { address }, (result) => `${result.address} ${done}`),
    );
  }
  withPlace(
    user.command('rename <address> <new>').description('change the address of an account; mail and password are kept'),
  ).action((address: string, to: string, options: PlaceOptions) =>
    act<{ address: string; before: string; note?: string }>(
      options,
      'user.rename',
      { address, to },
      (result) =>
        `${result.before} is ${result.address} now; mail to the old address is refused.${passwordLine(result)}`,
    ),
  );
  withPlace(
    user
      .command('forward <address> [targets...]')
      .description('forward the mail of an account to other addresses; without targets, show where it goes'),
  )
    .option('--keep', 'keep a copy in the mailbox', false)
    .option('--none', 'forward no longer', false)
    .action((address: string, targets: string[], { keep, none, ...options }: ForwardOptions) => {
      if (none && (keep || targets.length > 0)) throw new OperationError('--none goes with no target and no --keep');
      if (keep && targets.length === 0) throw new OperationError('--keep goes with the addresses to forward to');
      const [name, given] =
        none || targets.length > 0 ? ['user.forward', { address, targets, keep }] : ['user.show', { address }];
      return act<Forwarded>(
        options,
        name,
        given,
        ({ address: own, forwarding, ...rest }) => `${own} ${forwardingWords(forwarding)}.${noteLine(rest)}`,
      );
    });
  withPlace(user.command('remove <address>').alias('del').description('remove an account with all its mail')).action(
    (address: string, options: PlaceOptions) =>
      act<{ address: string }>(
        options,
        'user.remove',
        { address },
        (result) => `${result.address} removed, with all its mail.`,
      ),
  );

  const alias = program.command('alias').description('aliases made by command (those in files stay in the files)');
  withPlace(
    alias.command('set <address> <targets...>').description('send mail for ADDRESS (or @domain) to the targets'),
  ).action((address: string, targets: string[], options: PlaceOptions) =>
    act<{ address: string; targets: string[]; note?: string }>(
      options,
      'alias.set',
      { address, targets },
      (result) => `${result.address}: ${result.targets.join(', ')}${noteLine(result)}`,
    ),
  );
  withPlace(alias.command('list').description('all aliases made by command')).action((options: PlaceOptions) =>
    act<{ address: string; targets: string[] }[]>(options, 'alias.list', {}, (aliases) =>
      table(
        ['alias', 'targets'],
        aliases.map(({ address, targets }) => [address, targets.join(', ')]),
      ),
    ),
  );
  withPlace(alias.command('remove <address>').description('remove an alias')).action(
    (address: string, options: PlaceOptions) =>
      act<{ address: string }>(options, 'alias.remove', { address }, (result) => `${result.address} removed.`),
  );

  const domain = program.command('domain').description('mail domains served in addition to mydestination');
  addDomainRecords(domain);
  withPlace(domain.command('add <domain>').description('serve mail for a domain')).action(
    (name: string, options: PlaceOptions) =>
      act<{ domain: string }>(options, 'domain.add', { domain: name }, (result) => `${result.domain} is served.`),
  );
  withPlace(domain.command('list').description('all domains served by command')).action((options: PlaceOptions) =>
    act<string[]>(options, 'domain.list', {}, (domains) => domains.join('\n')),
  );
  withPlace(
    domain
      .command('rename <domain> <new>')
      .description('move all accounts of a domain, and the aliases made by command, to another'),
  ).action((name: string, to: string, options: PlaceOptions) =>
    act<{ domain: string; before: string; accounts: number; note?: string }>(
      options,
      'domain.rename',
      { domain: name, to },
      (result) =>
        `${counted(result.accounts, 'account')} of ${result.before} moved to ${result.domain}.${passwordLine(result)}`,
    ),
  );
  withPlace(domain.command('remove <domain>').description('stop serving a domain')).action(
    (name: string, options: PlaceOptions) =>
      act<{ domain: string }>(
        options,
        'domain.remove',
        { domain: name },
        (result) => `${result.domain} is no longer served.`,
      ),
  );
}
