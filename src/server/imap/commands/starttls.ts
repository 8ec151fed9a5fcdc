/** STARTTLS (RFC 9051 section 6.2.1). The connection discards anything received in clear text before it. */
import { messageOf } from '../../../errors.ts';
import { bare } from '../command.ts';
import { bad, ok } from '../completion.ts';
import type { Session } from '../session.ts';
import type { NotAuthenticated } from '../state.ts';

export const starttls = bare<NotAuthenticated>((session) => {
  const { connection, services } = session;
  if (connection.tls !== null) return bad('TLS is already active.');
  if (!services.startTls) return bad('TLS support is not enabled.');
  return { ...ok('Begin TLS negotiation now.'), after: () => shakeHands(session) };
});

async function shakeHands(session: Session): Promise<void> {
  try {
    await session.connection.startTls();
  } catch (error) {
    session.end(`TLS handshake failed: ${messageOf(error)}`);
  }
}
