/** `posthorn test login`: a login as clients make it, and what an administrator wants to know of it. */
import type { LoginReport } from '../admin/login-report.ts';
import { OperationError } from '../admin/operation.ts';
import { ownDomains } from '../lookup/find-account.ts';
import type { Account } from '../mail/account.ts';
import { findAccount } from '../server/login/find-account.ts';
import { schemeOf } from '../server/login/password.ts';
import { offeredMechanisms } from '../server/smtp/extensions.ts';
import { readSettings } from '../server/smtp/settings.ts';
import type { Directory } from '../store/directory.ts';
import { type Trace, type TraceStep, traced } from '../tracing.ts';
import { TLS } from './explain/session.ts';
import type { Generation } from './generation.ts';
import { smtpMechanisms } from './mechanisms.ts';

const LIMITS = [
  'message_size_limit',
  'smtpd_recipient_limit',
  'smtpd_client_connection_count_limit',
  'smtpd_client_message_rate_limit',
  'smtpd_client_recipient_rate_limit',
  'smtpd_client_auth_rate_limit',
] as const;

/** Rejects with OperationError if the login cannot be checked now. */
export async function reportLogin(
  login: string,
  password: Buffer,
  { authenticator, configuration }: Pick<Generation, 'authenticator' | 'configuration'>,
  directory: Directory,
): Promise<LoginReport> {
  let plugin: Extract<TraceStep, { kind: 'plugin' }> | null = null;
  const watcher: Trace = {
    hypothetical: false,
    add(step) {
      if (step.kind === 'plugin' && step.hook === 'auth') plugin = step;
    },
  };
  const result = await traced(watcher, () =>
    authenticator.verify({ login, password, remoteIp: '127.0.0.1', protocol: 'imap', mechanism: 'PLAIN' }),
  );
  if (!result.ok && result.reason === 'unavailable')
    throw new OperationError('logins cannot be checked at this moment; see the log');
  const { parameters, services, dovecot } = configuration;
  const account = result.ok ? result.account : await findAccount(login, ownDomains(parameters), directory);
  const decided = plugin as Extract<TraceStep, { kind: 'plugin' }> | null;
  const sessions = Object.entries(dovecot?.sessionsPerUser ?? {}).flatMap(([protocol, limit]) =>
    limit === undefined ? [] : [`mail_max_userip_connections = ${limit} (${protocol})`],
  );
  return {
    address: result.ok ? result.account.address : null,
    answeredBy: decided === null ? 'the accounts of the store' : `plugin ${decided.plugin} (${decided.result})`,
    why: result.ok ? null : decided === null ? whyNot(account) : 'the plugin refused it',
    scheme: account === null || account.passwordHash === '' ? null : schemeOf(account.passwordHash),
    mechanisms: services
      .filter(({ lmtp }) => !lmtp)
      .map((service) => {
        const settings = readSettings(service.parameters);
        const names = (tls: typeof TLS | null): string =>
          offeredMechanisms({ settings, connection: { tls }, mechanisms: smtpMechanisms(dovecot) })
            .map(({ name }) => name)
            .join(' ');
        return { service: service.name, clear: service.wrapperMode ? '' : names(null), tls: names(TLS) };
      }),
    limits: [
      ...LIMITS.map((name) => ({ name, value: parameters.number(name) }))
        .filter(({ value }) => value > 0)
        .map(({ name, value }) => `${name} = ${value}`),
      ...sessions,
      ...(account === null || account.quota === 0 ? [] : [`quota = ${account.quota}`]),
    ],
  };
}

function whyNot(account: Account | null): string {
  if (account === null) return 'there is no such account';
  if (account.disabled) return 'the account is disabled; "posthorn user enable" allows logins again';
  return account.passwordHash === ''
    ? 'the account has no password; "posthorn user passwd" sets one'
    : 'the password is wrong';
}
