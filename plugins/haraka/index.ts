/**
 * Haraka's plugins, unmodified, on this server's bus (README.md). They run in a process of their own, on Haraka's loader,
 * transactions, addresses, results and notes; this side tells them what a client said, and turns their answers into
 * verdicts and changes.
 */
import {
  type Connection,
  DUNNO,
  definePlugin,
  deny,
  denySoft,
  type HookArguments,
  NEXT,
  OK,
  reply,
  type Server,
  type Verdict,
} from '../../src/bus/plugin.ts';
import { applyChanges } from './changes.ts';
import { factsOf } from './facts.ts';
import { Link, type Loaded } from './link.ts';
import type { Answer, Call } from './messages.ts';
import { readSettings } from './settings.ts';
import { type AskedHook, makeReply, verdictOf } from './verdicts.ts';

/** Of the message, in one request. */
const PIECE = 64 * 1024;
/** How often it is looked whether a client speaks before it is greeted, ms. */
const LISTEN_MS = 50;

/** Served by the server, whether it offers them or not: a plugin's own are not asked. */
const OUR_EXTENSIONS = ['AUTH', 'CHUNKING', 'SIZE', 'STARTTLS', 'XCLIENT', 'XFORWARD'];

const keywordOf = (line: string): string => line.split(' ', 1).join('').toUpperCase();

export default definePlugin({
  name: 'haraka',
  async register(server) {
    const { settings, memory } = readSettings(server);
    const link = new Link({
      settings,
      memory,
      log: (isGrave, text) => server.log[isGrave ? 'warn' : 'info']({}, text),
      send: ({ from, to, message }) => server.send({ from, to, message }),
    });
    server.onClose(() => link.close());
    new Sessions(server, link).register(await link.start());
  },
});

class Sessions {
  readonly #server: Server;
  readonly #link: Link;
  /** Clients that plugins let relay. */
  readonly #relaying = new WeakSet<Connection>();

  constructor(server: Server, link: Link) {
    this.#server = server;
    this.#link = link;
  }

  register({ hooks, checksPasswords }: Loaded): void {
    const { on } = this.#server;
    const has = (...names: readonly string[]): boolean => names.some((name) => hooks.includes(name));
    on('connect', ({ connection }) => this.#connect(connection));
    on('helo', ({ connection }) =>
      this.#decide(connection.protocol === 'SMTP' ? 'helo' : 'ehlo', connection, { kind: 'hello' }),
    );
    on('mail', ({ connection }) => this.#decide('mail', connection, { kind: 'mail' }));
    on('rcpt', ({ connection, recipient }) =>
      this.#decide('rcpt', connection, { kind: 'rcpt', recipient: recipient.original }),
    );
    if (has('capabilities')) on('capabilities', ({ connection, offered }) => this.#capabilities(connection, offered));
    if (has('rcpt_ok')) on('rcpt_ok', ({ connection }) => this.#decide('rcpt', connection, { kind: 'rcpt_ok' }));
    if (has('max_data_exceeded'))
      on('max_data_exceeded', ({ connection }) => this.#decide('data', connection, { kind: 'max_data_exceeded' }));
    if (has('noop')) on('noop', ({ connection }) => this.#decide('noop', connection, { kind: 'noop' }));
    for (const kind of ['rset', 'quit'] as const)
      if (has(kind)) on(kind, ({ connection }) => this.#observe(connection, { kind }));
    if (has('queue_ok')) on('queue_ok', ({ connection }) => this.#observe(connection, { kind: 'queue_ok' }));
    on('reset_transaction', ({ connection }) => this.#observe(connection, { kind: 'reset' }));
    if (has('get_mx')) on('get_mx', (argument) => this.#route(argument));
    on('data', ({ connection }) => this.#decide('data', connection, { kind: 'data' }));
    on('data_post', (argument) => this.#message(argument));
    if (has('queue', 'queue_outbound')) on('queue', ({ connection }) => this.#queue(connection));
    if (has('vrfy')) on('vrfy', ({ connection }) => this.#decide('vrfy', connection, { kind: 'vrfy' }));
    if (has('unrecognized_command'))
      on('unrecognized_command', ({ connection, verb, argument }) => this.#command(connection, verb, argument));
    on('disconnect', ({ connection }) => this.#observe(connection, { kind: 'disconnect' }));
    if (checksPasswords) on('auth', (argument) => this.#login(argument));
    this.#server.defineRestriction('permit_haraka_relaying', {
      check: ({ connection }) => (this.#relaying.has(connection) ? { kind: 'permit', relay: 'list' } : DUNNO),
    });
  }

  async #connect(connection: Connection): Promise<Verdict> {
    const listening = setInterval(() => {
      if (connection.hasInput) this.#link.tellEarly(connection.id);
    }, LISTEN_MS);
    try {
      return await this.#decide('connect', connection, { kind: 'connect' });
    } finally {
      clearInterval(listening);
    }
  }

  async #message({ connection, transaction, content, change }: HookArguments['data_post']): Promise<Verdict> {
    if (connection === null) return NEXT;
    for await (const octets of content)
      for (let at = 0; at < octets.length; at += PIECE)
        await this.#ask(connection, { kind: 'content', octets: Uint8Array.from(octets.subarray(at, at + PIECE)) });
    const answer = await this.#ask(connection, { kind: 'content', octets: new Uint8Array() });
    const verdict = this.#verdict('data_post', answer);
    if (verdict.code !== 'NEXT' || answer.changes === null) return verdict;
    await applyChanges(answer.changes, {
      transaction,
      change,
      nextPiece: async () => (await this.#ask(connection, { kind: 'body' })).octets,
    });
    connection.notes.set('haraka.results', answer.changes.results.connection);
    transaction.notes.set('haraka.results', answer.changes.results.transaction);
    return verdict;
  }

  async #queue(connection: Connection | null): Promise<Verdict> {
    if (connection === null) return NEXT;
    const answer = await this.#ask(connection, { kind: 'queue' });
    if (answer.verdict !== 'OK') return this.#verdict('queue', answer);
    this.#tell(answer);
    return { code: 'OK', reply: makeReply(250, answer.text || 'Message Queued') };
  }

  /** What plugins add, but for what the server serves by itself. */
  async #capabilities(connection: Connection, offered: string[]): Promise<Verdict> {
    const answer = await this.#ask(connection, { kind: 'capabilities' });
    this.#tell(answer);
    const known = new Set([...OUR_EXTENSIONS, ...offered.map(keywordOf)]);
    offered.push(...answer.text.split('\n').filter((line) => line !== '' && !known.has(keywordOf(line))));
    return NEXT;
  }

  async #route({ domain, hosts }: HookArguments['get_mx']): Promise<Verdict> {
    const { verdict, hosts: found } = await this.#link.hostsFor(domain);
    // As Haraka words them; the text of a plugin is for its log.
    if (verdict === 'DENY') return deny(reply(550, '5.1.2', `No MX for ${domain}`));
    if (verdict === 'DENYSOFT') return denySoft(reply(450, '4.1.2', `Temporary MX lookup error for ${domain}`));
    hosts.push(...found);
    return found.length === 0 ? NEXT : OK;
  }

  async #observe(connection: Connection | null, call: Call): Promise<Verdict> {
    if (connection !== null) this.#tell(await this.#ask(connection, call));
    return NEXT;
  }

  /** A plugin that knows the command has sent its reply by itself, and says OK. */
  async #command(connection: Connection, verb: string, argument: string): Promise<Verdict> {
    const answer = await this.#ask(connection, { kind: 'command', verb, argument });
    const said = answer.said.at(-1);
    if (answer.verdict !== 'OK' || said === undefined || answer.disconnect)
      return this.#verdict('unrecognized_command', answer);
    this.#tell(answer);
    const reply = makeReply(said.code, said.text);
    return said.code < 400 ? { code: 'OK', reply } : { code: said.code < 500 ? 'DENYSOFT' : 'DENY', reply };
  }

  /** A password that no plugin of Haraka knows may be the account's. */
  async #login({ login, password, remoteIp }: HookArguments['auth']): Promise<Verdict> {
    const answer = await this.#link.ask(
      {
        id: `login of ${remoteIp}`,
        remote: { ip: remoteIp, port: 0, name: 'unknown', found: 'tempfail' },
        local: { ip: '127.0.0.1', port: 0 },
        hello: null,
        tls: null,
        user: null,
        pipelined: false,
        early: false,
        mail: null,
      },
      { kind: 'login', login, password },
    );
    if (answer.verdict === 'OK') return { code: 'OK' };
    if (answer.failures.length > 0) throw new Error(answer.failures.join('; '));
    return NEXT;
  }

  async #decide(hook: AskedHook, connection: Connection, call: Call): Promise<Verdict> {
    return this.#verdict(hook, await this.#ask(connection, call));
  }

  async #ask(connection: Connection, call: Call): Promise<Answer> {
    const answer = await this.#link.ask(factsOf(connection), call);
    if (answer.relaying) this.#relaying.add(connection);
    else this.#relaying.delete(connection);
    return answer;
  }

  /** A plugin that failed is the bus's affair, unless another one has refused. */
  #verdict(hook: AskedHook, answer: Answer): Verdict {
    const verdict = verdictOf(hook, answer);
    if (verdict.code === 'NEXT' && answer.failures.length > 0) throw new Error(answer.failures.join('; '));
    this.#tell(answer);
    return verdict;
  }

  #tell({ failures }: Answer): void {
    for (const failure of failures) this.#server.log.warn({}, `plugin ${failure}`);
  }
}
