/** `posthorn test`: tries a login, a key of a lookup table, or where mail for an address goes; changes nothing. */
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { type Command, CommanderError } from 'commander';
import type { LoginReport } from '../admin/login-report.ts';
import { formatStep } from '../tracing.ts';
import { lineFromStdin } from './accounts.ts';
import { askExplanation, describeDestinations, isNamed } from './explain.ts';
import { printJson } from './output.ts';
import { type PlaceOptions, place, withPlace } from './place.ts';
import { tell } from './tell.ts';

/** A delayed login may take so long, ms. */
const LOGIN_PATIENCE = 60_000;

export function addTestCommand(program: Command): void {
  const test = program.command('test').description('try a login, a key of a table, or where mail for an address goes');
  withPlace(
    test
      .command('login <name>')
      .description('try a login as clients make it, with the running server; the password is asked for'),
  )
    .option('--password-stdin', 'read the password from standard input', false)
    .action(async (login: string, options: PlaceOptions & { readonly passwordStdin: boolean }) => {
      const where = place(options);
      const password = options.passwordStdin ? await lineFromStdin() : await askPassword();
      const report = (await tell(where, 'login.report', { login, password }, LOGIN_PATIENCE)) as LoginReport;
      if (where.json) printJson(report);
      else console.log(describeLogin(login, report));
      if (report.address === null) throw new CommanderError(1, 'posthorn.test', 'the login fails');
    });
  withPlace(
    test
      .command('table <table> <key>')
      .description('ask a lookup table for a key, as postmap -q does, and show the line that answers'),
  ).action(async (name: string, key: string, options: PlaceOptions) => {
    const where = place(options);
    const { commandTables } = await import('./named/lookup.ts');
    const tables = commandTables('posthorn', where.config, { aliases: false, checks: false });
    const table = tables.open(tables.nameOf(name));
    const value = await table.get(key);
    const line = value === undefined ? null : (table.where?.(key) ?? null);
    if (where.json) printJson({ value: value ?? null, ...line });
    else if (value === undefined) console.error(`${table.name}: "${key}" is not found`);
    else console.log(line === null ? value : `${value}\n(${line.file}:${line.line})`);
    if (value === undefined) throw new CommanderError(1, 'posthorn.test', 'not found');
  });
  const route = withPlace(
    test
      .command('route <address>')
      .description('where mail for an address goes: aliases, transport, next hop, mailbox'),
  ).option('--from <address>', 'the sender, for tables that depend on it', '');
  route.action(async (address: string, options: PlaceOptions & { readonly from: string }) => {
    const where = place(options);
    const explanation = await askExplanation(where, isNamed(route), { from: options.from, to: [address] });
    if (where.json) {
      printJson(explanation);
      return;
    }
    for (const step of explanation.steps)
      if ((step.kind === 'lookup' && step.value !== null) || step.kind === 'plugin') console.log(formatStep(step));
    console.log(describeDestinations(explanation.destinations));
  });
}

/** From the terminal, without showing it. */
async function askPassword(): Promise<string> {
  if (!process.stdin.isTTY) return lineFromStdin();
  process.stderr.write('Password: ');
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    return await terminal.question('');
  } finally {
    terminal.close();
    process.stderr.write('\n');
  }
}

function describeLogin(login: string, report: LoginReport): string {
  const { address, answeredBy, why, scheme, mechanisms, limits } = report;
  return [
    address === null ? `${login}: the login fails: ${why}` : `${address}: the login succeeds`,
    `answered by: ${answeredBy}${scheme === null ? '' : `; the password is kept as ${scheme}`}`,
    ...mechanisms.map(
      ({ service, clear, tls }) =>
        `mechanisms of ${service}: ${tls === '' ? 'none' : tls} over TLS, ${clear === '' ? 'none' : clear} without`,
    ),
    ...limits.map((limit) => `limit: ${limit}`),
  ].join('\n');
}
