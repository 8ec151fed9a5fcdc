/** An IMAP keyword (RFC 9051 section 9, `atom`), or a system flag. */
const FLAG = /^\\?[^\x00-\x20\x7f-\uffff(){%*"\\\]]+$/;

export const isFlag = (flag: string): boolean => FLAG.test(flag);
