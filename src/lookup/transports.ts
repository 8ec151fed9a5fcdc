/** Ways of delivery (Postfix: the delivery agents that master.cf defines), by the name of their row. */
import type { ClientOrigin } from '../mail/client-origin.ts';
import type { ParameterReader } from './parameters.ts';

/** A program that a row of pipe or spawn starts. */
export interface ProgramCommand {
  /** The words, with `${name}`s in those of pipe. Not empty. */
  readonly argv: readonly string[];
  /** Null: the user of this process. */
  readonly user: { readonly uid: number; readonly gid: number } | null;
  /** Why it cannot be started as its row says, or null. */
  readonly obstacle: string | null;
  /** Where it runs. */
  readonly directory: string;
  /** Milliseconds until it is killed. */
  readonly timeLimit: number;
  readonly environment: Readonly<Record<string, string>>;
}

export interface PipeCommand extends ProgramCommand {
  /** Letters of `flags=`. */
  readonly flags: ReadonlySet<string>;
  readonly nullSender: string;
  /** Octets; 0 has no limit. */
  readonly sizeLimit: number;
  readonly lineEnd: string;
}

export type TransportProgram = 'smtp' | 'lmtp' | 'local' | 'virtual' | 'error' | 'retry' | 'discard' | 'pipe';

export interface Transport {
  readonly name: string;
  readonly program: TransportProgram;
  /** Deliveries at one time; 0 has no limit. */
  readonly limit: number;
  /** main.cf with the `-o` values of the row. */
  readonly parameters: ParameterReader;
  /** Of pipe. */
  readonly command: PipeCommand | null;
}

export interface Transports {
  get(name: string): Transport | undefined;
  /** `pipe`, `smtp` … */
  all(): Iterable<Transport>;
  /** The path of a UNIX socket as a next hop names it. */
  socketPath(written: string): string;
  /** Whether this server itself takes mail at a UNIX socket (`service lmtp` of dovecot.conf). */
  isOwnSocket(path: string): boolean;
}

/** Names in the arguments of pipe(8) whose argument is repeated for each recipient, and those of the message. */
export const RECIPIENT_NAMES = ['recipient', 'original_recipient', 'mailbox', 'user', 'extension', 'domain'] as const;
export const MESSAGE_NAMES = ['nexthop', 'queue_id', 'sender', 'size'] as const;
/** Those of the client, and what stands for one that a client has, but that is not known: pipe(8) of Postfix 3.7. */
export const CLIENT_NAMES = {
  client_address: { field: 'address', unknown: 'unknown' },
  client_helo: { field: 'helo', unknown: '' },
  client_hostname: { field: 'name', unknown: 'unknown' },
  client_port: { field: 'port', unknown: 'unknown' },
  client_protocol: { field: 'protocol', unknown: 'unknown' },
  sasl_method: { field: 'saslMethod', unknown: '' },
  sasl_sender: { field: 'saslSender', unknown: '' },
  sasl_username: { field: 'saslUsername', unknown: '' },
} as const satisfies Readonly<Record<string, { readonly field: keyof ClientOrigin; readonly unknown: string }>>;
const KNOWN_NAMES: readonly string[] = [...RECIPIENT_NAMES, ...MESSAGE_NAMES, ...Object.keys(CLIENT_NAMES)];

/** `$name`, `${name}`, `$(name)`, and `$$`. */
const ARGUMENT_NAME = /\$(?:\$|\{([^}]*)\}|\(([^)]*)\)|(\w+))/g;

/** The text with its names replaced. */
export const fillIn = (text: string, value: (name: string) => string): string =>
  text.replace(ARGUMENT_NAME, (whole, a?: string, b?: string, c?: string) =>
    whole === '$$' ? '$' : value(a ?? b ?? c ?? ''),
  );

export function namesIn(text: string): string[] {
  return [...text.matchAll(ARGUMENT_NAME)].flatMap(([whole, a, b, c]) => (whole === '$$' ? [] : [a ?? b ?? c ?? '']));
}

/** Those that have no value. */
export const unknownNames = (text: string): string[] => namesIn(text).filter((name) => !KNOWN_NAMES.includes(name));

/** Those that need no row: mail is delivered by them whatever master.cf defines. */
const BUILT_IN: Readonly<Record<string, TransportProgram>> = {
  smtp: 'smtp',
  relay: 'smtp',
  lmtp: 'lmtp',
  local: 'local',
  virtual: 'virtual',
  error: 'error',
  retry: 'retry',
  discard: 'discard',
};

export interface TransportsOptions {
  readonly parameters: ParameterReader;
  /** Of master.cf. */
  readonly rows?: readonly Transport[];
  socketPath?(written: string): string;
  isOwnSocket?(path: string): boolean;
}

export function createTransports(options: TransportsOptions): Transports {
  const { parameters, rows = [], socketPath = (path) => path, isOwnSocket = () => false } = options;
  const limit = parameters.number('default_process_limit');
  const all = new Map<string, Transport>(
    Object.entries(BUILT_IN).map(([name, program]) => [name, { name, program, limit, parameters, command: null }]),
  );
  for (const row of rows) all.set(row.name, row);
  return { get: (name) => all.get(name), all: () => all.values(), socketPath, isOwnSocket };
}
