/** The configuration for a destination cannot be used; the message is for the log. */
export class PolicyFault extends Error {
  override readonly name = 'PolicyFault';
  /** Asking again later may help. */
  readonly temporary: boolean;
  constructor(message: string, temporary = false) {
    super(message);
    this.temporary = temporary;
  }
}
