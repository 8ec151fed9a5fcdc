/**
 * Postfix's grades of ciphers (TLS_README): each is an OpenSSL list of its own (tls_high_cipherlist and the others);
 * further parameters exclude single ciphers or kinds of them. As in Postfix, the ciphers of TLS 1.3 are always offered.
 */

/** The lists by grade, from `tls_<grade>_cipherlist`. */
export type CipherGrades = Readonly<Record<string, string>>;

const TLS13 = ['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256'];
/** Grades, not OpenSSL's security level, decide what is allowed; old versions of TLS need this. */
const ANY_LEVEL = '@SECLEVEL=0';

/** What was expected instead; undefined for a valid item of `*_exclude_ciphers`. */
export const exclusionFault = (item: string): string | undefined =>
  /^[!+\-@]/.test(item) ? 'expected the name of a cipher or of a kind of ciphers, without !, +, - or @' : undefined;

/** OpenSSL's list for a grade. Throws for an unknown grade and an invalid exclusion. */
export function cipherList(grade: string, grades: CipherGrades, exclusions: readonly string[]): string {
  const list = Object.hasOwn(grades, grade.toLowerCase()) ? grades[grade.toLowerCase()] : undefined;
  if (list === undefined)
    throw new Error(`invalid cipher grade: "${grade.slice(0, 40)}"; expected ${Object.keys(grades).join(', ')}`);
  const excluded = exclusions.map((item) => {
    const fault = exclusionFault(item);
    if (fault !== undefined) throw new Error(`"${item.slice(0, 40)}": ${fault}`);
    return `!${item}`;
  });
  return [...list.split(/[\s,:]+/), ...excluded, ...TLS13, ANY_LEVEL].join(':');
}
