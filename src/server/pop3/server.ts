/**
 * The POP3 server (RFC 1939 with 1734, 2449, 2595, 3206, 5034): gives each connection a session and lets them
 * all go in good order. Sessions share nothing but the services; a failing one ends alone.
 */
import type { LineConnection } from '../../net/connection.ts';
import { DEFAULT_LIMITS, type Pop3ServerOptions, type Pop3Services } from './options.ts';
import { Session } from './session.ts';

export interface Pop3Server {
  /** Resolves when the session is over. Never rejects. */
  serve(connection: LineConnection): Promise<void>;
  /** Ends every session after the command that it runs; those that take too long are cut off. */
  close(): Promise<void>;
  readonly sessions: number;
}

export function createPop3Server(options: Pop3ServerOptions): Pop3Server {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const services: Pop3Services = {
    ...options,
    limits,
    log: options.log.child({ process: 'pop3' }),
    loginLog: options.log.child({ process: 'pop3-login' }),
    sessionLog: (user, session) => options.log.child({ process: `pop3(${user})<${session}>` }),
    admit: doorkeeper(limits.sessionsPerUser),
  };
  const sessions = new Map<Session, Promise<void>>();
  let closing = false;

  async function run(session: Session): Promise<void> {
    try {
      await session.run();
    } catch (error) {
      session.connection.destroy();
      services.log.error({ session: session.connection.id, err: error }, 'session failed');
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
      for (const session of sessions.keys()) session.close();
      const late = setTimeout(() => {
        for (const session of sessions.keys()) session.connection.destroy();
      }, limits.closeGrace);
      await Promise.all(sessions.values());
      clearTimeout(late);
    },
  };
}

/** Counts the sessions of each key. */
function doorkeeper(limit: number): Pop3Services['admit'] {
  const counts = new Map<string, number>();
  return (key) => {
    const count = counts.get(key) ?? 0;
    if (count >= limit) return null;
    counts.set(key, count + 1);
    return () => {
      const left = (counts.get(key) ?? 1) - 1;
      if (left > 0) counts.set(key, left);
      else counts.delete(key);
    };
  };
}
