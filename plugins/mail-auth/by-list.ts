/**
 * DMARC as RFC 7489 has it: a domain's organizational domain is by the public suffix list, and only it and the author's
 * domain are asked for a policy. RFC 9989 walks the tree instead; its walk comes to the same where the names between
 * have no record, and each organizational domain has one, if only an empty one.
 */
import { getDomain } from 'tldts';
import type { Resolve } from './work.ts';

const PREFIX = '_dmarc.';
/** Without `p` and `rua` it is no policy (RFC 9989 section 4.10.1). */
const EMPTY = [['v=DMARC1']];

const hasNone = (): Error => Object.assign(new Error('no record'), { code: 'ENOTFOUND' });

/** `author`: the domain of From, in lower case. */
export function byPublicSuffixList(resolve: Resolve, author: string): Resolve {
  return async (name, type) => {
    if (type !== 'TXT' || !name.startsWith(PREFIX)) return resolve(name, type);
    const domain = name.slice(PREFIX.length);
    const isOrganization = getDomain(domain, { allowPrivateDomains: true }) === domain;
    if (!isOrganization) {
      if (domain !== author) throw hasNone();
      return resolve(name, type);
    }
    try {
      const found = (await resolve(name, type)) as string[][];
      return found.some((text) => /^v[ \t]*=[ \t]*DMARC1/i.test(text.join('').trim())) ? found : EMPTY;
    } catch (error) {
      const { code } = error as { readonly code?: unknown };
      if (code === 'ENOTFOUND' || code === 'ENODATA') return EMPTY;
      throw error;
    }
  };
}
