/** A milter that follows a script and keeps what it was told; written from libmilter's header files, not with our codec. */

import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** A packet: its letter, then its data as latin1; octets that are no packet; or `close`. */
export type Answer = string | Buffer | 'close';

export interface MilterScript {
  readonly version?: number;
  readonly actions?: number;
  readonly protocol?: number;
  /** Octets behind the options: lists of macros (SMFIR_SETSYMLIST). */
  readonly symbols?: string;
  /** By the letter of a command (`O` too): instead of `c`. `told`: how often the letter came in this connection. */
  readonly answers?: Readonly<Record<string, readonly Answer[] | ((data: string, told: number) => readonly Answer[])>>;
}

export interface ScriptedMilter {
  /** `inet:127.0.0.1:PORT`, or `unix:PATH`. */
  readonly name: string;
  /** What came on all connections, in order; `+` is a new one, `-` its end. */
  readonly told: string[];
  script: MilterScript;
  close(): Promise<void>;
}

/** Letters that are answered, and the flag by which a milter says that it does not answer. */
const ANSWERED: Readonly<Record<string, number>> = {
  C: 0x1000,
  H: 0x2000,
  M: 0x4000,
  R: 0x8000,
  T: 0x1_0000,
  U: 0x2_0000,
  L: 0x80,
  N: 0x4_0000,
  B: 0x8_0000,
  E: 0,
};

export function packet(text: string): Buffer {
  const octets = Buffer.from(text, 'latin1');
  const head = Buffer.alloc(4);
  head.writeUInt32BE(octets.length);
  return Buffer.concat([head, octets]);
}

export const uint32 = (value: number): string => {
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(value);
  return octets.toString('latin1');
};

/** All actions, and no steps left out. */
export const ALL_ACTIONS = 0x1ff;

export async function startScriptedMilter(script: MilterScript = {}, path?: string): Promise<ScriptedMilter> {
  const told: string[] = [];
  const sockets = new Set<Socket>();
  const milter = { script };
  const server: Server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    told.push('+');
    socket.on('close', () => {
      sockets.delete(socket);
      told.push('-');
    });
    socket.on('error', () => {});
    serve(socket, milter, told);
  });
  server.listen(path === undefined ? { port: 0, host: '127.0.0.1' } : { path });
  await once(server, 'listening');
  return {
    name: path === undefined ? `inet:127.0.0.1:${(server.address() as AddressInfo).port}` : `unix:${path}`,
    told,
    get script() {
      return milter.script;
    },
    set script(next) {
      milter.script = next;
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

function serve(socket: Socket, milter: { readonly script: MilterScript }, told: string[]): void {
  let held = Buffer.alloc(0);
  const counts = new Map<string, number>();
  socket.on('data', (octets) => {
    held = Buffer.concat([held, octets]);
    while (held.length >= 4 && held.length >= 4 + held.readUInt32BE()) {
      const end = 4 + held.readUInt32BE();
      const text = held.toString('latin1', 4, end);
      held = held.subarray(end);
      told.push(shown(text));
      const letter = text.charAt(0);
      const count = (counts.get(letter) ?? 0) + 1;
      counts.set(letter, count);
      for (const answer of answersTo(milter.script, text, count)) {
        if (answer === 'close') socket.destroy();
        else socket.write(typeof answer === 'string' ? packet(answer) : answer);
      }
    }
  });
}

function answersTo(script: MilterScript, text: string, count: number): readonly Answer[] {
  const letter = text.charAt(0);
  const own = script.answers?.[letter];
  if (own !== undefined) return typeof own === 'function' ? own(text.slice(1), count) : own;
  const { version = 6, actions = ALL_ACTIONS, protocol = 0, symbols = '' } = script;
  if (letter === 'O') return [`O${uint32(version)}${uint32(actions)}${uint32(protocol)}${symbols}`];
  const silent = ANSWERED[letter];
  return silent === undefined || (protocol & silent) !== 0 ? [] : ['c'];
}

/** A line for people: numbers in hexadecimal, NULs as `|`. */
function shown(text: string): string {
  const letter = text.charAt(0);
  const octets = Buffer.from(text.slice(1), 'latin1');
  if (letter === 'O')
    return `O ${[0, 4, 8].map((at) => octets.readUInt32BE(at).toString(16)).join(' ')}${octets.length > 12 ? ' more' : ''}`;
  if (letter === 'C') {
    const end = octets.indexOf(0);
    const family = octets.toString('latin1', end + 1, end + 2);
    const port = family === 'U' ? '' : ` ${octets.readUInt16BE(end + 2)}`;
    return `C ${octets.toString('latin1', 0, end)} ${family}${port} ${octets.toString('latin1', end + 4).replaceAll('\0', '|')}`;
  }
  const words = octets.toString('latin1').replaceAll('\0', '|');
  return letter === 'B' && words.length > 200
    ? `B ${octets.length} octets, ${JSON.stringify(words.slice(0, 40))}`
    : `${letter} ${JSON.stringify(words)}`;
}
