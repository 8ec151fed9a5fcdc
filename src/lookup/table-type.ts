/** A table type: how to open `type:argument`, and the context for that. */
import type { Log } from '../log.ts';
import type { LookupTable, Tables } from './table.ts';

/** A connection to another server, for tcp and socketmap tables: one request, one answer. */
export interface TableConnection {
  write(data: Uint8Array): void;
  /** The next octets, or null at the end. */
  read(): Promise<Buffer | null>;
  destroy(): void;
}

/** `inet:host:port` as host and port, or `unix:path`. */
export type TableEndpoint = { readonly host: string; readonly port: number } | { readonly path: string };
export type TableConnect = (endpoint: TableEndpoint, timeoutMs: number) => Promise<TableConnection>;

export interface TableContext {
  /** The actual path of a file named in the configuration. */
  resolvePath(path: string): string;
  readonly log: Pick<Log, 'info' | 'warn'>;
  /** Milliseconds. */
  readonly clock: () => number;
  /** For tables made of other tables. */
  readonly tables: Tables;
  /** Whether `hash:/etc/aliases` has the format of an alias file. */
  isAliasTable(name: string): boolean;
  /** Absent: tables on other servers cannot be opened. */
  readonly connect?: TableConnect;
  /** Wrong rules of a file are left out, with a warning, as Postfix does; otherwise the file is refused. */
  readonly skipsWrongRules?: boolean;
  /** Tables on other servers are opened, to find faults, and never asked. */
  readonly isOffline?: boolean;
}

export interface TableType {
  /** Throws TableFault. `name` is the whole `type:argument`. */
  open(name: string, argument: string, context: TableContext): LookupTable;
  /** One line of documentation. */
  readonly doc: string;
}
