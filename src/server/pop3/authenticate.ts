/** USER and PASS (RFC 1939 section 7), AUTH (RFC 5034), and the way into the transaction state. */
import { setTimeout as delay } from 'node:timers/promises';
import { decodeField, decodeResponse, type SaslStep } from '../../protocol/sasl/mechanism.ts';
import { findMechanism, SASL_MECHANISMS } from '../../protocol/sasl/table.ts';
import { Maildrop } from './maildrop.ts';
import type { Session } from './session.ts';

const DISALLOWED = '[AUTH] Plaintext authentication disallowed on non-secure (SSL/TLS) connections.';
const FAILED = '[AUTH] Authentication failed.';

export function user(session: Session, argument: string): void {
  if (!session.mayLogin) {
    session.err(DISALLOWED);
    return;
  }
  session.state = { kind: 'authorization', user: argument };
  session.ok();
}

export async function pass(session: Session, argument: string): Promise<void> {
  if (!session.mayLogin) {
    session.err(DISALLOWED);
    return;
  }
  const given = session.state.kind === 'authorization' ? session.state.user : null;
  if (given === null || given === '') {
    session.err('No username given.');
    return;
  }
  session.state = { kind: 'authorization', user: null };
  const login = decodeField(Buffer.from(given.trim(), 'latin1'));
  const password = decodeField(Buffer.from(argument, 'latin1'));
  session.login.attempt(login ?? '', 'PLAIN');
  if (login === null || password === null) await refuse(session);
  else await logIn(session, login, password);
}

export async function auth(session: Session, argument: string): Promise<void> {
  const [name = '', initial, ...more] = argument.trimEnd().split(' ');
  if (!session.mayLogin) {
    session.err(DISALLOWED);
    return;
  }
  if (name === '') {
    session.connection.write(`+OK\r\n${SASL_MECHANISMS.map((m) => `${m.name}\r\n`).join('')}.\r\n`);
    return;
  }
  const mechanism = findMechanism(name);
  if (mechanism === undefined || more.length > 0) {
    session.err('[AUTH] Unsupported authentication mechanism.');
    return;
  }
  session.login.attempt('', mechanism.name);
  const exchange = mechanism.begin();
  let step: SaslStep;
  if (initial === undefined) {
    step = exchange.next(null);
  } else {
    const response = decodeResponse(initial);
    if (response === null) {
      session.err('[AUTH] Invalid base64 data in initial response');
      return;
    }
    step = exchange.next(response);
  }
  while (step.kind === 'challenge') {
    session.connection.write(`+ ${step.data.toString('base64')}\r\n`);
    const line = await session.readLine();
    if (line === null) return session.end('Connection closed');
    const text = line.toString('latin1');
    if (text === '*') {
      session.err('Authentication aborted by client.');
      return;
    }
    const response = decodeResponse(text);
    if (response === null) {
      session.err('[AUTH] Invalid base64 data in continued response');
      return;
    }
    step = exchange.next(response);
  }
  if (step.kind === 'malformed') {
    await refuse(session);
    return;
  }
  session.login.attempt(step.login, mechanism.name);
  await logIn(session, step.login, step.password);
}

/** Guessing gets slower with each try; a client that goes away does not keep us. */
async function refuse(session: Session): Promise<void> {
  const { limits } = session.services;
  session.login.failed();
  await delay(limits.failureDelay * session.login.failures, undefined, { signal: session.connection.signal }).catch(() => undefined);
  session.err(FAILED);
  if (session.login.failures >= limits.failedLogins) session.end('Too many failed logins');
}

async function logIn(session: Session, login: string, password: string): Promise<void> {
  const { services, connection } = session;
  const result = await services.authenticator.verify({ login, password, remoteIp: connection.remote.ip, protocol: 'pop3' });
  if (!result.ok) {
    if (result.reason === 'unavailable') session.err('[SYS/TEMP] Temporary authentication failure.');
    else await refuse(session);
    return;
  }
  const { account } = result;
  const verdict = await services.hooks.run('pop3_login', { account, remoteIp: connection.remote.ip, tls: connection.tls !== null });
  if (verdict.code !== 'OK' && verdict.code !== 'NEXT') {
    const text = ('reply' in verdict ? verdict.reply?.text : undefined) ?? 'Login is not allowed.';
    session.err(`${verdict.code.startsWith('DENYSOFT') ? '[SYS/TEMP]' : '[AUTH]'} ${text.replace(/[^\x20-\x7e]+/g, ' ')}`);
    if (verdict.code.endsWith('DISCONNECT')) session.end('Login refused');
    return;
  }
  const leave = services.admit(`${account.id} ${connection.remote.ip}`);
  if (leave === null) {
    const { sessionsPerUser } = services.limits;
    session.err(`[IN-USE] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=${sessionsPerUser})`);
    session.end('Maximum number of connections from user+IP exceeded');
    return;
  }
  try {
    const maildrop = await Maildrop.open(services.store.mailboxes, account);
    const log = services.sessionLog(session.login.user, connection.id);
    session.state = { kind: 'transaction', account, maildrop, log, leave };
  } catch (error) {
    leave();
    services.log.error({ session: connection.id, user: session.login.user, err: error }, 'INBOX cannot be opened');
    session.err("[SYS/TEMP] Couldn't open INBOX.");
    session.end('INBOX cannot be opened');
    return;
  }
  connection.setIdleTimeout(services.limits.idleTimeout, session.onIdle);
  session.login.succeeded();
  session.ok('Logged in.');
}
