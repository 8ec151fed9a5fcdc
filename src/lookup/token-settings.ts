/** Who says whether an access token is good, and for whom; named as in dovecot-oauth2.conf.ext. */

/** As it is written. */
export interface TokenSource {
  /** The token is put behind it; '' where it is not asked. */
  readonly tokeninfoUrl: string;
  /** '' where it is not asked. */
  readonly introspectionUrl: string;
  /** How: with the token in `Authorization`, behind the URL, or in a form; or not at all, by its signature (JWT). */
  readonly mode: 'auth' | 'get' | 'post' | 'local';
  readonly forceIntrospection: boolean;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Words that the token's scope must have. */
  readonly scope: readonly string[];
  /** The field that names the user. */
  readonly usernameAttribute: string;
  /** A field that must be there, and its value if that is not ''; '' for none. */
  readonly activeAttribute: string;
  readonly activeValue: string;
  /** Who may have issued the token; empty for anybody. */
  readonly issuers: readonly string[];
  /** The folder of keys for `local`: AZP/ALG/KID. */
  readonly keyFolder: string;
  /** Told to clients whose token is refused; '' for none. */
  readonly openidConfigurationUrl: string;
  /** In ms, for all questions about one token. */
  readonly timeout: number;
}

/** As tokens are judged by it. */
export interface TokenSettings extends TokenSource {
  /** What of the user's name and of the login must be the same. */
  userOf(name: string): string;
}
