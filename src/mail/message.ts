/**
 * A stored message: immutable content, and the data prepared from it on arrival.
 *
 * Content is stored once for all recipients, byte for byte, with CRLF line ends. Whatever differs between
 * recipients (Return-Path, X-Original-To, Delivered-To) is in the short prefix of each mailbox row; a client
 * sees prefix + content, and a size always counts both.
 */

/** One MIME entity and the position of its octets in the content (offsets never include the prefix). */
export interface Part {
  /** Lower case, such as `text` and `plain`. */
  readonly type: string;
  readonly subtype: string;
  /** Content-Type parameters in order, names in lower case, values decoded (RFC 2231). */
  readonly parameters: readonly (readonly [string, string])[];
  /** Content-Id and Content-Description as written, or null. */
  readonly id: string | null;
  readonly description: string | null;
  /** Content-Transfer-Encoding in lower case; `7bit` if absent. */
  readonly encoding: string;
  readonly md5: string | null;
  readonly disposition: { readonly type: string; readonly parameters: readonly (readonly [string, string])[] } | null;
  readonly language: readonly string[] | null;
  readonly location: string | null;
  /** Start of the entity's header, start of its body (after the blank line), end of its body. */
  readonly headerStart: number;
  readonly bodyStart: number;
  readonly bodyEnd: number;
  /** Line count of the body (BODYSTRUCTURE of text and message/rfc822). */
  readonly lines: number;
  /** Children of a multipart; the one enclosed message of a message/rfc822; otherwise empty. */
  readonly parts: readonly Part[];
  /** The prepared ENVELOPE of an enclosed message (message/rfc822 only). */
  readonly envelope: string | null;
}

/** Prepared at delivery, so that FETCH and SEARCH never parse a message. */
export interface MessageIndex {
  /** IMAP ENVELOPE, ready to be sent; each character is one octet (latin1), literals already in place. */
  readonly envelope: string;
  /** IMAP BODYSTRUCTURE (the extensible form), in the same format. */
  readonly bodyStructure: string;
  /** The tree of entities with byte offsets, for BODY[1.2.MIME] and BODY. */
  readonly root: Part;
  /**
   * Date: as ms from 1970 to the sender's local time, ignoring the zone, as SENTSINCE compares it; or null.
   */
  readonly sentAt: number | null;
  /** Message-Id with its angle brackets, or ''. */
  readonly messageId: string;
  readonly search: SearchFields;
}

/** Decoded header text for SEARCH, in lower case: one value per field, in header order. */
export interface SearchFields {
  readonly subject: string;
  readonly from: string;
  readonly to: string;
  readonly cc: string;
  readonly bcc: string;
  /**
   * The same lists as in ENVELOPE: `"joe q" <joe@example.org>, ...`. Absent if an earlier version stored the message.
   */
  readonly addresses?: { readonly from: string; readonly to: string; readonly cc: string; readonly bcc: string };
}

/** The text for SEARCH BODY and TEXT: decoded, in lower case; '' if there is none. */
export interface SearchText {
  /** Of the message's text parts. */
  readonly body: string;
  /** Headers of its parts and of enclosed messages, for TEXT. */
  readonly headers: string;
  /**
   * Its own header without a row's prefix, one field a line (`name: value`); null if a decoded value has a line end, so
   * that the lines are not the fields.
   */
  readonly head: string | null;
}
