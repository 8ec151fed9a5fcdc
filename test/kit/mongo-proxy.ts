/**
 * Stands between the driver and a MongoDB server on real sockets, and does to chosen commands what networks, failovers
 * and full disks do: refuses them with an error as the server words it, cuts the connection before or after the server
 * has the command, stands still. It understands of OP_MSG (opcode 2013) what that takes.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { BSON, type Document } from 'mongodb';

/** A command on its way to the server. */
export interface MongoCommand {
  /** `insert`, `update`, `find` … */
  readonly name: string;
  /** Of most commands; '' of others. */
  readonly collection: string;
  /** Without the documents of an insert, update or delete. */
  readonly body: Document;
}

export type MongoFault =
  /** The server does not get it, and the connection is gone. */
  | 'cut before'
  /** The server does it, and the connection is gone instead of the answer. */
  | 'cut after'
  /** The server does not get it, and the driver gets this answer: `{ code: 10107, … }`. */
  | { readonly refuse: Document }
  /** The server gets it when this resolves. */
  | { readonly hold: Promise<unknown> }
  /** The server does it, and these fields are added to its answer: `{ writeConcernError: … }`. */
  | { readonly add: Document };

export interface MongoProxy {
  /** Without a database. */
  readonly uri: string;
  /** Asked for each command; `undefined` lets it pass. */
  fault: (command: MongoCommand) => MongoFault | undefined;
  /** No server is there: open connections are cut, new ones refused. */
  leave(): Promise<void>;
  /** The opposite. */
  comeBack(): Promise<void>;
  /** Connections are accepted and stay open, and nothing is passed on: a process that was stopped (SIGSTOP). */
  freeze(): void;
  /** What was held back goes on. */
  thaw(): void;
  close(): Promise<void>;
}

const OP_MSG = 2013;
const HEAD = 16;

/** `uri`: of the server behind it, which has one host. */
export async function openMongoProxy(uri: string): Promise<MongoProxy> {
  const { hostname, port: upstream } = new URL(uri);
  let port = 0;
  const open = new Set<Link>();
  const shared: Shared = { fault: () => undefined, frozen: false };
  let server: Server | null = null;
  const leave = async (): Promise<void> => {
    for (const link of open) link.cut();
    const closing = server;
    server = null;
    if (closing !== null) await new Promise<void>((resolve) => closing.close(() => resolve()));
  };
  const comeBack = async (): Promise<void> => {
    const opening = createServer({ noDelay: true }, (socket) => {
      const link = new Link(socket, connect({ host: hostname, port: Number(upstream), noDelay: true }), shared);
      open.add(link);
      socket.once('close', () => open.delete(link));
    });
    server = opening;
    await new Promise<void>((resolve, reject) => {
      opening.once('error', reject).listen(port, '127.0.0.1', () => resolve());
    });
    ({ port } = opening.address() as AddressInfo);
  };
  await comeBack();
  return {
    uri: `mongodb://127.0.0.1:${port}/`,
    get fault() {
      return shared.fault;
    },
    set fault(fault) {
      shared.fault = fault;
    },
    leave,
    comeBack,
    freeze() {
      shared.frozen = true;
    },
    thaw() {
      shared.frozen = false;
      for (const link of open) link.goOn();
    },
    close: leave,
  };
}

interface Shared {
  fault: MongoProxy['fault'];
  frozen: boolean;
}

/** One connection of the driver, and its own to the server. */
class Link {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #shared: Shared;
  readonly #held: (() => void)[] = [];
  /** By the request's id: what happens to its answer. */
  readonly #awaited = new Map<number, MongoFault>();

  constructor(client: Socket, server: Socket, shared: Shared) {
    this.#client = client;
    this.#server = server;
    this.#shared = shared;
    eachMessage(client, (message) => this.#act(() => this.#toServer(message)));
    eachMessage(server, (message) => this.#act(() => this.#toClient(message)));
    for (const socket of [client, server]) socket.on('error', () => this.cut()).on('close', () => this.cut());
  }

  cut(): void {
    this.#client.destroy();
    this.#server.destroy();
  }

  goOn(): void {
    for (const act of this.#held.splice(0)) act();
  }

  #act(act: () => void): void {
    if (this.#shared.frozen) this.#held.push(act);
    else act();
  }

  #toServer(message: Buffer): void {
    const command = commandOf(message);
    const fault = command === null ? undefined : this.#shared.fault(command);
    const id = message.readInt32LE(4);
    if (fault === 'cut before') this.cut();
    else if (typeof fault === 'object' && 'refuse' in fault)
      this.#client.write(answerTo(id, { ok: 0, ...fault.refuse }));
    else if (typeof fault === 'object' && 'hold' in fault) void fault.hold.then(() => this.#server.write(message));
    else {
      if (fault !== undefined) this.#awaited.set(id, fault);
      this.#server.write(message);
    }
  }

  #toClient(message: Buffer): void {
    const id = message.readInt32LE(8);
    const fault = this.#awaited.get(id);
    this.#awaited.delete(id);
    if (fault === 'cut after') this.cut();
    else if (typeof fault === 'object' && 'add' in fault)
      this.#client.write(answerTo(id, { ...(bodyOf(message) ?? {}), ...fault.add }));
    else this.#client.write(message);
  }
}

/** Each whole message, with its head. */
function eachMessage(socket: Socket, take: (message: Buffer) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= HEAD && rest.length >= rest.readInt32LE(0)) {
      const length = rest.readInt32LE(0);
      const message = rest.subarray(0, length);
      rest = rest.subarray(length);
      take(message);
    }
  });
}

/** Null for what the driver says of itself: greetings, farewells. */
function commandOf(message: Buffer): MongoCommand | null {
  const body = bodyOf(message);
  const [first] = Object.entries(body ?? {});
  if (body === null || first === undefined) return null;
  const [name, value] = first;
  if (['hello', 'isMaster', 'ismaster', 'ping', 'endSessions', 'saslStart', 'saslContinue'].includes(name)) return null;
  return { name, collection: typeof value === 'string' ? value : '', body };
}

/** The section of kind 0 of an OP_MSG. */
function bodyOf(message: Buffer): Document | null {
  if (message.readInt32LE(12) !== OP_MSG) return null;
  for (let at = HEAD + 4; at < message.length; ) {
    const kind = message[at];
    const length = message.readInt32LE(at + 1);
    if (kind === 0) return BSON.deserialize(message.subarray(at + 1, at + 1 + length));
    at += 1 + length;
  }
  return null;
}

function answerTo(request: number, body: Document): Buffer {
  const document = BSON.serialize(body);
  const message = Buffer.alloc(HEAD + 5 + document.length);
  message.writeInt32LE(message.length, 0);
  message.writeInt32LE(request, 8);
  message.writeInt32LE(OP_MSG, 12);
  message.set(document, HEAD + 5);
  return message;
}
