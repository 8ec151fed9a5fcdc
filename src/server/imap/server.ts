/**
 * The IMAP server: gives each connection a session and lets them all go in good order.
 * Sessions share nothing but the services; a failing one ends alone.
 */
import type { LineConnection } from '../../net/connection.ts';
import { DEFAULT_LIMITS, type ImapServerOptions, type ImapServices } from './options.ts';
import { Session } from './session.ts';

/** Routers on the way forget quiet connections: idling clients hear something so often, ms. */
const STILL_HERE = 2 * 60_000;

export interface ImapServer {
  /** Resolves when the session is over. Never rejects. */
  serve(connection: LineConnection): Promise<void>;
  /** Says BYE to every session and waits for them; those that take too long are cut off. */
  close(): Promise<void>;
  readonly sessions: number;
}

export function createImapServer(options: ImapServerOptions): ImapServer {
  const services: ImapServices = {
    ...options,
    limits: { ...DEFAULT_LIMITS, ...options.limits },
    loginLog: options.log.child({ process: 'imap-login' }),
    sessionLog: options.log.child({ process: 'imap' }),
  };
  const sessions = new Map<Session, Promise<void>>();
  let closing = false;
  const keepAlive = setInterval(() => {
    for (const session of sessions.keys()) if (session.idling) session.write('* OK Still here\r\n');
  }, STILL_HERE);
  keepAlive.unref();

  async function run(session: Session): Promise<void> {
    try {
      await session.run();
    } catch (error) {
      session.connection.destroy();
      services.sessionLog.error({ session: session.connection.id, err: error }, 'session failed');
    }
  }

  return {
    get sessions() {
      return sessions.size;
    },
    async serve(connection) {
      const session = new Session(connection, services);
      const ended = run(session);
      sessions.set(session, ended);
      if (closing) session.close();
      await ended;
      sessions.delete(session);
    },
    async close() {
      closing = true;
      clearInterval(keepAlive);
      for (const session of sessions.keys()) session.close();
      const late = setTimeout(() => {
        for (const session of sessions.keys()) session.connection.destroy();
      }, services.limits.closeGrace);
      await Promise.all(sessions.values());
      clearTimeout(late);
    },
  };
}
