/**
 * The IMAP server: gives each connection a session and lets them all go in good order.
 * Sessions share nothing but the services; a failing one ends alone.
 */
import type { LineConnection } from '../../net/connection.ts';
import { DEFAULT_LIMITS, type ImapServerOptions, type ImapServices } from './options.ts';
import { Session } from './session.ts';

/** How often sessions are looked after, ms. */
const TICK = 2 * 60_000;

export interface ImapServer {
  /** Resolves when the session is over. Never rejects. */
  serve(connection: LineConnection): Promise<void>;
  /** Says BYE to every session and waits for them; those that take too long are cut off. */
  close(): Promise<void>;
  readonly sessions: number;
}

export function createImapServer(options: ImapServerOptions): ImapServer {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const services: ImapServices = {
    ...options,
    limits: limits.message === 0 ? { ...limits, message: Number.MAX_SAFE_INTEGER } : limits,
    loginLog: options.log.child({ process: 'imap-login' }),
    sessionLog: options.log.child({ process: 'imap' }),
  };
  const sessions = new Map<Session, Promise<void>>();
  let closing = false;
  const ticks = setInterval(() => {
    const now = services.clock();
    for (const session of sessions.keys()) session.tick(now);
  }, TICK);
  ticks.unref();

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
      clearInterval(ticks);
      for (const session of sessions.keys()) session.close();
      const late = setTimeout(() => {
        for (const session of sessions.keys()) session.connection.destroy();
      }, services.limits.closeGrace);
      await Promise.all(sessions.values());
      clearTimeout(late);
    },
  };
}
