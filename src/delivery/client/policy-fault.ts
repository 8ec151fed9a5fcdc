import type { Reply } from '../../mail/status.ts';

/** The configuration for a destination cannot be used; the message is for the log. */
export class PolicyFault extends Error {
  override readonly name = 'PolicyFault';
  /** Asking again later may help. */
  readonly temporary: boolean;
  /** What is said of its mail; null: what is said of every faulty configuration. */
  readonly reply: Reply | null;
  constructor(message: string, temporary = false, reply: Reply | null = null) {
    super(message);
    this.temporary = temporary;
    this.reply = reply;
  }
}
