/** What a session has of the filter before the queue. */
import type { Connection } from '../../../bus/hook.ts';
import type { Intake } from '../../../delivery/receive/receiver.ts';
import type { Reply } from '../../../mail/status.ts';
import type { ProxySettings } from './settings.ts';

/** What the messages of one service need. */
export interface ProxyService {
  readonly settings: ProxySettings;
  /** For messages that are read again before the filter has them. */
  readonly temporaryFolder: string;
  /** local_header_rewrite_clients: what XFORWARD calls LOCAL. */
  isLocal(connection: Connection): boolean | Promise<boolean>;
}

/** A transaction that goes through it. */
export interface FilteredTransaction {
  /** A recipient that everybody else accepts; what the filter says against it. `line`: the command. */
  recipient(line: string): Promise<Reply | undefined>;
  /** DATA; what the filter says against it. */
  data(): Promise<Reply | undefined>;
  begin(foldCrs: boolean): Intake;
  /** The transaction is over. An incomplete message stays incomplete for the filter. */
  close(): void;
}
