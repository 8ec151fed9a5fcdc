/**
 * `check_policy_service inet:host:port`, `unix:path`, or `{ inet:host:port, timeout=10s, default_action=DUNNO }`: asks
 * an external service what to do, and treats its answer like an access table's.
 */

import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { DUNNO, type Outcome, type Question, type Restriction, type Server } from '../../src/bus/plugin.ts';
import { messageOf } from '../../src/errors.ts';
import { type PolicyService, parsePolicyService } from '../../src/lookup/policy-service.ts';
import { groupContent } from '../../src/lookup/split-list.ts';
import { commonName } from '../../src/protocol/tls/peer.ts';
import { accessOutcome } from './access-action.ts';
import { fingerprintKeys } from './client-certificate.ts';
import { type ConnectionTerms, PolicyClient } from './policy-client.ts';
import { misconfigured } from './refusal.ts';

/**
 * The limit for all lists (patience.ts) leaves no more, whatever smtpd_policy_service_timeout is; after that
 * default_action applies.
 */
const LONGEST = 20_000;

interface Service {
  readonly client: PolicyClient;
  readonly own: PolicyService['own'];
}

/** The lines of a request (SMTPD_POLICY_README); no value can add a line. */
function policyRequest(question: Question, context: string): string {
  const { connection, stage, helo, sender, recipient, domain } = question;
  const { remote, local, tls, user, transaction, parameters } = connection;
  const trusted = tls?.peer?.trusted === true ? tls.peer.certificate : undefined;
  const [fingerprint = '', keyFingerprint = ''] = fingerprintKeys(connection);
  const attributes: Readonly<Record<string, string | number>> = {
    request: 'smtpd_access_policy',
    protocol_state: stage,
    protocol_name: connection.protocol,
    client_address: remote.ip,
    client_name: remote.name,
    client_port: remote.port,
    reverse_client_name: remote.reverseName,
    server_address: local.ip,
    server_port: local.port,
    helo_name: helo ?? '',
    sender: sender ?? '',
    recipient: recipient?.original ?? '',
    recipient_count: stage === 'DATA' || stage === 'END-OF-MESSAGE' ? (transaction?.recipients.length ?? 0) : 0,
    queue_id: transaction?.queueId ?? '',
    instance: `${connection.id}.${transaction?.queueId ?? ''}`,
    size: transaction === null ? 0 : transaction.size || transaction.announcedSize,
    etrn_domain: domain ?? '',
    stress: parameters.string('stress'),
    sasl_method: user?.mechanism ?? '',
    sasl_username: user?.login ?? '',
    sasl_sender: '',
    ccert_subject: trusted === undefined ? '' : xtext(commonName(trusted.subject)),
    ccert_issuer: trusted === undefined ? '' : xtext(commonName(trusted.issuer)),
    ccert_fingerprint: fingerprint,
    ccert_pubkey_fingerprint: keyFingerprint,
    encryption_protocol: tls?.protocol ?? '',
    encryption_cipher: tls?.cipher ?? '',
    encryption_keysize: tls?.bits ?? 0,
    policy_context: context,
  };
  return `${Object.entries(attributes)
    .map(([name, value]) => `${name}=${String(value).replace(/[\0-\x1f\x7f]/g, '?')}\n`)
    .join('')}\n`;
}

/** xtext as Postfix writes it: `+` and what is not printable ASCII as `+XX`. */
const xtext = (text: string): string =>
  [...Buffer.from(text)]
    .map((octet) =>
      octet > 32 && octet < 127 && octet !== 43
        ? String.fromCharCode(octet)
        : `+${octet.toString(16).toUpperCase().padStart(2, '0')}`,
    )
    .join('');

export function policyRestrictions(server: Server): Readonly<Record<string, Restriction>> {
  const services = new Map<string, Service>();
  server.onClose(() => {
    for (const { client } of services.values()) client.close();
  });

  /** A text says what was expected. */
  function serviceOf(argument: string): Service | string {
    const known = services.get(argument);
    if (known !== undefined) return known;
    const parsed = parsePolicyService(argument);
    if (typeof parsed === 'string') return parsed;
    const { endpoint, own } = parsed;
    const open = (): Duplex => ('path' in endpoint ? server.connectLocal(endpoint.path) : connect(endpoint));
    const service = { client: new PolicyClient(open, () => server.clock()), own };
    services.set(argument, service);
    return service;
  }

  async function action(question: Question, { client, own }: Service): Promise<string> {
    const { parameters } = question.connection;
    const deadline = Math.min(LONGEST, own.timeout ?? parameters.time('smtpd_policy_service_timeout'));
    const tries = own.try_limit ?? parameters.number('smtpd_policy_service_try_limit');
    const pause = own.retry_delay ?? parameters.time('smtpd_policy_service_retry_delay');
    const terms: ConnectionTerms = {
      maxIdle: own.max_idle ?? parameters.time('smtpd_policy_service_max_idle'),
      maxTtl: own.max_ttl ?? parameters.time('smtpd_policy_service_max_ttl'),
      requestLimit: own.request_limit ?? parameters.number('smtpd_policy_service_request_limit'),
    };
    const until = server.clock() + deadline;
    const request = policyRequest(
      question,
      own.policy_context ?? parameters.string('smtpd_policy_service_policy_context'),
    );
    for (let i = 1; ; i += 1) {
      try {
        return await client.ask(request, Math.max(1, until - server.clock()), terms);
      } catch (error) {
        const left = until - server.clock() - pause;
        server.log.warn(
          { session: question.connection.id },
          `policy service ${question.argument}: ${messageOf(error)}`,
        );
        if (i >= tries || left <= 0)
          return own.default_action ?? parameters.string('smtpd_policy_service_default_action');
        await setTimeout(pause);
      }
    }
  }

  return {
    check_policy_service: {
      takesArgument: true,
      stateful: true,
      check: async (question): Promise<Outcome> => {
        const service = serviceOf(question.argument);
        if (typeof service === 'string') {
          server.log.warn({ session: question.connection.id }, `check_policy_service: ${service}`);
          return misconfigured;
        }
        const answer = await action(question, service);
        const value = groupContent(answer) ?? answer;
        return value === ''
          ? DUNNO
          : accessOutcome(value, {
              server,
              question,
              subject: question.subject,
              table: question.argument,
              key: 'its answer',
              permits: 'relay',
            });
      },
    },
  };
}
