/** USER and PASS (RFC 1939 section 7), AUTH (RFC 5034), and the way into the transaction state. */
import type { Account } from '../../mail/account.ts';
import { decodeField } from '../../protocol/sasl/mechanism.ts';
import { findMechanism, SASL_MECHANISMS } from '../../protocol/sasl/table.ts';
import { logIn, punish } from '../login.ts';
import { runExchange } from '../sasl-exchange.ts';
import { Maildrop } from './maildrop.ts';
import type { Session } from './session.ts';

const DISALLOWED = '[AUTH] Plaintext authentication disallowed on non-secure (SSL/TLS) connections.';

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
  if (login !== null && password !== null) {
    await authenticate(session, 'PLAIN', login, password);
    return;
  }
  session.login.attempt(login ?? '', 'PLAIN');
  await refuse(session);
}

export async function auth(session: Session, argument: string): Promise<void> {
  const [name = '', initial = null, ...more] = argument.trimEnd().split(' ');
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
  session.login.exchanging(mechanism.name, session.services.clock());
  const outcome = await runExchange(mechanism, initial, async (challenge) => {
    session.connection.write(`+ ${challenge}\r\n`);
    return (await session.readLine())?.toString('latin1') ?? null;
  });
  switch (outcome.kind) {
    case 'password':
      return authenticate(session, mechanism.name, outcome.login, outcome.password);
    case 'malformed':
      return refuse(session);
    case 'not-base64':
      return session.err(`[AUTH] ${outcome.reason}`);
    case 'cancelled':
      return session.err('Authentication aborted by client.');
    case 'gone':
      return session.end('Connection closed');
  }
}

async function refuse(session: Session): Promise<void> {
  const mayGoOn = await punish(session);
  session.err('[AUTH] Authentication failed.');
  if (!mayGoOn) session.end('Too many failed logins');
}

async function authenticate(session: Session, method: string, login: string, password: string): Promise<void> {
  const outcome = await logIn(session, method, login, password);
  switch (outcome.kind) {
    case 'failed':
      return refuse(session);
    case 'unavailable':
      return session.err('[SYS/TEMP] Temporary authentication failure.');
    case 'refused':
      session.err(`${outcome.temporary ? '[SYS/TEMP]' : '[AUTH]'} ${outcome.text}`);
      if (outcome.disconnect) session.end('Login refused');
      return;
    case 'crowded':
      session.err(`[IN-USE] ${outcome.text}`);
      return session.end(outcome.text);
    case 'accepted':
      return enter(session, outcome);
  }
}

async function enter(session: Session, { account, leave }: { readonly account: Account; readonly leave: () => void }): Promise<void> {
  const { services, connection, login } = session;
  let maildrop: Maildrop;
  try {
    maildrop = await Maildrop.open(services.store.mailboxes, account);
  } catch (error) {
    leave();
    services.log.error({ session: connection.id, user: login.user, err: error }, 'INBOX cannot be opened');
    session.err("[SYS/TEMP] Couldn't open INBOX.");
    session.end('INBOX cannot be opened');
    return;
  }
  // The time to log in may have passed meanwhile.
  if (session.isOver) return leave();
  session.enter(maildrop, leave);
  session.ok('Logged in.');
}
