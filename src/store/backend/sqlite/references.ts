/** What `content.refs` says where it does not count mailbox rows and queue items. */

/** Octets are still written, or have been and nothing names them yet; it has no queue ID. */
export const SPOOL = -1;
/** A transfer has put it, and its rows and items are to follow. It is abandoned when the store is opened again. */
export const AWAITED = -2;
