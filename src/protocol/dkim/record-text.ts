/** A long text in a TXT record: strings of at most 255 octets, which readers join (RFC 6376 section 3.6.2.2). */

const LONGEST = 255;

/** As a master file writes them. `text`: printable US-ASCII. */
export const characterStrings = (text: string): string =>
  (text.match(new RegExp(`.{1,${LONGEST}}`, 'g')) ?? [''])
    .map((part) => `"${part.replace(/["\\]/g, '\\$&')}"`)
    .join(' ');
