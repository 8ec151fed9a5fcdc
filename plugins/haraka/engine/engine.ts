/** Haraka's plugins and the clients that they know. Asked by the server (`process.ts`). */
import { messageOf } from '../../../src/errors.ts';
import type {
  Answer,
  Call,
  Changes,
  ClientFacts,
  EngineSettings,
  MailFacts,
  Results,
  RouteAnswer,
} from '../messages.ts';
import { BodyReader } from './body-reader.ts';
import { beginTransaction, type Client, makeClient, type Verdict } from './client-connection.ts';
import { guardPlugins } from './guard.ts';
import type { Haraka, HarakaAddress, HarakaConnection, HookObject } from './haraka.ts';
import { checkLogin, passwordPlugins } from './login.ts';
import { mailHosts } from './mail-hosts.ts';
import { MessageWriter } from './message-writer.ts';
import { plainResults } from './plain-results.ts';
import { RecentLogins } from './recent-logins.ts';
import { repliedText } from './replied-text.ts';

/** What the engine knows of a client beside Haraka's connection. */
interface Session {
  readonly client: Client;
  /** Of the present transaction. */
  writer: MessageWriter | null;
  body: BodyReader | null;
  /** The addresses as Haraka got them: the sender's, and by what the client wrote the recipients'. */
  from: string;
  readonly given: Map<string, HarakaAddress>;
  /** One call after the other, as a session's commands. */
  turn: Promise<unknown>;
}

export interface EngineOptions {
  readonly haraka: Haraka;
  readonly settings: EngineSettings;
  readonly log: (isGrave: boolean, text: string) => void;
  readonly mark: (plugin: string | null, hook: string) => void;
}

/** More than the server has at one time. */
const MOST_SESSIONS = 100_000;

export class Engine {
  readonly #haraka: Haraka;
  readonly #options: EngineOptions;
  readonly #sessions = new Map<string, Session>();
  readonly #logins = new RecentLogins();
  readonly #byConnection = new WeakMap<object, Client>();

  /** Loads the plugins and tells them that the server starts. Rejects with what Haraka's loader throws. */
  static async start(options: EngineOptions): Promise<Engine> {
    const { haraka, settings } = options;
    const engine = new Engine(options);
    haraka.plugins.load_plugins(settings.plugins ?? undefined);
    await engine.#askServer('init_master');
    return engine;
  }

  private constructor(options: EngineOptions) {
    this.#haraka = options.haraka;
    this.#options = options;
    guardPlugins(options.haraka, {
      onFailure: (object, failure) => {
        const client = this.#byConnection.get(object);
        if (client === undefined) options.log(true, failure);
        else client.failures.push(failure);
      },
      onLate: (failure) => options.log(true, failure),
      mark: options.mark,
    });
  }

  get plugins(): readonly string[] {
    return Object.keys(this.#haraka.plugins.registered_plugins);
  }

  get hooks(): readonly string[] {
    return Object.keys(this.#haraka.plugins.registered_hooks);
  }

  /** Whether a plugin wants to know of logins. */
  get checksPasswords(): boolean {
    return passwordPlugins(this.#haraka).length > 0 || this.plugins.includes('prevent_credential_leaks');
  }

  /** It may be just what a plugin waits for. */
  noteEarly(id: string): void {
    const session = this.#sessions.get(id);
    if (session !== undefined) session.client.connection.early_talker = true;
  }

  close(): void {
    this.#haraka.plugins.shutdown_plugins();
  }

  async answer(facts: ClientFacts, call: Call): Promise<Answer> {
    if (call.kind === 'login') return this.#login(facts, call);
    if (call.kind === 'disconnect') return this.#disconnect(facts);
    const session = this.#session(facts);
    const answered = session.turn.then(() => this.#answer(session, facts, call));
    session.turn = answered.catch(() => {});
    return answered;
  }

  async #answer(
    session: Session,
    facts: ClientFacts,
    call: Exclude<Call, { kind: 'login' | 'disconnect' }>,
  ): Promise<Answer> {
    const { client } = session;
    client.said = [];
    client.failures = [];
    this.#update(session, facts);
    client.connection.current_line = lineOf(facts, call) ?? client.connection.current_line;
    if (call.kind === 'body') return this.#answerOf(session, this.#cont, await session.body?.next());
    return this.#answerOf(session, await this.#ask(session, facts, call));
  }

  async #ask(
    session: Session,
    facts: ClientFacts,
    call: Exclude<Call, { kind: 'login' | 'disconnect' | 'body' }>,
  ): Promise<Verdict> {
    const { client } = session;
    switch (call.kind) {
      case 'connect':
        return this.#connect(client);
      case 'hello':
        return this.#hello(client, facts);
      case 'capabilities':
        return this.#capabilities(client);
      case 'mail':
        return this.#mail(session, facts);
      case 'rcpt':
        keepAccepted(session, facts.mail);
        return this.#rcpt(session, call.recipient);
      case 'rcpt_ok':
        return this.#rcptOk(session);
      case 'data':
        keepAccepted(session, facts.mail);
        return client.ask('data');
      case 'content':
        return this.#content(session, call.octets, facts.mail);
      case 'queue':
        return client.ask(client.connection.relaying ? 'queue_outbound' : 'queue');
      case 'command':
        return this.#command(client, call.verb, call.argument);
      case 'reset':
        await new Promise<void>((resolve) => client.connection.reset_transaction(resolve));
        return this.#cont;
      default:
        return client.ask(call.kind);
    }
  }

  // ---- the stages of a session

  async #connect(client: Client): Promise<Verdict> {
    const { connection } = client;
    await client.ask('connect_init');
    const { code, text } = await client.ask('lookup_rdns');
    if (code === this.#code('ok')) {
      connection.set('remote.host', repliedText(text).text || 'Unknown');
      connection.set('remote.info', connection.remote.info ?? connection.remote.host);
    } else if (code !== this.#code('cont')) return { code, text };
    return client.ask('connect');
  }

  async #hello(client: Client, facts: ClientFacts): Promise<Verdict> {
    const { connection } = client;
    const { verb, name } = facts.hello ?? { verb: 'HELO', name: '' };
    await new Promise<void>((resolve) => connection.reset_transaction(resolve));
    connection.set('hello.verb', verb);
    connection.set('hello.host', name);
    connection.results.add({ name: 'helo' }, connection.hello);
    const verdict = await client.ask(verb === 'EHLO' ? 'ehlo' : 'helo', name);
    connection.esmtp = verb === 'EHLO' && this.#accepts(verdict);
    return verdict;
  }

  async #capabilities(client: Client): Promise<Verdict> {
    const { connection } = client;
    connection.capabilities = [];
    await client.ask('capabilities');
    return { code: this.#code('cont'), text: connection.capabilities };
  }

  async #mail(session: Session, { mail }: ClientFacts): Promise<Verdict> {
    if (mail === null) return this.#cont;
    const from = this.#address(mail.from);
    if (typeof from === 'string')
      return {
        code: this.#code('deny'),
        text: { code: 501, reply: `Invalid MAIL FROM address ${mail.from}: ${from}` },
      };
    await this.#begin(session, from);
    return session.client.ask('mail', [from, mail.parameters]);
  }

  async #rcpt(session: Session, recipient: string): Promise<Verdict> {
    const { client, given } = session;
    const { transaction } = client.connection;
    if (transaction === null) return this.#cont;
    const address = this.#address(recipient);
    if (typeof address === 'string')
      return {
        code: this.#code('deny'),
        text: { code: 501, reply: `Invalid RCPT TO address ${recipient}: ${address}` },
      };
    const before = transaction.rcpt_to.length;
    transaction.rcpt_to.push(address);
    given.set(recipient, address);
    const verdict = await client.ask('rcpt', [address, {}]);
    const isAccepted = this.#accepts(verdict);
    if (!isAccepted) transaction.rcpt_to.splice(before);
    this.#count(client, isAccepted ? 'accept' : this.#kind(verdict), 1);
    return verdict;
  }

  /** The server has accepted the recipient. */
  async #rcptOk({ client }: Session): Promise<Verdict> {
    const { transaction } = client.connection;
    if (transaction === null) return this.#cont;
    const verdict = await client.ask('rcpt_ok', transaction.rcpt_to.at(-1));
    if (this.#accepts(verdict)) return verdict;
    transaction.rcpt_to.pop();
    this.#count(client, 'accept', -1);
    this.#count(client, this.#kind(verdict), 1);
    return verdict;
  }

  #count({ connection }: Client, action: 'accept' | 'tempfail' | 'reject', by: number): void {
    connection.rcpt_count[action] += by;
    if (connection.transaction !== null) connection.transaction.rcpt_count[action] += by;
  }

  #accepts = ({ code }: Verdict): boolean => code === this.#code('cont') || code === this.#code('ok');

  #kind = ({ code }: Verdict): 'tempfail' | 'reject' =>
    this.#name(code).startsWith('DENYSOFT') ? 'tempfail' : 'reject';

  async #content(session: Session, octets: Uint8Array, mail: MailFacts | null): Promise<Verdict> {
    const { client } = session;
    const { transaction } = client.connection;
    if (transaction === null || client.header === null) return this.#cont;
    keepAccepted(session, mail);
    session.writer ??= new MessageWriter(this.#haraka, client.connection, client.header);
    if (octets.length > 0) {
      session.writer.write(octets);
      return this.#cont;
    }
    const refusal = await session.writer.end();
    if (refusal !== null) return { code: this.#code('deny'), text: { code: 554, reply: refusal } };
    transaction.data_post_start = Date.now();
    const verdict = await client.ask('data_post');
    session.writer.results();
    session.body = new BodyReader(transaction);
    return verdict;
  }

  async #command(client: Client, verb: string, argument: string): Promise<Verdict> {
    const verdict = await client.ask('unrecognized_command', [verb, argument]);
    return verdict.code === this.#code('next_hook') ? client.ask(repliedText(verdict.text).text) : verdict;
  }

  async #login(facts: ClientFacts, { login, password }: { login: string; password: string }): Promise<Answer> {
    const client = this.#makeClient(facts);
    const plugin = await checkLogin(this.#haraka, client.connection, { login, password }, (failure) =>
      client.failures.push(failure),
    );
    this.#logins.add(facts.remote.ip, login, { plugin: plugin ?? '', password });
    const verdict = plugin === null ? this.#cont : { code: this.#code(plugin === '' ? 'deny' : 'ok'), text: '' };
    return this.#answerOf(
      { client, writer: null, body: null, from: '', given: new Map(), turn: Promise.resolve() },
      verdict,
    );
  }

  async #disconnect(facts: ClientFacts): Promise<Answer> {
    const session = this.#session(facts);
    const { client } = session;
    client.giveUp();
    await new Promise<void>((resolve) => client.connection.reset_transaction(resolve));
    const verdict = await client.ask('disconnect');
    this.#sessions.delete(facts.id);
    return this.#answerOf(session, verdict);
  }

  async hostsFor(domain: string): Promise<RouteAnswer> {
    const { plugins, constants } = this.#haraka;
    const todo = { domain, rcpt_to: [], mail_from: null, notes: {}, uuid: '' };
    const log = plugins as unknown as object;
    const { code, text } = await new Promise<Verdict>((resolve) => {
      const hmail: HookObject = Object.assign(Object.create(log), {
        todo,
        notes: {},
        hooks_to_run: [],
        current_hook: null,
        get_mx_respond: (given: number, hosts: unknown) => resolve({ code: given, text: hosts }),
      });
      plugins.run_hooks('get_mx', hmail, domain);
    });
    const hosts = code === constants['ok'] ? mailHosts(text, this.#haraka.Mx) : [];
    return { verdict: constants.translate(code), hosts };
  }

  // ---- what Haraka knows of a client

  /** A client that this process has not seen began before the plugins were loaded, or before a crash. */
  #session(facts: ClientFacts): Session {
    const known = this.#sessions.get(facts.id);
    if (known !== undefined) return known;
    const session: Session = {
      client: this.#makeClient(facts),
      writer: null,
      body: null,
      from: '',
      given: new Map(),
      turn: Promise.resolve(),
    };
    if (this.#sessions.size < MOST_SESSIONS) this.#sessions.set(facts.id, session);
    return session;
  }

  #makeClient(facts: ClientFacts): Client {
    const client = makeClient(this.#haraka, facts);
    const { connection } = client;
    this.#byConnection.set(connection, client);
    connection.uuid = facts.id;
    if (this.#haraka.config.get('me') === null) connection.set('local.host', this.#options.settings.host);
    const { name, found } = facts.remote;
    const host = found === 'ok' ? name : found === 'notfound' ? 'NXDOMAIN' : 'DNSERROR';
    connection.set('remote.host', host);
    connection.set('remote.info', host);
    connection.results.add({ name: 'remote' }, connection.remote);
    return client;
  }

  #update({ client: { connection } }: Session, facts: ClientFacts): void {
    connection.early_talker ||= facts.early;
    connection.pipelining = facts.pipelined;
    if (facts.tls !== null && connection.notes['tls'] === undefined) {
      const { protocol: version, cipher: name, verified } = facts.tls;
      connection.setTLS({ cipher: { name, standardName: name, version }, verified, peerCertificate: {} });
    }
    if (facts.user !== null && connection.notes['auth_user'] !== facts.user.login) this.#logIn(connection, facts.user);
    if (facts.hello !== null && connection.hello.host === null) {
      connection.set('hello.verb', facts.hello.verb);
      connection.set('hello.host', facts.hello.name);
      connection.esmtp = facts.hello.verb === 'EHLO';
    }
  }

  #logIn(connection: HarakaConnection, { login: user, mechanism: method }: NonNullable<ClientFacts['user']>): void {
    const known = this.#logins.take(connection.remote.ip, user);
    const name = known === undefined || known.plugin === '' ? 'posthorn' : known.plugin;
    connection.relaying = true;
    connection.results.add({ name: 'relay' }, { pass: name });
    connection.results.add({ name: 'auth' }, { pass: name, method, user });
    connection.authheader = '(authenticated bits=0)\n';
    connection.auth_results(`auth=pass (${method.toLowerCase()})`);
    connection.notes['auth_user'] = user;
    if (known !== undefined) connection.notes['auth_passwd'] = known.password;
  }

  #begin(session: Session, from: HarakaAddress): Promise<void> {
    session.from = from.address;
    session.given.clear();
    session.writer = null;
    session.body = null;
    return new Promise((resolve) =>
      beginTransaction(session.client, () => {
        const { transaction, hello } = session.client.connection;
        if (transaction !== null) {
          transaction.mail_from = from;
          if (hello.verb === 'HELO') transaction.encoding = 'binary';
        }
        resolve();
      }),
    );
  }

  /** Why it is none, as text. */
  #address(text: string): HarakaAddress | string {
    const { postel = false } = this.#haraka.connectionConfig.main ?? {};
    try {
      return new this.#haraka.Address(`<${text}>`, { postel });
    } catch (error) {
      return messageOf(error);
    }
  }

  // ---- answers

  async #askServer(hook: string): Promise<void> {
    const { server, plugins } = this.#haraka;
    await new Promise<void>((resolve, reject) => {
      server[`${hook}_respond`] = (code, text) => {
        if (code === this.#code('cont') || code === this.#code('ok')) resolve();
        else reject(new Error(`a plugin refused the start at ${hook}: ${repliedText(text).text}`));
      };
      plugins.run_hooks(hook, server as HookObject);
    });
  }

  #answerOf(session: Session, { code, text }: Verdict, octets: Uint8Array | null = null): Answer {
    const { client } = session;
    const reply = repliedText(text);
    return {
      verdict: this.#name(code),
      text: reply.text,
      code: reply.code,
      said: client.said,
      disconnect: client.isDisconnected,
      relaying: client.connection.relaying,
      changes: session.body === null ? null : changesOf(session),
      octets,
      failures: client.failures,
    };
  }

  #code(name: string): number {
    return this.#haraka.constants[name] ?? 0;
  }

  #name(code: number): string {
    return this.#haraka.constants.translate(code);
  }

  get #cont(): Verdict {
    return { code: this.#code('cont'), text: '' };
  }
}

/** What the client said, as some plugins read it: in the usual form, whatever it really was. */
function lineOf({ hello, mail }: ClientFacts, call: Call): string | null {
  switch (call.kind) {
    case 'hello':
      return `${hello?.verb} ${hello?.name}`;
    case 'mail':
      return [
        `MAIL FROM:<${mail?.from}>`,
        ...Object.entries(mail?.parameters ?? {}).map(([name, value]) => (value === null ? name : `${name}=${value}`)),
      ].join(' ');
    case 'rcpt':
      return `RCPT TO:<${call.recipient}>`;
    case 'command':
      return `${call.verb} ${call.argument}`.trimEnd();
    case 'data':
    case 'noop':
    case 'rset':
    case 'quit':
    case 'vrfy':
      return call.kind.toUpperCase();
    default:
      return null;
  }
}

/** The server refused some recipients after the plugins had been asked. */
function keepAccepted({ client, given }: Session, mail: MailFacts | null): void {
  const { transaction } = client.connection;
  if (transaction === null || mail === null) return;
  const refused = new Set<HarakaAddress>();
  for (const [written, address] of given)
    if (!mail.recipients.includes(written)) {
      refused.add(address);
      given.delete(written);
    }
  if (refused.size > 0) transaction.rcpt_to = transaction.rcpt_to.filter((address) => !refused.has(address));
}

function changesOf({ client, from, given }: Session): Changes | null {
  const { connection, header } = client;
  const { transaction } = connection;
  if (transaction === null || header === null) return null;
  const { leading, trailing, removed } = header;
  const recipients = transaction.rcpt_to;
  const sender = transaction.mail_from?.address ?? '';
  const originals = [...given.values()];
  const isSame = recipients.length === originals.length && recipients.every((one, at) => one === originals[at]);
  return {
    leading,
    trailing,
    removed: [...removed],
    isBodyChanged: transaction.banner !== null || transaction.body_filters.length > 0,
    from: sender === from ? null : sender,
    recipients: isSame ? null : recipients.map(({ address }) => address),
    results: { connection: plain(connection.results), transaction: plain(transaction.results) },
  };
}

const plain = (results: { get_all(): Readonly<Record<string, unknown>> }): Results => plainResults(results.get_all());
