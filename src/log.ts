/**
 * One event a line: text in the words of /var/log/maillog, and the same as JSON (requirement P19).
 * `fields` carries ids (queueId, session, account); never bodies, never passwords.
 */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** A logger whose lines carry these fields too. `process` is the part's name: postfix/smtpd, imap, named … */
  child(fields: { readonly process?: string } & Record<string, unknown>): Log;
}
