/** Messages are judged by lists of clients, names, senders and links (`lists` of the configuration). */
import {
  type Connection,
  deny,
  type HookArguments,
  NEXT,
  type Reply,
  reply,
  type Server,
  type Verdict,
} from '../../src/bus/plugin.ts';
import { trustedClients } from '../../src/lookup/trusted-clients.ts';
import type { Address } from '../../src/mail/address.ts';
import { addressSet } from '../../src/mail/address-set.ts';
import type { DnsLists } from './lists.ts';
import { actionFor, type Hit, hitsOf, type Subjects, scoreOf, type Thresholds } from './score.ts';
import type { ScoredList, SubjectName } from './settings.ts';
import { linkedHosts, someOf } from './uris.ts';

const FIELD = 'X-DNS-Lists';
const KINDS: Readonly<Record<SubjectName, string>> = {
  client: 'Client host',
  client_name: 'Client host',
  helo: 'Helo command',
  sender: 'Sender address',
  uri: 'Link to',
};
const LONGEST_FIELD = 900;
const LONGEST_REASON = 200;

export interface MessageRules {
  readonly lists: readonly ScoredList[];
  readonly thresholds: Thresholds;
  readonly mostUris: number;
  /** For all lists together, ms. */
  readonly total: number;
  /** Who is not judged, and mail for whom alone. */
  readonly clients: readonly string[];
  readonly recipients: readonly Address[];
}

export function judgeMessages(server: Server<unknown>, dns: DnsLists, rules: MessageRules): void {
  const { lists, thresholds } = rules;
  const isTrusted = trustedClients(server, rules.clients);
  const isFree = addressSet(rules.recipients);
  const asksUris = lists.some(({ asks }) => asks.has('uri'));
  const judged = server.metrics.counter('messages_total', 'Messages by what was done.', ['action']);
  const counted = server.metrics.counter('hits_total', 'Listings of messages.', ['zone', 'subject']);

  const isExempt = async (connection: Connection): Promise<boolean> =>
    (await isTrusted(connection)) ||
    (connection.transaction?.recipients.every(({ address }) => isFree(address)) ?? false);
  async function subjectsOf(
    connection: Connection,
    sender: Address,
    content: AsyncIterable<Buffer>,
  ): Promise<Subjects> {
    const { ip, name } = connection.remote;
    const uri = asksUris ? someOf(await linkedHosts(content), rules.mostUris) : [];
    return { client: [ip], client_name: [name], helo: [connection.helo ?? ''], sender: [sender], uri };
  }

  async function judge({ connection, transaction, content, change }: HookArguments['data_post']): Promise<Verdict> {
    // A mark that the sender has set says nothing.
    if (transaction.header.get(FIELD) !== null) change.removeHeader(FIELD);
    if (connection === null || (await isExempt(connection))) return NEXT;
    const hits = await hitsOf(lists, await subjectsOf(connection, transaction.reversePath, content), dns, rules.total);
    for (const { list, subject } of hits) counted.count(list.zone, subject);
    const action = actionFor(hits, thresholds);
    judged.count(hits.length === 0 ? 'none' : action);
    if (hits.length === 0) return NEXT;
    const words = hits.map(hitWords).join(' ');
    server.log.info(
      { queueId: transaction.queueId, action, score: scoreOf(hits) },
      `${transaction.queueId}: listed: ${words}: score ${scoreWords(hits)}, ${action}`,
    );
    if (action === 'reject') return deny(refusal(hits));
    if (action !== 'score')
      change.addHeader(FIELD, `${action}; score=${scoreWords(hits)}; ${words}`.slice(0, LONGEST_FIELD));
    return NEXT;
  }

  server.on('data_post', judge, { when: (connection) => connection !== null });
  server.on('deliver', (letter) => {
    if (/^\s*junk;/.test(letter.header.get(FIELD) ?? '')) letter.mailbox = 'Junk';
    return NEXT;
  });
}

const scoreWords = (hits: readonly Hit[]): string => String(Number(scoreOf(hits).toFixed(2)));

const hitWords = ({ list, subject, what, answer }: Hit): string =>
  `${subject}[${printable(what)}]=${list.zone}(${answer})`;

/** The first list that refuses by itself, or all whose sum does. */
function refusal(hits: readonly Hit[]): Reply {
  const strict = hits.find(({ list }) => list.action === 'reject');
  const [first] = strict === undefined ? hits.filter(({ list }) => list.weight > 0) : [strict];
  const zones =
    strict === undefined
      ? [...new Set(hits.filter(({ list }) => list.weight > 0).map(({ list }) => list.zone))]
      : [strict.list.zone];
  const what = first === undefined ? '' : `${KINDS[first.subject]} [${printable(first.what)}] `;
  const reason = first === undefined || first.reason === '' ? '' : `; ${printable(first.reason)}`;
  return reply(554, '5.7.1', `Service unavailable; ${what}blocked using ${zones.join(', ')}${reason}`);
}

const printable = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?').slice(0, LONGEST_REASON);
