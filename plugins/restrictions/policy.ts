/**
 * `check_policy_service inet:host:port`, `unix:path`, or `{ inet:host:port, timeout=10s, default_action=DUNNO }`: asks
 * an external service what to do, and treats its answer like an access table's.
 */

import { connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { DUNNO, type Outcome, type Question, type Restriction, type Server } from '../../src/bus/plugin.ts';
import { messageOf } from '../../src/errors.ts';
import { groupContent, splitTexts } from '../../src/lookup/split-list.ts';
import { commonName } from '../../src/protocol/tls/peer.ts';
import { accessOutcome } from './access-action.ts';
import { fingerprintKeys } from './client-certificate.ts';
import { PolicyClient } from './policy-client.ts';
import { misconfigured } from './refusal.ts';

/**
 * The limit for all lists (patience.ts) leaves no more, whatever smtpd_policy_service_timeout is; after that
 * default_action applies.
 */
const LONGEST = 20_000;

interface Service {
  readonly client: PolicyClient;
  readonly options: Readonly<Record<string, string>>;
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

/** Null if the text is not a service. */
function parseService(text: string, server: Server): Service | null {
  const [place = '', ...rest] = splitTexts(groupContent(text) ?? text);
  const options = Object.fromEntries(
    rest.map((item) => [item.split('=', 1).join(''), item.slice(item.indexOf('=') + 1)]),
  );
  const inet = /^inet:(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(place);
  const unix = /^unix:(.+)$/.exec(place)?.[1];
  if (inet !== null) {
    const endpoint = { host: inet[1] ?? inet[2] ?? '', port: Number(inet[3]) };
    return { client: new PolicyClient(() => connect(endpoint)), options };
  }
  return unix === undefined ? null : { client: new PolicyClient(() => server.connectLocal(unix)), options };
}

/** `10`, `10s`, `2m` in ms. */
function time(text: string | undefined, otherwise: number): number {
  const match = /^(\d{1,6})([smh]?)$/.exec(text ?? '');
  return match === null ? otherwise : Number(match[1]) * ({ s: 1, m: 60, h: 3600 }[match[2] ?? ''] ?? 1) * 1000;
}

export function policyRestrictions(server: Server): Readonly<Record<string, Restriction>> {
  const services = new Map<string, Service>();
  server.onClose(() => {
    for (const { client } of services.values()) client.close();
  });

  async function action(question: Question, { client, options }: Service): Promise<string> {
    const { parameters } = question.connection;
    const deadline = Math.min(LONGEST, time(options['timeout'], parameters.time('smtpd_policy_service_timeout')));
    const tries = Math.max(1, Number(options['try_limit'] ?? parameters.number('smtpd_policy_service_try_limit')) || 1);
    const pause = time(options['retry_delay'], parameters.time('smtpd_policy_service_retry_delay'));
    const until = server.clock() + deadline;
    const request = policyRequest(
      question,
      options['policy_context'] ?? parameters.string('smtpd_policy_service_policy_context'),
    );
    for (let i = 1; ; i += 1) {
      try {
        return await client.ask(request, Math.max(1, until - server.clock()));
      } catch (error) {
        const left = until - server.clock() - pause;
        server.log.warn(
          { session: question.connection.id },
          `policy service ${question.argument}: ${messageOf(error)}`,
        );
        if (i >= tries || left <= 0)
          return options['default_action'] ?? parameters.string('smtpd_policy_service_default_action');
        await setTimeout(pause);
      }
    }
  }

  return {
    check_policy_service: {
      takesArgument: true,
      stateful: true,
      check: async (question): Promise<Outcome> => {
        const service = services.get(question.argument) ?? parseService(question.argument, server);
        if (service === null) {
          server.log.warn(
            { session: question.connection.id },
            `check_policy_service ${question.argument}: expected inet:host:port or unix:path`,
          );
          return misconfigured;
        }
        services.set(question.argument, service);
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
