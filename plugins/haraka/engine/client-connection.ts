/**
 * Haraka's Connection without a socket: the server has the client's, and tells what was said on it.
 *
 * Haraka's own class makes the notes, results and transactions. What it would answer to the client ends here: the
 * verdict of a hook, and the replies that plugins send by themselves.
 */
import { messageOf } from '../../../src/errors.ts';
import type { ClientFacts, Said } from '../messages.ts';
import type { Haraka, HarakaConnection } from './haraka.ts';
import { HeaderLog } from './header-log.ts';
import { repliedText } from './replied-text.ts';

/** Haraka's reply to a hook. */
export interface Verdict {
  /** One of Haraka's constants. */
  readonly code: number;
  readonly text: unknown;
}

/** A connection with what is asked of it. */
export interface Client {
  readonly connection: HarakaConnection;
  /** Of the present transaction. */
  header: HeaderLog | null;
  /** Since the last question. */
  said: Said[];
  failures: string[];
  isDisconnected: boolean;
  /** Runs a hook over all plugins. */
  ask(hook: string, params?: unknown): Promise<Verdict>;
  /** Ends what is being asked as if no plugin had an opinion: the client has left, or its patience has ended. */
  giveUp(): void;
}

/** No hook is running. */
const READY = 1;
const NOTHING = (): void => {};

export function makeClient(haraka: Haraka, facts: ClientFacts): Client {
  const { ip, port } = facts.remote;
  // Without `on`, Haraka's class asks no hook by itself.
  const socket = {
    remoteAddress: ip,
    remotePort: port,
    localAddress: facts.local.ip,
    localPort: facts.local.port,
    pause: NOTHING,
    resume: NOTHING,
    end: NOTHING,
    destroy: NOTHING,
  };
  const connection = new haraka.Connection(socket, {
    address: () => ({ address: facts.local.ip, port: facts.local.port }),
    notes: haraka.server.notes,
    has_tls: false,
  });
  connection.state = READY;
  let settle: ((verdict: Verdict) => void) | null = null;
  const client: Client = {
    connection,
    header: null,
    said: [],
    failures: [],
    isDisconnected: false,
    ask(hook, params) {
      client.giveUp();
      return new Promise((resolve) => {
        settle = resolve;
        connection[`${hook}_respond`] = (code, text) => {
          settle = null;
          resolve({ code, text });
        };
        haraka.plugins.run_hooks(hook, connection, params);
      });
    },
    giveUp() {
      connection.current_hook?.[2]?.();
      connection.current_hook = null;
      connection.hooks_to_run = [];
      settle?.({ code: haraka.constants['cont'] ?? 0, text: '' });
      settle = null;
    },
  };
  connection.respond = (code, text, then) => {
    const reply = repliedText(text);
    const said = { code: reply.code ?? code, text: reply.text };
    if (said.code >= 400) connection.last_reject = `${said.code} ${said.text.replaceAll('\n', ' ')}`;
    client.said.push(said);
    then?.();
  };
  connection.disconnect = () => {
    client.isDisconnected = true;
  };
  return client;
}

/** Starts a transaction as MAIL does, after its address was read. */
export function beginTransaction(client: Client, then: () => void): void {
  const { connection } = client;
  connection.init_transaction(() => {
    const { transaction } = connection;
    if (transaction !== null) {
      client.header = new HeaderLog(transaction.header);
      transaction.message_stream.on('error', (error) => client.failures.push(`the message: ${messageOf(error)}`));
    }
    then();
  });
}
