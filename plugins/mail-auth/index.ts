/** Who sent a message, as far as DNS and signatures say: SPF, DKIM, DMARC, ARC, iprev (README.md). */
import { extname } from 'node:path';
import { type Connection, definePlugin, type HookArguments, NEXT, type Verdict } from '../../src/bus/plugin.ts';
import { messageOf } from '../../src/errors.ts';
import { trustedClients } from '../../src/lookup/trusted-clients.ts';
import { openContent } from '../pool/octets.ts';
import { Pool } from '../pool/pool.ts';
import { deciding, reasonsOf, strictestOf, tellingOf, together } from './actions.ts';
import { claims, resultsField } from './field.ts';
import { iprevRow, receivedSpf, sampleOf, unchecked } from './findings.ts';
import { answering } from './questions.ts';
import { refusal } from './replies.ts';
import { type Findings, RESULTS } from './results.ts';
import { REASONS, type Reason, SETTINGS } from './settings.ts';
import type { Question, Work } from './work.ts';

type Message = HookArguments['data_post'];

const RESULTS_FIELD = 'Authentication-Results';
/** What the folder is decided by, and what filters see. */
const MARK = 'X-Mail-Auth';
/** Messages that one thread has in hand: most of their time they wait for DNS. */
const AT_ONCE = 64;
const QUEUE = 1_000;
/** Seconds. */
const BOUNDS = [0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30];
/** Foreign fields that claim to be ours; each costs a reading of the header. */
const MOST_CLAIMS = 30;

export default definePlugin({
  name: 'mail-auth',
  // Without it, mail is only less known.
  onError: 'pass',
  before: [
    'attachments',
    'spamassassin',
    'rspamd',
    'bayes',
    'clamav',
    'disclaimer',
    'archive',
    'mailing-list',
    'haraka',
  ],
  config: SETTINGS,
  register(server) {
    const { config } = server;
    const { checks, timeout, mailbox } = config;
    const id = config.authserv_id ?? server.parameters.string('myhostname');
    const isTrusted = trustedClients(server, config.clients);
    const decide = deciding(config.actions, config.for);
    const sealers = config.trusted_sealers.map((domain) => domain.toLowerCase());
    const counted = server.metrics.counter('results_total', 'Results of the checks.', ['check', 'result']);
    const acted = server.metrics.counter('messages_total', 'Messages by what was done.', ['action']);
    const took = server.metrics.histogram('check_seconds', 'Time for one message.', ['result'], BOUNDS);
    const pool = new Pool<Work, Findings>({
      ...{ entry: new URL(`./thread${extname(import.meta.url)}`, import.meta.url), name: 'mail-auth' },
      ...{ threads: config.threads, atOnce: AT_ONCE, queue: QUEUE, deadlineMs: (timeout + 3) * 1000, memoryMb: 256 },
      onEnd: (why) =>
        server.log.warn({}, `a thread ended: ${why}; the messages that it had in hand count as temperror`),
    });
    server.onClose(() => pool.close());

    async function judged({ transaction, content }: Message, connection: Connection): Promise<Findings> {
      const { queueId } = transaction;
      const began = performance.now();
      const message = await openContent(content);
      const answer = answering(server.resolver, began + timeout * 1000);
      const ask = (question: Question) => (question === null ? message.next() : answer(question));
      try {
        const findings = await pool.run(
          {
            ...message.beginning,
            ...{ checks, sealers, ip: connection.remote.ip, helo: connection.helo ?? '', now: server.clock() },
            ...{ sender: transaction.reversePath, receiver: id, size: transaction.size },
            ...{ organization: config.organizational_domain, sample: sampleOf(queueId), patience: timeout * 1000 },
          },
          ask,
        );
        took.observe((performance.now() - began) / 1000, 'checked');
        return findings;
      } catch (error) {
        took.observe((performance.now() - began) / 1000, 'failed');
        server.log.warn({ queueId }, `${queueId}: ${messageOf(error)}: the checks count as temperror`);
        return unchecked(checks);
      } finally {
        await message.close();
      }
    }

    /** Removes what claims to be ours and is not. */
    function removeClaims({ transaction: { header, queueId }, change }: Message): void {
      const forged = new Set(header.all(RESULTS_FIELD).filter((value) => claims(value, id)));
      if (header.get(MARK) !== null) change.removeHeader(MARK);
      if (forged.size > MOST_CLAIMS) change.removeHeader(RESULTS_FIELD);
      else for (const value of forged) change.removeHeader(RESULTS_FIELD, value);
      if (forged.size > 0)
        server.log.info({ queueId }, `${queueId}: removed ${RESULTS_FIELD} that claimed to be of ${id}`);
    }

    function act(message: Message, findings: Findings): Verdict {
      const { transaction, change } = message;
      const { queueId } = transaction;
      const reasons = reasonsOf(findings);
      const recipients = transaction.recipients.map(({ address, original }) => [address, original]);
      const wish = (given: readonly Reason[]) => recipients.map((addresses) => decide(given, addresses));
      const action = together(wish(reasons));
      const telling = tellingOf(reasons, (reason) => strictestOf(wish([reason])));
      acted.count(action);
      const text = findings.rows.map(({ method, result }) => `${method}=${result}`).join(' ');
      server.log.info({ queueId, action, reasons }, `${queueId}: ${text === '' ? 'none' : text}: ${action}`);
      if (action === 'reject' || action === 'defer') return refusal(action, telling);
      if (action !== 'none') change.addHeader(MARK, `${action}; ${telling.join(', ')}`);
      return NEXT;
    }

    server.on(
      'data_post',
      async (message) => {
        const { connection, transaction } = message;
        if (!isForUs(connection)) return NEXT;
        const isKnown = await isTrusted(connection);
        // What our own filters and servers write is kept, what users write is not.
        if (!isKnown || connection.user !== null) removeClaims(message);
        if (isKnown) {
          acted.count('skipped');
          return NEXT;
        }
        const found = await judged(message, connection);
        const iprev = checks.includes('iprev') ? iprevRow(connection.remote) : null;
        const findings: Findings =
          iprev === null ? found : { ...found, rows: [iprev, ...found.rows], iprev: iprev.result };
        for (const { method, result } of findings.rows) counted.count(method, result);
        transaction.notes.set(RESULTS, findings);
        transaction.prepend.push(`${RESULTS_FIELD}: ${resultsField(id, findings.rows)}`);
        const line = config.received_spf ? receivedSpf(findings, connection, transaction.reversePath) : null;
        if (line !== null) transaction.prepend.push(line);
        return act(message, findings);
      },
      { when: isForUs },
    );

    server.on('deliver', (letter) => {
      const mark = letter.header.get(MARK);
      if (mark === null) return NEXT;
      const reasons = reasonsIn(mark);
      const action = decide(reasons, [letter.recipient.address, letter.recipient.original, letter.account.address]);
      if (action !== 'quarantine' && action !== 'reject') return NEXT;
      letter.flags.push('$Junk');
      if (letter.mailbox === 'INBOX') letter.mailbox = mailbox;
      return NEXT;
    });
  },
});

/** Mail of clients. What the filter before the queue gets cannot be changed, and comes back. */
const isForUs = (connection: Connection | null): connection is Connection =>
  connection !== null && connection.parameters.string('smtpd_proxy_filter') === '';

/** The reasons that a mark names. */
const reasonsIn = (mark: string): readonly Reason[] => {
  const words = new Set(mark.split(/[;,\s]+/));
  return REASONS.filter((reason) => words.has(reason));
};
