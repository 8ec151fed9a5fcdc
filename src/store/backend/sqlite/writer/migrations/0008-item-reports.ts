/** Whether the sender is told of the first attempt (`sendmail -v`). */
export const ITEM_REPORTS = `
ALTER TABLE item ADD COLUMN reports INTEGER; -- 1, or NULL: no
`;
