/**
 * A mail server that replies exactly as a test tells it, octet for octet, and records what it receives. A real Postfix
 * and ours both send to one, so that their reactions to the same replies can be compared.
 */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { openLoopback } from '../kit/loopback.ts';

/** Octets (latin1) to write; null disconnects. `next` is done after them. */
export type Say = string | null | { readonly say: string; readonly next: 'close' | 'tls' | 'rubbish' };

/**
 * The reply to each verb, to `greeting` and to `end` (of the data). Replies of a list are used once each, the last one
 * for ever.
 */
export type Script = Readonly<Record<string, Say | readonly Say[]>>;

export interface PeerSession {
  /** Command lines, and `.` at the end of a body. */
  readonly commands: string[];
  /** Bodies as received, dot-stuffed, without the final dot. */
  readonly bodies: string[];
  isOver: boolean;
}

export interface Peer {
  readonly port: number;
  readonly sessions: PeerSession[];
  close(): Promise<void>;
}

/** PEM of the certificate for `next: 'tls'`. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

const DEFAULTS: Script = {
  greeting: '220 peer.example ESMTP\r\n',
  EHLO: '250-peer.example\r\n250-8BITMIME\r\n250 SIZE 10000000\r\n',
  HELO: '250 peer.example\r\n',
  LHLO: '250-peer.example\r\n250-8BITMIME\r\n250 SIZE 10000000\r\n',
  MAIL: '250 2.1.0 Ok\r\n',
  RCPT: '250 2.1.5 Ok\r\n',
  DATA: '354 End data with <CR><LF>.<CR><LF>\r\n',
  end: '250 2.0.0 Ok: taken\r\n',
  RSET: '250 2.0.0 Ok\r\n',
  QUIT: { say: '221 2.0.0 Bye\r\n', next: 'close' },
};
const UNKNOWN = '500 5.5.2 Error: command not recognized\r\n';
const END_OF_DATA = '\r\n.\r\n';

/** `changes`: of every session, or what each new one begins with. */
export async function openPeer(changes: Script | (() => Script), certificate: Certificate): Promise<Peer> {
  const sessions: PeerSession[] = [];
  const server = await openLoopback((socket) => {
    const session: PeerSession = { commands: [], bodies: [], isOver: false };
    sessions.push(session);
    const own = typeof changes === 'function' ? changes() : changes;
    serve(socket, session, { ...DEFAULTS, ...own }, certificate);
  });
  return { ...server, sessions };
}

function serve(first: Socket, session: PeerSession, script: Script, certificate: Certificate): void {
  let socket = first;
  let text = '';
  let inBody = false;
  const said = new Map<string, number>();

  const listen = (on: Socket): void => {
    on.setNoDelay(true);
    on.on('error', () => {});
    on.on('close', () => {
      session.isOver = true;
    });
    on.on('data', (piece: Buffer) => {
      text += piece.toString('latin1');
      read();
    });
  };
  const answer = (verb: string): void => {
    const wanted = verb in script ? script[verb] : UNKNOWN;
    const times = said.get(verb) ?? 0;
    said.set(verb, times + 1);
    const say = Array.isArray(wanted) ? (wanted[Math.min(times, wanted.length - 1)] as Say) : (wanted as Say);
    if (say === null || say === undefined) return void socket.destroy();
    const octets = typeof say === 'string' ? say : say.say;
    socket.write(octets, 'latin1');
    if (verb === 'DATA') inBody = /(?:^|\n)354 /.test(octets);
    if (typeof say === 'string') return;
    if (say.next === 'close') socket.end();
    else if (say.next === 'rubbish') {
      socket.removeAllListeners('data');
      socket.once('data', () => socket.write('this is no TLS, whatever was said before\r\n'));
    } else {
      text = '';
      socket.removeAllListeners('data');
      socket = new TLSSocket(socket, { isServer: true, ...certificate });
      listen(socket);
    }
  };
  const read = (): void => {
    while (!socket.destroyed) {
      const end = inBody ? `\r\n${text}`.indexOf(END_OF_DATA) : text.indexOf('\r\n');
      if (end < 0) return;
      const taken = text.slice(0, end);
      text = text.slice(inBody ? end + END_OF_DATA.length - 2 : end + 2);
      if (inBody) session.bodies.push(taken);
      session.commands.push(inBody ? '.' : taken);
      const verb = inBody ? 'end' : (/^[A-Za-z]*/.exec(taken)?.[0].toUpperCase() ?? '');
      inBody = false;
      answer(verb);
    }
  };
  listen(socket);
  answer('greeting');
}
