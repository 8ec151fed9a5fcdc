/** `posthorn user`, `alias` and `domain`. */
import type { Command } from 'commander';
import { printJson, table } from './output.ts';
import { operate, type PlaceOptions, place, withPlace } from './place.ts';

/** One line of standard input, without its line end. */
async function passwordFromStdin(): Promise<string> {
  let input = '';
  process.stdin.setEncoding('utf8');
  for await (const chunk of process.stdin) {
    input += chunk;
    if (input.includes('\n') || input.length > 4096) break;
  }
  return (input.split('\n')[0] ?? '').replace(/\r$/, '');
}

interface PasswordOptions extends PlaceOptions {
  readonly passwordStdin: boolean;
}

/** Does the operation and says the result in one sentence or as JSON. */
function act<T>(options: PlaceOptions, name: string, given: Record<string, unknown>, say: (result: T) => string): Promise<void> {
  const where = place(options);
  return operate(where, name, given).then((result) => {
    if (where.json) printJson(result);
    else console.log(say(result as T));
  });
}

type WithPassword = { address: string; password?: string; note?: string };
const passwordLine = ({ password, note }: WithPassword): string =>
  `${password === undefined ? '' : `\nIts password, shown this once: ${password}`}${note === undefined ? '' : `\nNote: ${note}`}`;

export function addAccountCommands(program: Command): void {
  const user = program.command('user').description('accounts');
  for (const [verb, description, done] of [
    ['add', 'make an account with its mailboxes; without --password-stdin a password is made and shown once', 'added'],
    ['passwd', 'change the password of an account', 'has a new password'],
  ] as const) {
    withPlace(user.command(`${verb} <address>`).description(description))
      .option('--password-stdin', 'read the password from standard input', false)
      .action(async (address: string, options: PasswordOptions) => {
        const given = options.passwordStdin ? { address, password: await passwordFromStdin() } : { address };
        await act<WithPassword>(options, `user.${verb}`, given, (result) => `${result.address} ${done}.${passwordLine(result)}`);
      });
  }
  withPlace(user.command('list').description('all accounts')).action((options: PlaceOptions) =>
    act<{ address: string; created: string; disabled: boolean }[]>(options, 'user.list', {}, (accounts) =>
      table(
        ['address', 'created', 'state'],
        accounts.map((account) => [account.address, account.created, account.disabled ? 'disabled' : 'active']),
      ),
    ),
  );
  withPlace(user.command('remove <address>').description('remove an account with all its mail')).action((address: string, options: PlaceOptions) =>
    act<{ address: string }>(options, 'user.remove', { address }, (result) => `${result.address} removed, with all its mail.`),
  );

  const alias = program.command('alias').description('aliases made by command (those in files stay in the files)');
  withPlace(alias.command('set <address> <targets...>').description('send what comes to ADDRESS (or @domain) to the targets')).action(
    (address: string, targets: string[], options: PlaceOptions) =>
      act<{ address: string; targets: string[] }>(options, 'alias.set', { address, targets }, (result) => `${result.address}: ${result.targets.join(', ')}`),
  );
  withPlace(alias.command('list').description('all aliases made by command')).action((options: PlaceOptions) =>
    act<{ address: string; targets: string[] }[]>(options, 'alias.list', {}, (aliases) =>
      table(
        ['alias', 'targets'],
        aliases.map(({ address, targets }) => [address, targets.join(', ')]),
      ),
    ),
  );
  withPlace(alias.command('remove <address>').description('remove an alias')).action((address: string, options: PlaceOptions) =>
    act<{ address: string }>(options, 'alias.remove', { address }, (result) => `${result.address} removed.`),
  );

  const domain = program.command('domain').description('mail domains served beside mydestination');
  withPlace(domain.command('add <domain>').description('serve mail for a domain')).action((name: string, options: PlaceOptions) =>
    act<{ domain: string }>(options, 'domain.add', { domain: name }, (result) => `${result.domain} is served.`),
  );
  withPlace(domain.command('list').description('all domains served by command')).action((options: PlaceOptions) =>
    act<string[]>(options, 'domain.list', {}, (domains) => domains.join('\n')),
  );
  withPlace(domain.command('remove <domain>').description('serve a domain no more')).action((name: string, options: PlaceOptions) =>
    act<{ domain: string }>(options, 'domain.remove', { domain: name }, (result) => `${result.domain} is served no more.`),
  );
}
