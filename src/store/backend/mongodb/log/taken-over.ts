/**
 * A process that stood still for long is taken for dead, and what it was about is finished by another one. When it goes
 * on it must not do it too: it asks whether the operation is still its own, and stops if not.
 */
import { StoreUnavailableError } from '../../../store.ts';

export interface Held {
  /** `performance.now()` before the database knew of the operation. */
  readonly since: number;
  check(): Promise<boolean>;
}

/** Another process finishes, or has finished, this operation; callers hear what becomes of any that is in doubt. */
export class TakenOverError extends StoreUnavailableError {
  constructor() {
    super('another process has taken this over, for this one had stood still for too long');
  }
}
