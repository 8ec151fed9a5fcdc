/** CAPA (RFC 2449) and STLS (RFC 2595). */
import { messageOf } from '../../errors.ts';
import { takesPasswords } from '../mailbox-server.ts';
import { usableMechanisms } from './log-in.ts';
import type { Session } from './session.ts';

const ALWAYS = ['TOP', 'UIDL', 'RESP-CODES', 'PIPELINING', 'AUTH-RESP-CODE'];

export function capa(session: Session): void {
  const lines = [...ALWAYS];
  if (session.state.kind === 'authorization') {
    if (mayStartTls(session)) lines.push('STLS');
    if (session.mayLogin && takesPasswords(session.services)) lines.push('USER');
    const usable = usableMechanisms(session);
    if (usable.length > 0) lines.push(`SASL ${usable.map(({ name }) => name).join(' ')}`);
  }
  session.connection.write(`+OK\r\nCAPA\r\n${lines.join('\r\n')}\r\n.\r\n`);
}

export async function stls(session: Session): Promise<void> {
  const { connection } = session;
  if (connection.tls !== null) {
    session.err('TLS is already active.');
    return;
  }
  if (!mayStartTls(session)) {
    session.err("TLS support isn't enabled.");
    return;
  }
  session.ok('Begin TLS negotiation now.');
  // Anything received in clear text no longer counts.
  session.state = { kind: 'authorization', user: null };
  try {
    await connection.startTls();
  } catch (error) {
    session.end(`TLS handshake failed: ${messageOf(error)}`);
  }
}

const mayStartTls = ({ services, connection }: Session): boolean => services.startTls && connection.tls === null;
