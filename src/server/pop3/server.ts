/** The POP3 server (RFC 1939 with 1734, 2449, 2595, 3206, 5034): holds what its sessions share. */
import { LineServer } from '../line-server.ts';
import { makeServices } from '../mailbox-server.ts';
import { COMMANDS } from './commands.ts';
import { Dialog } from './dialog.ts';
import { DEFAULT_LIMITS, type Pop3ServerOptions, type Pop3Services } from './options.ts';

export type Pop3Server = Pick<LineServer<Dialog>, 'serve' | 'close' | 'sessions'>;

export function createPop3Server(options: Pop3ServerOptions): Pop3Server {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const services: Pop3Services = { ...options, ...makeServices('pop3', options, limits), limits };
  return new LineServer({
    begin: (connection) => new Dialog(connection, services, COMMANDS),
    closeGrace: limits.closeGrace,
    onClosed: () => services.places.end(),
    log: services.log,
  });
}
