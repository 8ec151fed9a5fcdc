/** What a supervisor and a front process tell each other. */
import type { Answer } from '../admin/socket.ts';
import type { Started } from '../app/running-server.ts';
import type { Fault } from '../config/fault.ts';

/** The variable with which a front process gets its instructions. */
export const INSTRUCTIONS = 'POSTHORN_FRONT';

export interface Instructions {
  /** Nothing was started before: it makes the first account where there is none, and finds out the port offset. */
  readonly isFirst: boolean;
  /** Null: as given on the command line. */
  readonly portOffset: number | null;
  /** The supervisor's own one is stricter. */
  readonly umask: number;
}

export type FromFront =
  | { readonly kind: 'ready'; readonly started: Started }
  /** It could not start; null: not because of its configuration. */
  | { readonly kind: 'failed'; readonly faults: readonly Fault[] | null; readonly message: string }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: Answer };

export type ToFront =
  /** An administrator's request (admin/socket.ts). */
  | { readonly kind: 'ask'; readonly id: number; readonly line: string }
  /** Another process has taken its place: its sessions may end by themselves. */
  | { readonly kind: 'hand-over' };
