/** A command that does not follow the grammar: the client's fault, answered with a tagged BAD and this text. */
export class ImapSyntaxError extends Error {
  override readonly name = 'ImapSyntaxError';
}
