/** What an import or export has done, for the command that prints it. */

/** Something that is not on the other side as it is here. The rest was done all the same. */
export interface Problem {
  readonly account: string;
  readonly mailbox?: string;
  readonly uid?: number;
  readonly problem: string;
}

export interface TransferredAccount {
  readonly address: string;
  readonly mailboxes: number;
  readonly messages: number;
  readonly octets: number;
  /** Messages that an earlier run had not brought over. */
  readonly added: number;
  /** What its user must know. */
  readonly notes: readonly string[];
}

export interface TransferReport {
  readonly accounts: readonly TransferredAccount[];
  /** Aliases and forwarding addresses. */
  readonly aliases: number;
  readonly problems: readonly Problem[];
  readonly notes: readonly string[];
  /** What has no counterpart on the other side, and how many of each. */
  readonly notBrought: Readonly<Record<string, number>>;
}
