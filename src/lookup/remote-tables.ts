/**
 * Tables on other servers: tcp (tcp_table(5)) and socketmap (socketmap_table(5), Sendmail's netstring
 * protocol). One connection, one request at a time, reconnected when it is closed; every request has a
 * deadline and every answer a size limit.
 */
import { messageOf } from '../errors.ts';
import type { LookupTable } from './table.ts';
import { TableFault, TableUnavailableError } from './table-fault.ts';
import type { TableConnect, TableConnection, TableContext, TableEndpoint, TableType } from './table-type.ts';

/** For one question with its wait for those before it, ms. */
const TIMEOUT = 10_000;
const MAX_ANSWER = 100_000;
const MAX_KEY = 4096;
const MAX_WAITING = 1000;

/** How a protocol encodes a request and recognizes a complete answer. */
interface Dialogue {
  question(key: string): Buffer;
  /**
   * Length in octets of the first complete answer and its value, or undefined if incomplete. Throws
   * TableUnavailableError.
   */
  answer(received: Buffer): { readonly value: string | undefined; readonly length: number } | undefined;
}

/** tcp: `get %key` and a line `200 value`, `500 not found`, `400 try later`, percent-encoded. */
export const tcpTable: TableType = {
  doc: 'queries a server over TCP: tcp:host:port',
  open(name, argument, context) {
    const { host, port } = hostAndPort(name, argument);
    return remoteTable(name, { host, port }, TCP, context);
  },
};

/** socketmap: a netstring `map key`, answered by a netstring `OK value`, `NOTFOUND `, `TEMP text` … */
export const socketMapTable: TableType = {
  doc: "queries a server with Sendmail's socketmap protocol: socketmap:inet:host:port:map",
  open(name, argument, context) {
    const match = /^(inet|unix):(.+):([^:]+)$/.exec(argument);
    if (match === null)
      throw new TableFault(name, 0, 'expected socketmap:inet:host:port:map or socketmap:unix:/path:map');
    const endpoint: TableEndpoint = match[1] === 'inet' ? hostAndPort(name, match[2] ?? '') : { path: match[2] ?? '' };
    return remoteTable(name, endpoint, socketMap(match[3] ?? ''), context);
  },
};

function hostAndPort(name: string, text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  if (match === null) throw new TableFault(name, 0, `"${text.slice(0, 60)}": expected host:port`);
  return { host: match[1] ?? match[2] ?? '', port: Number(match[3]) };
}

function remoteTable(name: string, endpoint: TableEndpoint, dialogue: Dialogue, context: TableContext): LookupTable {
  const { connect } = context;
  if (context.isOffline === true)
    return {
      name,
      wholeKeyOnly: true,
      get: () => Promise.reject(new TableUnavailableError(`${name}: not asked during checks`)),
    };
  if (connect === undefined) throw new TableFault(name, 0, 'tables on other servers are not available here');
  const line = new QuestionLine(name, endpoint, dialogue, connect);
  return { name, wholeKeyOnly: true, get: (key) => (key === '' || key.length > MAX_KEY ? undefined : line.ask(key)) };
}

/** Runs requests one after another; an error closes the connection, and the next request opens a new one. */
class QuestionLine {
  readonly #name: string;
  readonly #endpoint: TableEndpoint;
  readonly #dialogue: Dialogue;
  readonly #connect: TableConnect;
  #connection: TableConnection | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(name: string, endpoint: TableEndpoint, dialogue: Dialogue, connect: TableConnect) {
    this.#name = name;
    this.#endpoint = endpoint;
    this.#dialogue = dialogue;
    this.#connect = connect;
  }

  ask(key: string): Promise<string | undefined> {
    if (this.#waiting >= MAX_WAITING)
      return Promise.reject(new TableUnavailableError(`${this.#name}: too many questions are waiting`));
    this.#waiting += 1;
    const until = performance.now() + TIMEOUT;
    const answer = this.#last.then(() => this.#once(key, until));
    this.#last = answer.catch(() => undefined).finally(() => (this.#waiting -= 1));
    return answer;
  }

  async #once(key: string, until: number): Promise<string | undefined> {
    // Or each of a thousand would wait for a silent server one after the other.
    if (performance.now() >= until)
      throw new TableUnavailableError(`${this.#name}: no answer within ${TIMEOUT / 1000} s`);
    const fresh = this.#connection === null;
    try {
      return await this.#exchange(key, until);
    } catch (error) {
      this.#drop();
      if (fresh || error instanceof TableUnavailableError) return this.#fail(error);
    }
    // The server may have closed the idle connection in the meantime.
    return this.#exchange(key, until).catch((error: unknown) => this.#fail(error));
  }

  #fail(error: unknown): never {
    this.#drop();
    if (error instanceof TableUnavailableError) throw error;
    throw new TableUnavailableError(`${this.#name}: ${messageOf(error)}`, { cause: error });
  }

  #drop(): void {
    this.#connection?.destroy();
    this.#connection = null;
  }

  async #exchange(key: string, until: number): Promise<string | undefined> {
    const left = (): number => Math.max(1, until - performance.now());
    const connection = this.#connection ?? (await this.#connect(this.#endpoint, left()));
    this.#connection = connection;
    // Disconnects a silent server, which ends the read below.
    const deadline = setTimeout(() => connection.destroy(), left());
    try {
      connection.write(this.#dialogue.question(key));
      let received: Buffer = Buffer.alloc(0);
      for (;;) {
        const found = this.#dialogue.answer(received);
        if (found !== undefined) return found.value;
        if (received.length > MAX_ANSWER) throw new TableUnavailableError(`${this.#name}: the answer is too long`);
        const chunk = await connection.read();
        if (chunk === null) throw new Error('the server closed the connection');
        received = Buffer.concat([received, chunk]);
      }
    } finally {
      clearTimeout(deadline);
    }
  }
}

const encode = (text: string): string =>
  [...Buffer.from(text)]
    .map((octet) =>
      octet > 0x20 && octet < 0x7f && octet !== 0x25
        ? String.fromCharCode(octet)
        : `%${octet.toString(16).toUpperCase().padStart(2, '0')}`,
    )
    .join('');

function decode(text: string): string {
  const octets: number[] = [];
  for (let i = 0; i < text.length; i += 1) {
    const hex = text.charAt(i) === '%' ? /^[0-9a-fA-F]{2}$/.exec(text.slice(i + 1, i + 3)) : null;
    octets.push(hex === null ? text.charCodeAt(i) & 0xff : Number.parseInt(hex[0], 16));
    if (hex !== null) i += 2;
  }
  return Buffer.from(octets).toString();
}

const TCP: Dialogue = {
  question: (key) => Buffer.from(`get ${encode(key)}\n`),
  answer(received) {
    const newline = received.indexOf(10);
    if (newline < 0) return undefined;
    const [, code, text = ''] = /^(\d{3}) ?(.*?)\r?$/s.exec(received.toString('latin1', 0, newline)) ?? [];
    if (code === '200') return { value: decode(text), length: newline + 1 };
    if (code === '500') return { value: undefined, length: newline + 1 };
    throw new TableUnavailableError(`the table server replied: ${decode(text).slice(0, 200)}`);
  },
};

const socketMap = (map: string): Dialogue => ({
  question(key) {
    const payload = Buffer.from(`${map} ${key}`);
    return Buffer.concat([Buffer.from(`${payload.length}:`), payload, Buffer.from(',')]);
  },
  answer(received) {
    const head = /^(\d{1,6}):/.exec(received.toString('latin1', 0, 8));
    if (head === null && received.length >= 8)
      throw new TableUnavailableError('the table server did not reply with a netstring');
    if (head === null) return undefined;
    const end = head[0].length + Number(head[1]);
    if (received.length <= end) return undefined;
    if (received[end] !== 0x2c)
      throw new TableUnavailableError('the table server did not end its netstring with a comma');
    const text = received.toString('utf8', head[0].length, end);
    const space = text.indexOf(' ');
    const status = space < 0 ? text : text.slice(0, space);
    const rest = space < 0 ? '' : text.slice(space + 1);
    if (status === 'OK') return { value: rest, length: end + 1 };
    if (status === 'NOTFOUND') return { value: undefined, length: end + 1 };
    throw new TableUnavailableError(`the table server replied: ${status} ${rest.slice(0, 200)}`);
  },
});
