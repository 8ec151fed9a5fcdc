/** What the checks find: what a thread returns, what other plugins read, what the actions are decided by. */
import { noteKey } from '../../src/bus/plugin.ts';

export type Method = 'spf' | 'dkim' | 'dmarc' | 'arc' | 'iprev' | 'bimi';

/** One result of the field Authentication-Results (RFC 8601 section 2.2). */
export interface Row {
  readonly method: Method;
  /** `pass`, `fail`, `none`, `temperror` … as the method's RFC has them. */
  readonly result: string;
  readonly comment?: string;
  /** `smtp.mailfrom`, `header.d` … in the order in which they are written. */
  readonly properties: readonly (readonly [name: string, value: string])[];
}

export interface SpfFinding {
  /** 'helo': the name that the client gave; 'mailfrom': the domain of the reverse-path. */
  readonly identity: 'helo' | 'mailfrom';
  readonly domain: string;
  readonly result: string;
}

export interface DkimFinding {
  readonly result: string;
  /** d=, in lower case; '' where the signature has none. */
  readonly domain: string;
  /** s= */
  readonly selector: string;
  /** Octets of the body behind those that the signature covers (l=). */
  readonly unsigned: number;
  /** It counts for DMARC. */
  readonly isAligned: boolean;
}

export type Policy = 'none' | 'quarantine' | 'reject';

export interface DmarcFinding {
  readonly result: string;
  /** The domain of From. */
  readonly from: string;
  /** Where the policy was published; '' where there is none. */
  readonly policyDomain: string;
  /** What is to happen to this message, where it failed: after `t` (RFC 9989) and `pct` (RFC 7489). */
  readonly policy: Policy;
  /** A chain of trusted sealers says that it passed before it was forwarded. */
  readonly isOverridden: boolean;
}

export interface ArcFinding {
  readonly result: string;
  /** d= of the seals, the oldest first. */
  readonly sealers: readonly string[];
}

export interface Findings {
  readonly rows: readonly Row[];
  readonly spf: readonly SpfFinding[];
  readonly dkim: readonly DkimFinding[];
  /** Null: not checked, or From names no domain, or more than one. */
  readonly dmarc: DmarcFinding | null;
  readonly arc: ArcFinding | null;
  readonly iprev: string | null;
}

/** Of a transaction: what was found about its message, from this plugin's `data_post` on. Not set where nothing was checked. */
export const RESULTS = noteKey<Findings>('mail-auth.results');

export const NOTHING: Findings = { rows: [], spf: [], dkim: [], dmarc: null, arc: null, iprev: null };
