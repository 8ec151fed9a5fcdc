/**
 * A message as it is kept: immutable content, and what was prepared from it when it arrived.
 *
 * Content is stored once for all recipients, byte for byte, with CRLF line ends. What differs between
 * recipients (Return-Path, X-Original-To, Delivered-To) is the short prefix of each mailbox row; the
 * octets a client sees are prefix + content, and a size is always that of both.
 */

/** One MIME entity and where its octets stand in the content (offsets never count the prefix). */
export interface Part {
  /** Lower case, such as `text` and `plain`. */
  readonly type: string;
  readonly subtype: string;
  /** Content-Type parameters in order, names in lower case, values decoded (RFC 2231). */
  readonly parameters: readonly (readonly [string, string])[];
  /** Content-Id and Content-Description as written, or null. */
  readonly id: string | null;
  readonly description: string | null;
  /** Content-Transfer-Encoding in lower case; `7bit` where absent. */
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
  /** Children of a multipart; the one enclosed message of a message/rfc822; else empty. */
  readonly parts: readonly Part[];
  /** The prepared ENVELOPE of an enclosed message (message/rfc822 only). */
  readonly envelope: string | null;
}

/** Prepared at delivery, so that FETCH and SEARCH never parse a message. */
export interface MessageIndex {
  /** IMAP ENVELOPE, ready to be sent; each character is one octet (latin1), literals already in place. */
  readonly envelope: string;
  /** IMAP BODYSTRUCTURE (the extensible form), in the same manner. */
  readonly bodyStructure: string;
  /** The tree with its byte offsets, for BODY[1.2.MIME] and for BODY. */
  readonly root: Part;
  /**
   * Value of Date: in ms from 1970 to what the sender's clock showed, its zone disregarded, or null: what SENTSINCE
   * compares.
   */
  readonly sentAt: number | null;
  /** Message-Id with its angle brackets, or ''. */
  readonly messageId: string;
  readonly search: SearchFields;
}

/** Decoded header text for SEARCH, folded to lower case: one value a field, as it stands in the header. */
export interface SearchFields {
  readonly subject: string;
  readonly from: string;
  readonly to: string;
  readonly cc: string;
  readonly bcc: string;
  /**
   * The same lists as ENVELOPE has them: `"joe q" <joe@example.org>, ...`. Absent where an earlier version stored the
   * message.
   */
  readonly addresses?: { readonly from: string; readonly to: string; readonly cc: string; readonly bcc: string };
}

/** What SEARCH BODY and TEXT look through: decoded, in lower case; '' where there is none. */
export interface SearchText {
  /** Of the message's text parts. */
  readonly body: string;
  /** Headers of its parts and of enclosed messages, for TEXT; the message's own is read with each row's prefix. */
  readonly headers: string;
}
