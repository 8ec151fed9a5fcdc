/** What the server and Haraka's process say to each other. Plain data: it is copied. */

/** What the process is started with. */
export interface EngineSettings {
  /** Haraka's own folder: the installed package. */
  readonly package: string;
  /** The folder with `config/`, and perhaps `plugins/` and `node_modules/`, as Haraka's own start command takes it. */
  readonly folder: string;
  /** In the order in which they are called; null: the file `config/plugins` of the folder says. */
  readonly plugins: readonly string[] | null;
  /** `ip` or `ip:port`; none: those of the system. */
  readonly nameservers: readonly string[];
  /** What Haraka calls itself where its folder has no file `config/me`. */
  readonly host: string;
}

/** The client as the server knows it now. */
export interface ClientFacts {
  readonly id: string;
  readonly remote: { readonly ip: string; readonly port: number; readonly name: string; readonly found: NameStatus };
  readonly local: { readonly ip: string; readonly port: number };
  /** Null before HELO. */
  readonly hello: { readonly verb: 'HELO' | 'EHLO'; readonly name: string } | null;
  readonly tls: { readonly protocol: string; readonly cipher: string; readonly verified: boolean } | null;
  readonly user: { readonly login: string; readonly mechanism: string } | null;
  readonly pipelined: boolean;
  /** It sent something before it was greeted. */
  readonly early: boolean;
  /** Null outside of a transaction. */
  readonly mail: MailFacts | null;
}

type NameStatus = 'ok' | 'notfound' | 'tempfail';

export interface MailFacts {
  /** '' is the null reverse-path. */
  readonly from: string;
  readonly parameters: Readonly<Record<string, string | null>>;
  /** Accepted so far, as the client wrote them. */
  readonly recipients: readonly string[];
}

/** Those that say nothing beside what the facts say. */
type PlainCall =
  | 'connect'
  | 'hello'
  | 'capabilities'
  | 'mail'
  | 'rcpt_ok'
  | 'data'
  | 'max_data_exceeded'
  | 'queue'
  | 'queue_ok'
  | 'vrfy'
  | 'noop'
  | 'rset'
  | 'quit'
  | 'reset';

/** The hooks of a session that are asked with what the client said. */
export type Call =
  | { readonly kind: PlainCall }
  | { readonly kind: 'rcpt'; readonly recipient: string }
  | { readonly kind: 'command'; readonly verb: string; readonly argument: string }
  /** A piece of the message; the last one is empty and asks `data_post`. */
  | { readonly kind: 'content'; readonly octets: Uint8Array }
  /** The next piece of the body that plugins left. */
  | { readonly kind: 'body' }
  | { readonly kind: 'login'; readonly login: string; readonly password: string }
  | { readonly kind: 'disconnect' };

/** What is asked outside of a session. */
export interface RouteCall {
  readonly kind: 'get_mx';
  readonly domain: string;
}

export interface RouteAnswer {
  /** Of Haraka's constants. */
  readonly verdict: string;
  /** Where it is `OK`. */
  readonly hosts: readonly Host[];
}

export interface Host {
  readonly host: string;
  readonly port?: number;
}

export type Request =
  | { readonly id: number; readonly client: ClientFacts; readonly call: Call }
  | { readonly order: 'ping' | 'close' }
  | { readonly id: number; readonly route: RouteCall }
  /** The client of a session speaks before it was greeted. */
  | { readonly early: string }
  | { readonly sent: number; readonly failure: string | null };

/** A reply that a plugin gave: one line or several. */
export interface Said {
  readonly code: number;
  readonly text: string;
}

export interface Answer {
  /** Of Haraka's constants: `CONT`, `OK`, `DENY` … */
  readonly verdict: string;
  /** The text of the verdict; with a code of its own where it was a DSN. */
  readonly text: string;
  readonly code: number | null;
  /** Replies that plugins sent by themselves (`connection.respond`). */
  readonly said: readonly Said[];
  /** A plugin called `connection.disconnect`. */
  readonly disconnect: boolean;
  readonly relaying: boolean;
  /** Set after the message, and after `queue`. */
  readonly changes: Changes | null;
  /** For `body`: null at its end. */
  readonly octets: Uint8Array | null;
  /** What failed: `PLUGIN: HOOK …`, each a sentence. */
  readonly failures: readonly string[];
}

/** What plugins made of the transaction. */
export interface Changes {
  /** Whole fields, from the top. */
  readonly leading: readonly string[];
  readonly trailing: readonly string[];
  /** Names of which no field is left. */
  readonly removed: readonly string[];
  readonly isBodyChanged: boolean;
  /** Null where it is as the client gave it. */
  readonly from: string | null;
  /** Null where they are those that the client gave. */
  readonly recipients: readonly string[] | null;
  /** What each plugin found, by its name: `connection.results` and `transaction.results`. */
  readonly results: { readonly connection: Results; readonly transaction: Results };
}

export type Results = Readonly<Record<string, unknown>>;

export type FromEngine =
  | {
      readonly kind: 'ready';
      readonly plugins: readonly string[];
      readonly hooks: readonly string[];
      readonly checksPasswords: boolean;
    }
  /** A request, or (0) the start. */
  | { readonly kind: 'failed'; readonly id: number; readonly message: string }
  | { readonly kind: 'pong' | 'closed' }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: Answer }
  | { readonly kind: 'route'; readonly id: number; readonly answer: RouteAnswer }
  | { readonly kind: 'log'; readonly isGrave: boolean; readonly text: string }
  /** A plugin sends mail of its own. */
  | {
      readonly kind: 'send';
      readonly id: number;
      readonly from: string;
      readonly to: readonly string[];
      readonly message: Uint8Array;
    };
