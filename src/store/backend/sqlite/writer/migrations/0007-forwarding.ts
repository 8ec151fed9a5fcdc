/** Where the mail of an account is forwarded. */
export const FORWARDING = `
ALTER TABLE account ADD COLUMN forwarding TEXT; -- JSON of a Forwarding; NULL: nowhere
`;
