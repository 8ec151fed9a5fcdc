/** Queue items whose sender is not the message's: members of an alias that has an owner. */
export const ITEM_SENDER = 'ALTER TABLE item ADD COLUMN sender TEXT'; // NULL: the reverse path of the content
