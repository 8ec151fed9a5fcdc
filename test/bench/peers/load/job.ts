/** The jobs of the load generator and their results. Plain values: they cross processes. */
import type { Target } from './wire.ts';

interface Common {
  readonly port: number;
  readonly tls: boolean;
  readonly connections: number;
  /** How long it runs; work in progress at the end is finished. */
  readonly seconds: number;
}

interface Login {
  readonly user: string;
  readonly password: string;
}

/** Each connection opens `mailbox` and repeats the command. */
export interface ImapJob extends Common, Login {
  readonly kind: 'imap';
  readonly mailbox: string;
  /** `%R` becomes a random number of 1 to `messages`. */
  readonly command: string;
  readonly messages: number;
  /** What one command counts for. */
  readonly units: number;
}

/** LOGIN, SELECT INBOX, LOGOUT, each time on a new connection. */
export interface LoginJob extends Common, Login {
  readonly kind: 'login';
}

/** Each connection appends to a mailbox of its own account: `%C` in `user` becomes the connection's number. */
export interface AppendJob extends Common, Login {
  readonly kind: 'append';
  readonly octets: number;
}

/** COPY of the first `messages`, or EXPUNGE of such a copy, each time in a new mailbox. */
export interface MoveJob extends Common, Login {
  readonly kind: 'copy' | 'expunge';
  readonly messages: number;
}

/** RETR of the first `messages`, with `window` requests in flight. */
export interface Pop3Job extends Common, Login {
  readonly kind: 'pop3';
  readonly messages: number;
  readonly window: number;
}

/** Messages to u0, u1 … of `accounts`; with a password, each is sent over its own connection, after a login. */
export interface SmtpJob extends Common {
  readonly kind: 'smtp';
  readonly octets: number;
  readonly accounts: number;
  readonly domain: string;
  readonly password: string | null;
  readonly startTls: boolean;
}

export interface DnsJob extends Common {
  readonly kind: 'dns-udp' | 'dns-tcp';
  readonly names: readonly string[];
  /** Queries in flight per connection. */
  readonly window: number;
}

/** Repeated NOOP on an otherwise idle session, with a pause in between. */
export interface NoopJob extends Common, Login {
  readonly kind: 'noop';
}

export type Job = ImapJob | LoginJob | AppendJob | MoveJob | Pop3Job | SmtpJob | DnsJob | NoopJob;

export interface Load {
  readonly units: number;
  readonly seconds: number;
  readonly octets: number;
  /** Milliseconds of each, if the job measures them. */
  readonly times: readonly number[];
}

/** Adds up the results of the connections. Each calls `turn` repeatedly until the time is over. */
export async function repeat(
  { connections, seconds }: Common,
  open: (connection: number) => Promise<Turns>,
): Promise<Load> {
  const turns = await Promise.all(Array.from({ length: connections }, (_, connection) => open(connection)));
  const began = performance.now();
  const end = began + seconds * 1000;
  let units = 0;
  let octets = 0;
  await Promise.all(
    turns.map(async (one) => {
      do {
        const done = await one.turn();
        units += done.units;
        octets += done.octets;
      } while (performance.now() < end);
    }),
  );
  const took = (performance.now() - began) / 1000;
  await Promise.all(turns.map(({ close }) => close()));
  return { units, seconds: took, octets, times: [] };
}

export interface Turns {
  turn(): Promise<{ readonly units: number; readonly octets: number }>;
  close(): void | Promise<void>;
}

export const target = ({ port, tls }: Common): Target => ({ port, tls });
