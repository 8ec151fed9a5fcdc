/** A message header's fields (RFC 5322 section 2.2). */

export interface Field {
  /** As written. */
  readonly name: string;
  /** After the colon, folding and all, without the last CRLF; each character one octet (latin1). */
  readonly value: string;
}

export interface Header {
  readonly fields: readonly Field[];
  /** The first field of that name (any case), unfolded and trimmed; null where there is none. */
  get(name: string): string | null;
  /** All fields of that name, unfolded and trimmed. */
  all(name: string): readonly string[];
}
