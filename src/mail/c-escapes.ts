/** Texts of main.cf with the escapes of C: `\a \b \f \n \r \t \v \\`, and `\ddd` with up to three octal digits. */

const ESCAPE = /\\(?:([0-7]{1,3})|([abfnrtv]))|\\(.|$)/gs;
const NAMED: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** Octets, one per character; another character behind a backslash stands for itself. */
export const unescapeC = (text: string): string =>
  text.replace(ESCAPE, (_whole, octal?: string, named?: string, other?: string) =>
    octal !== undefined ? String.fromCharCode(Number.parseInt(octal, 8) & 0xff) : (NAMED[named ?? ''] ?? other ?? ''),
  );

const NAMES = new Map(Object.entries(NAMED).map(([name, character]) => [character, `\\${name}`]));

/** Octets as one line of printable ASCII. */
export const escapeC = (octets: Buffer): string =>
  octets
    .toString('latin1')
    .replace(
      /[^\x20-\x5b\x5d-\x7e]/g,
      (one) => NAMES.get(one) ?? (one === '\\' ? '\\\\' : `\\${one.charCodeAt(0).toString(8).padStart(3, '0')}`),
    );
