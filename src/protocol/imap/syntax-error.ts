/** Errors in command arguments. Both are the client's fault, and their messages are sent in the reply. */

/** The command does not follow the grammar: a tagged BAD. */
export class ImapSyntaxError extends Error {
  override readonly name = 'ImapSyntaxError';
}

/**
 * The command follows the grammar, but an argument is not acceptable: a tagged NO with this response code (RFC 5530).
 */
export class RefusedArgumentError extends Error {
  override readonly name = 'RefusedArgumentError';
  readonly code: string;

  constructor(message: string, code = 'CANNOT') {
    super(message);
    this.code = code;
  }
}
