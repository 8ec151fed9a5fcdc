/** USER and PASS (RFC 1939 section 7), AUTH (RFC 5034), and the transition to the transaction state. */
import { decodeLogin, isPlaintext, type SaslMechanism, takePassword } from '../../protocol/sasl/mechanism.ts';
import { findMechanism } from '../../protocol/sasl/table.ts';
import { StoreUnavailableError } from '../../store/store.ts';
import { lacksCertificate, MISSING_CERTIFICATE } from '../login/client-certificates.ts';
import { claimBy, type Login, logIn, mayTryAgain } from '../login/login.ts';
import { passwordClaim, type SaslClaim, type Stopped } from '../login/sasl-exchange.ts';
import { offeredMechanisms, takesPasswords } from '../mailbox-server.ts';
import { Maildrop } from './maildrop.ts';
import { type Session, UNAVAILABLE } from './session.ts';

const DISALLOWED = '[AUTH] Plaintext authentication disallowed on non-secure (SSL/TLS) connections.';

/** True if passwords are refused on this connection; the reply has then been sent. */
function refusePlaintext(session: Session): boolean {
  if (session.mayLogin) return false;
  session.login.refused('plaintext');
  session.err(DISALLOWED);
  return true;
}

/** The same for whoever has no certificate where one is required. */
function refuseWithoutCertificate(session: Session): boolean {
  if (!lacksCertificate(session.connection, session.services.certificates)) return false;
  session.login.refused('certificate');
  session.err(`[AUTH] ${MISSING_CERTIFICATE}`);
  return true;
}

/** The same where auth_mechanisms does not name `plain`, which USER and PASS are. */
function refuseWhereUnsupported(session: Session): boolean {
  if (takesPasswords(session.services)) return false;
  unsupported(session, 'PLAIN');
  return true;
}

export function user(session: Session, argument: string): void {
  if (refusePlaintext(session)) return;
  if (refuseWhereUnsupported(session)) return;
  session.state = { kind: 'authorization', user: argument };
  session.ok();
}

export async function pass(session: Session, argument: string): Promise<void> {
  if (refusePlaintext(session)) return;
  if (refuseWhereUnsupported(session)) return;
  const given = session.state.kind === 'authorization' ? session.state.user : null;
  if (given === null || given === '') {
    session.err('No username given.');
    return;
  }
  session.state = { kind: 'authorization', user: null };
  session.login.begin('PLAIN', session.services.clock());
  if (refuseWithoutCertificate(session)) return;
  const login = decodeLogin(Buffer.from(given.trim(), 'latin1'));
  const password = takePassword(Buffer.from(argument, 'latin1'));
  if (login !== null && password !== null) await authenticate(session, passwordClaim(login, password));
  else refuseMalformed(session);
}

/** Those that may be used on this connection. */
export const usableMechanisms = ({ connection, services }: Session): readonly SaslMechanism[] =>
  offeredMechanisms(connection, services);

export async function auth(session: Session, argument: string): Promise<void> {
  const [name = '', initial = null, ...more] = argument.trimEnd().split(' ');
  if (name === '') {
    session.connection.write(
      `+OK\r\n${usableMechanisms(session)
        .map((m) => `${m.name}\r\n`)
        .join('')}.\r\n`,
    );
    return;
  }
  const mechanism = findMechanism(name, session.services.mechanisms);
  if (mechanism === undefined || more.length > 0) return unsupported(session, name);
  if (isPlaintext(mechanism) && refusePlaintext(session)) return;
  session.login.begin(mechanism.name, session.services.clock());
  if (refuseWithoutCertificate(session)) return;
  const outcome = await claimBy(session, name, {
    initial,
    async ask(challenge) {
      session.connection.write(`+ ${challenge}\r\n`);
      return (await session.readLine())?.toString('latin1') ?? null;
    },
  });
  if (outcome === null) return unsupported(session, name);
  switch (outcome.kind) {
    case 'malformed':
      return refuseMalformed(session);
    case 'unavailable':
      session.login.failed('unavailable');
      return refuse(session, TEMPORARY);
    case 'not-base64':
    case 'cancelled':
    case 'gone':
      return stopped(session, outcome);
    default:
      return authenticate(session, outcome);
  }
}

const TEMPORARY = '[SYS/TEMP] Temporary authentication failure.';

function unsupported(session: Session, name: string): void {
  session.login.begin(name, session.services.clock());
  session.login.refused('unsupported');
  session.err('[AUTH] Unsupported authentication mechanism.');
}

/** The client did not go on with the exchange. */
function stopped(session: Session, outcome: Stopped): void {
  if (outcome.kind === 'gone') session.end('Connection closed');
  else if (outcome.kind === 'cancelled') session.err('Authentication aborted by client.');
  else session.err(`[AUTH] Invalid base64 ${outcome.which === 'initial' ? 'data in initial' : 'in'} response`);
}

/** An attempt that violated the mechanism's syntax. */
function refuseMalformed(session: Session): void {
  session.login.failed();
  refuse(session, '[AUTH] Authentication failed.');
}

function refuse(session: Session, text: string): void {
  session.err(text);
  if (!mayTryAgain(session)) session.end('Too many failed logins');
}

/** Call LoginRecord.begin first. */
async function authenticate(session: Session, claim: SaslClaim): Promise<void> {
  const outcome = await logIn(session, claim, session.onAccountEnd);
  switch (outcome.kind) {
    case 'failed':
      return refuse(session, '[AUTH] Authentication failed.');
    case 'unavailable':
      return refuse(session, TEMPORARY);
    case 'not-base64':
    case 'cancelled':
    case 'gone':
      return stopped(session, outcome);
    case 'refused':
      session.err(`${outcome.temporary ? '[SYS/TEMP]' : '[AUTH]'} ${outcome.text}`);
      if (outcome.disconnect) session.end('Login refused');
      return;
    case 'crowded':
      session.err(`[IN-USE] ${outcome.text}`);
      return session.end(outcome.text);
    case 'accepted':
      return enter(session, outcome.login);
  }
}

async function enter(session: Session, { account, leave }: Login): Promise<void> {
  const { services, connection, login } = session;
  let maildrop: Maildrop;
  try {
    maildrop = await Maildrop.open(services.store.mailboxes, account);
  } catch (error) {
    leave();
    if (error instanceof StoreUnavailableError) return session.err(UNAVAILABLE);
    services.log.error({ session: connection.id, user: login.user, err: error }, 'INBOX cannot be opened');
    session.err("[SYS/TEMP] Couldn't open INBOX.");
    session.end('INBOX cannot be opened');
    return;
  }
  // The login timeout may have expired meanwhile.
  if (session.isOver) return leave();
  session.enter(maildrop, leave);
  session.ok('Logged in.');
}
