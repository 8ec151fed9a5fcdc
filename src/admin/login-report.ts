/** What `posthorn test login` tells of a login. */
export interface LoginReport {
  /** Of the account that was logged in to; null: the login fails. */
  readonly address: string | null;
  /** Who decided: `plugin NAME`, or `the accounts of the store`. */
  readonly answeredBy: string;
  /** Why it fails, as only the administrator may know; null: it does not. */
  readonly why: string | null;
  /** How the password of the account is kept, such as SCRYPT; null without an account or a password. */
  readonly scheme: string | null;
  /** By SMTP service: the mechanisms that it offers. */
  readonly mechanisms: readonly { readonly service: string; readonly clear: string; readonly tls: string }[];
  /** Parameters that limit what a session of the account may do, as `name = value`. */
  readonly limits: readonly string[];
}
