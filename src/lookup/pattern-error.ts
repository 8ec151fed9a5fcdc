/** A pattern that cannot be used; the message says why. */
export class PatternError extends Error {
  override readonly name = 'PatternError';
}
