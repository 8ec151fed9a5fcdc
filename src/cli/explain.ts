/**
 * `posthorn explain`: every rule that is asked about a message that does not exist, and where each recipient would go.
 * Asked is the running server; with --config, or without a server, the configuration in that folder.
 */
import { type Command, InvalidArgumentError } from 'commander';
import { readHypothetical } from '../admin/explain.ts';
import type { Destination, Explanation } from '../admin/explanation.ts';
import type { Arguments } from '../admin/operation.ts';
import { callServer, NoServerError } from '../admin/socket.ts';
import type { KnownDirectory } from '../app/explain/command.ts';
import type { Account } from '../mail/account.ts';
import { formatStep, type TraceStep } from '../tracing.ts';
import { printJson, table } from './output.ts';
import { operate, type PlaceOptions, place, withPlace } from './place.ts';

/** A name's lookup in the DNS may take so long, ms. */
const PATIENCE = 60_000;

interface ExplainOptions extends PlaceOptions {
  readonly client: string;
  readonly helo: string;
  readonly from: string;
  readonly to: readonly string[];
  readonly user?: string;
  readonly service?: string;
  readonly header: readonly string[];
}

const another = (value: string, before: readonly string[]): readonly string[] => [...before, value];

function required(value: string): string {
  if (value === '') throw new InvalidArgumentError('must not be empty.');
  return value;
}

export function addExplainCommand(program: Command): void {
  const command = withPlace(
    program
      .command('explain')
      .description('what would happen to a message: every rule that is asked, and where each recipient would go'),
  )
    .requiredOption('--client <ip>', 'the address of the client')
    .requiredOption('--helo <name>', 'what it says in EHLO', required)
    .requiredOption('--from <address>', 'the sender; "" is the sender of bounces')
    .requiredOption('--to <address>', 'a recipient; may be repeated', another, [])
    .option('--user <login>', 'the client is logged in as this account')
    .option('--service <name>', 'the service of master.cf (by default submission for a user, otherwise the first)')
    .option('--header <field>', 'a header field such as "Subject: hello"; may be repeated', another, []);
  command.action(async (options: ExplainOptions) => {
    const { client, helo, from, to, user, service, header: headers } = options;
    const given = { client, helo, from, to, user, service, headers };
    const where = place(options);
    const explanation = await askExplanation(where, isNamed(command), given);
    if (where.json) printJson(explanation);
    else console.log(describe(explanation));
  });
}

/** Whether --config was given, rather than found. */
export const isNamed = (command: Command): boolean => command.getOptionValueSource('config') === 'cli';

export async function askExplanation(where: PlaceOptions, named: boolean, given: Arguments): Promise<Explanation> {
  if (!named) {
    try {
      return (await callServer(where.data, 'explain', given, { silence: PATIENCE })) as Explanation;
    } catch (error) {
      if (!(error instanceof NoServerError)) throw error;
    }
  }
  const asked = readHypothetical(given);
  const { explainConfiguration } = await import('../app/explain/command.ts');
  return explainConfiguration(asked, where.config, where.data, await accountsOf(where));
}

/** Of the data folder, through its server if one runs. */
async function accountsOf(where: PlaceOptions): Promise<KnownDirectory> {
  const ask = async <T>(operation: string): Promise<readonly T[]> => (await operate(where, operation, {})) as T[];
  const accounts = await ask<Pick<Account, 'address' | 'quota' | 'disabled' | 'forwarding'>>('user.list');
  const aliases = await ask<{ readonly address: string; readonly targets: readonly string[] }>('alias.list');
  return {
    accounts: accounts.map((account) => ({ ...account, id: account.address, passwordHash: '', createdAt: 0 })),
    aliases: new Map(aliases.map(({ address, targets }) => [address, targets])),
    domains: await ask<string>('domain.list'),
  };
}

/** The steps as a list with the lookups of a rule below it, and the destinations as a table. */
function describe({ service, assumed, steps, destinations }: Explanation): string {
  return [
    `Service ${service}${assumed.map((one) => `; ${one}`).join('')}. Nothing is sent or kept.`,
    '',
    ...inOrder(steps).map(lineOf),
    '',
    describeDestinations(destinations),
  ].join('\n');
}

/** Lookups come before the result of the rule that makes them; a person reads the rule first. */
function inOrder(steps: readonly TraceStep[]): readonly TraceStep[] {
  const ordered: TraceStep[] = [];
  let lookups: TraceStep[] = [];
  for (const step of steps) {
    if (step.kind === 'lookup') lookups.push(step);
    else {
      ordered.push(...(step.kind === 'rule' ? [step, ...lookups] : [...lookups, step]));
      lookups = [];
    }
  }
  return [...ordered, ...lookups];
}

const INDENT: Readonly<Partial<Record<TraceStep['kind'], string>>> = {
  command: '',
  reply: '',
  list: '  ',
  lookup: '        ',
};

function lineOf(step: TraceStep): string {
  const place = step.kind === 'rule' && step.place != null ? `  (${step.place.file}:${step.place.line})` : '';
  const indent = INDENT[step.kind] ?? '    ';
  return `${indent}${formatStep(step).replaceAll('\r\n', `\n${indent}> `)}${place}`;
}

export function describeDestinations(destinations: readonly Destination[]): string {
  if (destinations.length === 0) return 'Nothing would be delivered.';
  return table(
    ['recipient', 'class', 'transport', 'next hop or account', 'mailbox'],
    destinations.map(({ way, addressClass, transport, held, nexthop, mailbox }) => [
      way.join(' -> '),
      addressClass ?? '?',
      held ? `${transport} (on hold)` : transport,
      nexthop,
      mailbox ?? '',
    ]),
  );
}
