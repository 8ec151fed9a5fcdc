/**
 * Parameters that exist once per delivery transport: `<transport>_destination_concurrency_limit` and related, with the
 * default `$default_…`; and those of the LMTP client, which are the SMTP client's with another prefix. Transports
 * defined in master.cf have them too (postconf(5), "transport_…").
 */
import { boolean, feedback, heloname, list, noMeaning, number, type Row, type Rows, tables, time } from './row.ts';

/** Of transports that leave this process. */
const LIMITS = {
  initial_destination_concurrency: number(
    '$initial_destination_concurrency',
    'Deliveries of this transport to a destination at first.',
    { minimum: 1 },
  ),
  destination_concurrency_limit: number(
    '$default_destination_concurrency_limit',
    'Most deliveries of this transport to one destination at a time.',
  ),
  destination_recipient_limit: number(
    '$default_destination_recipient_limit',
    'Most recipients of one delivery by this transport; with 1, its limits are for each recipient.',
  ),
  destination_rate_delay: time(
    '$default_destination_rate_delay',
    'Wait between two deliveries of this transport to one destination.',
  ),
  transport_rate_delay: time('$default_transport_rate_delay', 'Wait between two deliveries of this transport.'),
  destination_concurrency_failed_cohort_limit: number(
    '$default_destination_concurrency_failed_cohort_limit',
    'Failures in a row of this transport after which a destination counts as dead.',
  ),
  destination_concurrency_negative_feedback: feedback(
    '$default_destination_concurrency_negative_feedback',
    'How fast concurrency of this transport goes down after failures.',
  ),
  destination_concurrency_positive_feedback: feedback(
    '$default_destination_concurrency_positive_feedback',
    'How fast concurrency of this transport goes up after successes.',
  ),
} satisfies Rows;

const SUFFIXES = {
  ...LIMITS,
  ...noMeaning('destinations take turns, whatever else waits', {
    delivery_slot_cost: number('$default_delivery_slot_cost', 'How soon other mail of this transport may go first.'),
    delivery_slot_discount: number(
      '$default_delivery_slot_discount',
      'Percentage of slots of this transport to be had in advance.',
    ),
    delivery_slot_loan: number('$default_delivery_slot_loan', 'Slots of this transport to be had in advance.'),
    minimum_delivery_slots: number(
      '$default_minimum_delivery_slots',
      'Deliveries of this transport after which other mail may go first.',
    ),
  }),
  ...noMeaning('mail and queue are kept in the store', {
    extra_recipient_limit: number(
      '$default_extra_recipient_limit',
      'Recipients of this transport beyond the limit for preempting mail.',
    ),
    recipient_limit: number('$default_recipient_limit', 'Recipients of this transport in memory.'),
    recipient_refill_delay: time(
      '$default_recipient_refill_delay',
      'Wait before more recipients of this transport are read.',
    ),
    recipient_refill_limit: number(
      '$default_recipient_refill_limit',
      'Recipients of this transport that are read at one time.',
    ),
  }),
} satisfies Rows;

/** Of transports that run a program (`pipe`). */
const PIPE_SUFFIXES: Rows = {
  ...SUFFIXES,
  time_limit: time('$command_time_limit', 'How long a command of this transport may run.'),
};

/** Transports that need no row in master.cf, with their specific defaults. */
const TRANSPORTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  smtp: {},
  lmtp: {},
  relay: {},
  local: { destination_concurrency_limit: '2', destination_recipient_limit: '1' },
  virtual: {},
  error: {},
  retry: {},
};

const LEAVING: ReadonlySet<string> = new Set(['smtp', 'lmtp', 'relay']);

/** Of transports that deliver nothing to other programs. */
const inside = (row: Row): Row => ({ ...row, state: 'no meaning', reason: 'such mail does not wait for others' });

/** Those of the others that the runner uses. */
const READ: Rows = {
  local_destination_concurrency_limit: number('2', 'Most deliveries into one account at one time.'),
};

type Named<T extends string> = { readonly [S in keyof typeof SUFFIXES as `${T}_${S}`]: (typeof SUFFIXES)[S] };
type TransportRows = Named<'smtp'> &
  Named<'lmtp'> &
  Named<'relay'> &
  Named<'local'> &
  Named<'virtual'> &
  Named<'error'> &
  Named<'retry'>;

export const transportParameters = {
  ...Object.fromEntries(
    Object.entries(TRANSPORTS).flatMap(([transport, own]) =>
      Object.entries(SUFFIXES).map(
        ([suffix, row]) =>
          [
            `${transport}_${suffix}`,
            {
              ...(suffix in LIMITS && !LEAVING.has(transport) ? inside(row) : row),
              default: own[suffix] ?? row.default,
            },
          ] as const,
      ),
    ),
  ),
  ...READ,
} as unknown as TransportRows;

const BY_LENGTH = Object.keys(PIPE_SUFFIXES).sort((a, b) => b.length - a.length);

/** The row of a per-transport parameter, such as `maildrop_destination_recipient_limit`; undefined for other names. */
export function transportParameter(name: string): Row | undefined {
  const suffix = suffixOf(name);
  return suffix === undefined ? undefined : PIPE_SUFFIXES[suffix];
}

/** `maildrop` of `maildrop_destination_recipient_limit`; undefined for other names. */
export function transportOf(name: string): string | undefined {
  const suffix = suffixOf(name);
  return suffix === undefined ? undefined : name.slice(0, -suffix.length - 1);
}

const suffixOf = (name: string): string | undefined =>
  /^[A-Za-z0-9]/.test(name) ? BY_LENGTH.find((suffix) => name.endsWith(`_${suffix}`)) : undefined;

/** Defaults of the LMTP client that differ from the SMTP client's. */
const LMTP_DEFAULTS: Readonly<Record<string, string>> = {
  lmtp_connect_timeout: '0s',
  lmtp_fallback_relay: '',
  lmtp_skip_quit_response: 'no',
  lmtp_tcp_port: '24',
  lmtp_tls_secure_cert_match: 'nexthop',
};
const SMTP_ONLY = new Set([
  'smtp_always_send_ehlo',
  'smtp_never_send_ehlo',
  'smtp_helo_name',
  'smtp_helo_timeout',
  'smtp_discard_ehlo_keywords',
  'smtp_discard_ehlo_keyword_address_maps',
  'smtp_tls_dane_insecure_mx_policy',
]);
const LMTP_ONLY = {
  lmtp_lhlo_name: heloname('$myhostname', 'Name in LHLO.'),
  lmtp_lhlo_timeout: time('300s', 'How long the answer to LHLO may take.'),
  lmtp_discard_lhlo_keywords: list('', 'Extensions of servers that are not used.'),
  lmtp_discard_lhlo_keyword_address_maps: tables('', 'The same by server address.'),
  lmtp_assume_final: boolean('no', 'Take LMTP delivery as final in success notifications.'),
};

type LmtpRows<S> = {
  readonly [N in keyof S & `smtp_${string}` as N extends `smtp_${infer Rest}` ? `lmtp_${Rest}` : never]: S[N];
} & typeof LMTP_ONLY;

/** The rows of the LMTP client: those of the SMTP client. */
export function lmtpParameters<S extends Rows>(smtp: S): LmtpRows<S> {
  const mirrored = Object.entries(smtp)
    .filter(([name]) => name.startsWith('smtp_') && !SMTP_ONLY.has(name))
    .map(([name, row]): [string, Row] => {
      const own = `lmtp_${name.slice('smtp_'.length)}`;
      const initial = LMTP_DEFAULTS[own] ?? row.default.replaceAll('$smtp_', '$lmtp_').replaceAll('{smtp_', '{lmtp_');
      return [own, { ...row, default: initial }];
    });
  return { ...Object.fromEntries(mirrored), ...LMTP_ONLY } as unknown as LmtpRows<S>;
}
