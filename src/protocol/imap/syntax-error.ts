/** Why the arguments of a command are not taken. Both are the client's fault and are answered with these texts. */

/** The command does not follow the grammar: a tagged BAD. */
export class ImapSyntaxError extends Error {
  override readonly name = 'ImapSyntaxError';
}

/**
 * The command follows the grammar, but an argument cannot be what it has to be: a tagged NO with this response code
 * (RFC 5530).
 */
export class RefusedArgumentError extends Error {
  override readonly name = 'RefusedArgumentError';
  readonly code: string;

  constructor(message: string, code = 'CANNOT') {
    super(message);
    this.code = code;
  }
}
