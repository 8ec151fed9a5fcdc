/**
 * Accounts in files of other programs: a passwd-file of Dovecot (`user:{SCHEME}hash:uid:gid:gecos:home:shell:extra`), or
 * /etc/passwd with the hashes of /etc/shadow. Hashes are taken as they are; what verifies them says which it knows.
 */

export interface FileAccount {
  readonly name: string;
  /** `{SCHEME}hash`, or crypt(3)'s form; '' for none. */
  readonly hash: string;
  /** It exists, but may not log in. */
  readonly disabled: boolean;
  readonly file: string;
  readonly line: number;
  /** Names of fields that have no effect here. */
  readonly inert: readonly string[];
}

interface Row {
  readonly fields: readonly string[];
  readonly line: number;
}

function rowsOf(text: string): Row[] {
  return text.split('\n').flatMap((row, index) => {
    const line = row.replace(/\r$/, '');
    // Fields behind the seventh may have colons.
    return line.trim() === '' || line.startsWith('#') ? [] : [{ fields: line.split(':'), line: index + 1 }];
  });
}

/** Fields that change who logs in how, and have no counterpart here; the others are about where mail lies. */
const INERT = /^(?:userdb_)?(?:quota_rule\d*|allow_nets|proxy|host|master|acl_\w+|sieve\w*|pass)$/;

/** `scheme`: of passwords without `{SCHEME}`, as in Dovecot's `args = scheme=…`. */
export function passwdFileAccounts(text: string, file: string, scheme: string): FileAccount[] {
  return rowsOf(text).map(({ fields, line }) => {
    const [name = '', password = ''] = fields;
    const extra = fields.slice(7).join(':').split(' ');
    const keys = extra.map((field) => field.split('=', 1)[0] ?? '');
    const hash = password === '' || password.startsWith('{') ? password : `{${scheme}}${password}`;
    return {
      name,
      hash,
      disabled: keys.includes('nologin') || keys.includes('user_deny'),
      file,
      line,
      inert: keys.filter((key) => INERT.test(key)),
    };
  });
}

/** Where a row of either file says that its user's mail is; '' where it does not. */
export interface MailFields {
  readonly home: string;
  /** A location as in mail_location. */
  readonly mail: string;
}

/** By name as written. The extra fields come before the sixth, as in Dovecot. */
export function mailFieldsOf(text: string): Map<string, MailFields> {
  return new Map(
    rowsOf(text).map(({ fields }) => {
      const extra = fields.slice(7).join(':').split(' ');
      const own = (key: string): string =>
        extra.findLast((word) => word.startsWith(`userdb_${key}=`))?.slice(`userdb_${key}=`.length) ?? '';
      return [fields[0] ?? '', { home: own('home') || (fields[5] ?? ''), mail: own('mail') }];
    }),
  );
}

/** Which UIDs are people's: `UID_MIN` and `UID_MAX` of login.defs(5). */
export interface UidRange {
  readonly least: number;
  readonly most: number;
}

export function uidRangeOf(loginDefs: string): UidRange {
  const number = (name: string, fallback: number): number =>
    Number(new RegExp(`^[ \\t]*${name}[ \\t]+(\\d{1,10})`, 'm').exec(loginDefs)?.[1] ?? fallback);
  return { least: number('UID_MIN', 1_000), most: number('UID_MAX', 60_000) };
}

/** People of /etc/passwd. Who has a locked hash (`!…`) or none (`*`) gets none here. */
export function systemAccounts(
  passwd: { readonly text: string; readonly file: string },
  shadow: string,
  { least, most }: UidRange,
): FileAccount[] {
  const hashes = new Map(rowsOf(shadow).map(({ fields: [name = '', hash = ''] }) => [name, hash]));
  return rowsOf(passwd.text).flatMap(({ fields: [name = '', , uid = ''], line }) => {
    if (!/^\d{1,10}$/.test(uid) || Number(uid) < least || Number(uid) > most) return [];
    const hash = hashes.get(name) ?? '';
    const isHash = /^[$./0-9A-Za-z_]/.test(hash);
    return [{ name, hash: isHash ? `{CRYPT}${hash}` : '', disabled: false, file: passwd.file, line, inert: [] }];
  });
}
