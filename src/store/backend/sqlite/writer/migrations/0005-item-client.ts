/** What only some queue items have: the client that the message came from, and how each recipient has its own sender. */
export const ITEM_CLIENT = `
ALTER TABLE item ADD COLUMN client TEXT; -- JSON of a ClientOrigin; NULL: not kept
ALTER TABLE item ADD COLUMN verp TEXT; -- two delimiters; NULL: no VERP
`;
