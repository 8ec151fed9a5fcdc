/** A destination server: smtp-server with scripted replies, on its own loopback port. */
import type { AddressInfo, Socket } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { openLoopback } from '../../kit/loopback.ts';

export interface Received {
  readonly from: string;
  readonly to: readonly string[];
  readonly text: string;
  readonly secure: boolean;
  readonly user: string;
  /** MAIL and RCPT parameters. */
  readonly parameters: { readonly mail: unknown; readonly rcpt: readonly unknown[] };
}

export interface Sink {
  readonly port: number;
  readonly received: Received[];
  connections: number;
  close(): Promise<void>;
}

const fault = (code: number, text: string): Error => Object.assign(new Error(text), { responseCode: code });
export interface Script extends SMTPServerOptions {
  /** `[code, text]` to refuse with. */
  readonly mail?: (from: string) => [number, string] | null;
  readonly rcpt?: (to: string) => [number, string] | null;
  readonly data?: () => [number, string] | null;
}

export async function openSink(script: Script = {}): Promise<Sink> {
  const { mail, rcpt, data, ...options } = script;
  const received: Received[] = [];
  const sink: Sink = {
    port: 0,
    received,
    connections: 0,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  };
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    closeTimeout: 10,
    logger: false,
    onConnect(_session, done) {
      sink.connections += 1;
      done();
    },
    onMailFrom(address, _session, done) {
      const refusal = mail?.(address.address) ?? null;
      done(refusal === null ? null : fault(...refusal));
    },
    onRcptTo(address, _session, done) {
      const refusal = rcpt?.(address.address) ?? null;
      done(refusal === null ? null : fault(...refusal));
    },
    onData(stream, session, done) {
      const pieces: Buffer[] = [];
      stream.on('data', (piece: Buffer) => pieces.push(piece));
      stream.on('end', () => {
        const refusal = data?.() ?? null;
        if (refusal !== null) return done(fault(...refusal));
        const { mailFrom, rcptTo } = session.envelope;
        received.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map((one) => one.address),
          text: Buffer.concat(pieces).toString('latin1'),
          secure: session.secure,
          user: String(session.user ?? ''),
          parameters: { mail: mailFrom === false ? false : mailFrom.args, rcpt: rcptTo.map((one) => one.args) },
        });
        done(null, 'taken');
      });
    },
    ...options,
  });
  // Some tests are about clients that abort.
  server.on('error', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(sink, { port: (server.server.address() as AddressInfo).port });
}

export interface LineServer {
  readonly port: number;
  readonly lines: string[];
  close(): Promise<void>;
}

/** A misbehaving server: gets each line, writes what the test likes, and disconnects when it likes. */
export async function openLineServer(
  answer: (line: string, socket: Socket) => void,
  greeting = '220 rude ESMTP\r\n',
): Promise<LineServer> {
  const lines: string[] = [];
  const server = await openLoopback((socket) => {
    socket.on('error', () => {});
    if (greeting === '') socket.destroy();
    else socket.write(greeting);
    let rest = '';
    socket.on('data', (piece) => {
      const parts = (rest + piece.toString('latin1')).split('\r\n');
      rest = parts.pop() ?? '';
      for (const line of parts) {
        lines.push(line);
        if (!socket.destroyed) answer(line, socket);
      }
    });
  });
  return { ...server, lines };
}
