/** A pattern is invalid or not supported; the message says why. */
export class PatternError extends Error {
  override readonly name = 'PatternError';
}
