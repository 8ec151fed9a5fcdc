/** The IMAP server (RFC 9051, with RFC 3501 for older clients): holds what its sessions share. */
import { LineServer } from '../line-server.ts';
import { makeServices } from '../mailbox-server.ts';
import { capabilitiesAfterLogin } from './capabilities.ts';
import { COMMANDS } from './commands/table.ts';
import { Dialog } from './dialog.ts';
import { DEFAULT_LIMITS, type ImapServerOptions, type ImapServices } from './options.ts';

/** How often idling clients are sent something, ms. */
const KEEP_ALIVE = 2 * 60_000;

export type ImapServer = Pick<LineServer<Dialog>, 'serve' | 'close' | 'sessions'>;

export function createImapServer(options: ImapServerOptions): ImapServer {
  const given = { ...DEFAULT_LIMITS, ...options.limits };
  const limits = { ...given, message: given.message === 0 ? Number.MAX_SAFE_INTEGER : given.message };
  const services: ImapServices = {
    ...options,
    ...makeServices('imap', options, limits),
    limits,
    capabilities: capabilitiesAfterLogin([...COMMANDS.values()].flatMap(({ brings = [] }) => brings)),
  };
  const server = new LineServer({
    begin: (connection) => new Dialog(connection, services, COMMANDS),
    closeGrace: limits.closeGrace,
    onClosed: () => services.places.end(),
    log: services.log,
  });
  const keepAlive = setInterval(() => {
    for (const dialog of server.each()) dialog.keepAlive();
  }, KEEP_ALIVE).unref();
  return {
    get sessions() {
      return server.sessions;
    },
    serve: (connection) => server.serve(connection),
    close() {
      clearInterval(keepAlive);
      return server.close();
    },
  };
}
