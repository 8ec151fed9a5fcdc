/**
 * default_delivery_status_filter and the like: tables that replace the status code and the text of a delivery, as
 * `4.7.5 text`. As in Postfix, a delivery stays a success or a failure; whether the failure is final may change.
 */
import type { Log } from '../log.ts';
import type { ListName, ParameterReader } from '../lookup/parameters.ts';
import type { Tables } from '../lookup/table.ts';
import type { Transports } from '../lookup/transports.ts';
import { type Reply, reply } from '../mail/status.ts';
import type { Attempt, Outcome } from './outcome.ts';

const PARAMETERS = {
  smtp: 'smtp_delivery_status_filter',
  lmtp: 'lmtp_delivery_status_filter',
  local: 'local_delivery_status_filter',
  virtual: 'virtual_delivery_status_filter',
  pipe: 'pipe_delivery_status_filter',
} as const satisfies Readonly<Record<string, ListName>>;

/** Never rejects. */
type StatusFilter = (attempt: Attempt) => Promise<Attempt>;
/** Those of each row of master.cf, by its name. `isLocal`: local(8) does it, unless the row is one of virtual(8). */
export type StatusFilters = (transport: string, isLocal: boolean) => StatusFilter | undefined;

export function readStatusFilters(
  transports: Transports,
  parameters: ParameterReader,
  tables: Tables,
  log: Log,
): StatusFilters {
  const local = readStatusFilter('local', parameters, tables, log);
  const byName = new Map<string, StatusFilter | undefined>();
  for (const { name, program, parameters: own } of transports.all())
    if (program === 'smtp' || program === 'lmtp' || program === 'pipe' || program === 'virtual')
      byName.set(name, readStatusFilter(program, own, tables, log));
  return (transport, isLocal) =>
    isLocal && transports.get(transport)?.program !== 'virtual' ? local : byName.get(transport);
}

const RESULT = /^([245])(\.\d{1,3}\.\d{1,3})\s+(\S.*)$/s;

function readStatusFilter(
  program: keyof typeof PARAMETERS,
  parameters: ParameterReader,
  tables: Tables,
  log: Log,
): StatusFilter | undefined {
  const name = PARAMETERS[program];
  const filters = parameters.list(name).map((table) => tables.open(table));
  if (filters.length === 0) return undefined;

  const answerOf = async (answer: Reply): Promise<Reply> => {
    const asked = `${answer.enhanced} ${answer.text}`;
    for (const table of filters) {
      const found = await table.get(asked);
      if (found === undefined) continue;
      const [, kind, rest = '', text = ''] = RESULT.exec(found.trim()) ?? [];
      if (kind !== undefined && (kind === '2') === answer.enhanced.startsWith('2'))
        return reply(codeFor(kind, answer.code), `${kind}${rest}`, text);
      log.warn(
        {},
        `${name}: ${table.name}: ignoring bad result for "${asked.slice(0, 100)}": "${found.slice(0, 100)}"`,
      );
    }
    return answer;
  };

  const filtered = async (outcome: Outcome): Promise<Outcome> => {
    const changed = await answerOf(outcome.reply).catch((error: unknown) => {
      log.warn({ err: error }, `${name}: lookup error, the status stays as it is`);
      return outcome.reply;
    });
    if (outcome.status === 'sent') return { ...outcome, reply: changed };
    return { ...outcome, reply: changed, status: changed.enhanced.startsWith('5') ? 'bounced' : 'deferred' };
  };

  return async (attempt) => ({ ...attempt, outcomes: await Promise.all(attempt.outcomes.map(filtered)) });
}

/** The code itself if it is of that kind. */
const codeFor = (kind: string, code: number): number =>
  String(code).startsWith(kind) ? code : { 2: 250, 4: 450, 5: 550 }[Number(kind) as 2 | 4 | 5];
