/**
 * The documents of WildDuck 1.46 as far as they are read or written here. Each fact names WildDuck's source file; what
 * it does not mention has no meaning here.
 */
import type { ObjectId } from 'mongodb';

/** Of a file in GridFS: the SHA-256 of its octets as they are in the message; older ones have an ObjectId. */
export type AttachmentId = Buffer | ObjectId;

/** lib/user-handler.js, `create`. */
export interface UserDocument {
  readonly _id: ObjectId;
  readonly username: string;
  /** The main address; '' for a user without one. */
  readonly address?: string;
  /** '' never matches. */
  readonly password?: string;
  /** Until this is true, the user is not completely created. */
  readonly activated?: boolean;
  readonly disabled?: boolean;
  readonly suspended?: boolean;
  /** With a second factor the password alone does not log in to IMAP, only an application's password does. */
  readonly enabled2fa?: readonly string[] | boolean;
  /** Protocols that are refused: imap, pop3, smtp. */
  readonly disabledScopes?: readonly string[];
  /** Octets; 0: the server's default. */
  readonly quota?: number;
  /** Each message goes to these too. */
  readonly targets?: readonly ForwardingTarget[];
  readonly encryptMessages?: boolean;
  readonly created?: Date;
}

/** lib/api/addresses.js; `http` and `relay` are URLs. */
export interface ForwardingTarget {
  readonly type: 'mail' | 'relay' | 'http';
  readonly value: string;
}

/** lib/api/addresses.js: an address of a user, or (with targets, without a user) one that only forwards. */
export interface AddressDocument {
  /** `*@example.com`, `*suffix@example.com` and `name@*` are patterns. */
  readonly address: string;
  /** In lower case, without the dots before the "@": the same for all addresses that WildDuck takes for one. */
  readonly addrview: string;
  readonly user?: ObjectId;
  readonly targets?: readonly ForwardingTarget[];
  readonly forwardedDisabled?: boolean;
}

/** lib/api/domainaliases.js: mail for NAME@alias goes to NAME@domain. */
export interface DomainAliasDocument {
  readonly alias: string;
  readonly domain: string;
}

/** lib/mailbox-handler.js, `create`. */
export interface MailboxDocument {
  readonly _id: ObjectId;
  /** UTF-8, levels separated by "/". */
  readonly path: string;
  readonly specialUse?: string | null | false;
  /** The second of its creation: the mailboxes with which a user is created have the same. */
  readonly uidValidity: number;
  readonly uidNext: number;
  /** HIGHESTMODSEQ; 0 before the first change. */
  readonly modifyIndex: number;
  readonly subscribed?: boolean;
  /** Not shown by IMAP. */
  readonly hidden?: boolean;
}

/** A message without its content (lib/message-handler.js, `addAsync`). */
export interface MessageHead {
  readonly _id: ObjectId;
  readonly uid: number;
  readonly modseq: number;
  readonly flags: readonly string[];
  /** INTERNALDATE. */
  readonly idate: Date;
}

export interface MessageDocument extends MessageHead {
  readonly mimeTree: MimeTree;
  readonly meta?: { readonly from?: unknown };
}

/**
 * An entity (imap-core/lib/indexer/parse-mime-tree.js). A multipart's `body` is all that is outside its parts. A body
 * that was moved out to GridFS is named by `attachmentId`.
 */
export interface MimeNode {
  /** Fields in order, folded lines joined by CRLF; each character is an octet. */
  readonly header?: readonly string[] | string;
  readonly body?: Uint8Array | string | false | null;
  readonly boundary?: string | false | null;
  /** Octets of the body as it was before it was moved out. */
  readonly size?: number;
  readonly lineCount?: number;
  readonly attachmentId?: AttachmentId | string | false;
  readonly childNodes?: unknown;
}

export interface MimeTree extends MimeNode {
  /** `attachmentId` to the file's id; where it has none, the `attachmentId` is the file's (older messages). */
  readonly attachmentMap?: Readonly<Record<string, AttachmentId>>;
}

/** In `attachments.files` (lib/attachments/gridstore-storage.js). */
export interface AttachmentFile {
  readonly _id: AttachmentId;
  readonly length: number;
  readonly metadata?: {
    /** Base64 was decoded: it is encoded again in lines of `lineLen`. */
    readonly decoded?: boolean;
    readonly lineLen?: number;
  };
}
