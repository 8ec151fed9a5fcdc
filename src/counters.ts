/**
 * Everything that is counted, one row each. They are of the process, as its memory is; app/metrics.ts adds what can be
 * measured at any time.
 */
import { Counter, type Family, Histogram } from './counter.ts';

export const counters = {
  connections: new Counter('posthorn_connections_total', 'Connections accepted, by service of master.cf or protocol.', [
    'service',
  ]),
  refusedConnections: new Counter(
    'posthorn_connections_refused_total',
    'Connections closed before a session began: by a limit, a failed TLS handshake, a bad proxy header.',
    ['service', 'reason'],
  ),
  tlsHandshakes: new Counter(
    'posthorn_tls_handshakes_total',
    'TLS handshakes with clients; no version if they failed.',
    ['result', 'version'],
  ),
  smtpReplies: new Counter('posthorn_smtp_replies_total', 'Replies to SMTP and LMTP clients, by first digit.', [
    'service',
    'class',
  ]),
  rejects: new Counter('posthorn_rejects_total', 'Commands and messages refused, by stage of the dialog.', [
    'service',
    'stage',
    'class',
  ]),
  logins: new Counter('posthorn_logins_total', 'Logins: ok, credentials (wrong), unavailable (could not be checked).', [
    'protocol',
    'result',
  ]),
  accepted: new Counter(
    'posthorn_messages_accepted_total',
    'Messages accepted; local: by sendmail or the server itself.',
    ['protocol'],
  ),
  deliveries: new Counter(
    'posthorn_deliveries_total',
    'Results of deliveries, one for each recipient and attempt: sent, deferred, bounced, expired.',
    ['transport', 'status'],
  ),
  deliveryDelay: new Histogram(
    'posthorn_delivery_delay_seconds',
    'From the arrival of a message to its delivery, for each recipient.',
    ['transport'],
    [0.1, 1, 10, 60, 600, 3_600, 14_400, 86_400],
  ),
  dnsResponses: new Counter('posthorn_dns_responses_total', 'Responses of the name server, by RCODE.', [
    'transport',
    'rcode',
  ]),
  hookDuration: new Histogram(
    'posthorn_hook_duration_seconds',
    'Calls of plugins, their jobs and routes among them.',
    ['plugin', 'hook'],
    [0.001, 0.01, 0.1, 1, 10],
  ),
  hookFailures: new Counter(
    'posthorn_hook_failures_total',
    'Calls of plugins, their jobs and routes among them, that threw, were late or answered nonsense.',
    ['plugin', 'hook'],
  ),
  nextVersions: new Counter(
    'posthorn_plugin_next_calls_total',
    'Calls of next versions of plugins, which decide nothing, by what they answered beside the version in use.',
    ['plugin', 'hook', 'result'],
  ),
  pluginRequests: new Counter(
    'posthorn_plugin_http_requests_total',
    'Requests of plugins to HTTP servers, by first digit of the answer: 2xx …, or failed.',
    ['plugin', 'result'],
  ),
  workerEnds: new Counter(
    'posthorn_plugin_worker_ends_total',
    'Threads of plugins that ended by themselves: memory, loop (ended at the deadline), exit, error.',
    ['plugin', 'reason'],
  ),
  milterFailures: new Counter('posthorn_milter_failures_total', 'Sessions that went on without a milter, by milter.', [
    'milter',
  ]),
  tableFailures: new Counter('posthorn_table_failures_total', 'Lookups that a table could not answer.', ['table']),
};

export const countedFamilies = (): Family[] => Object.values(counters).map(({ family }) => family);
