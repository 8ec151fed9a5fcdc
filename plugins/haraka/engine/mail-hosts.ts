/** Hosts as plugins give them at `get_mx`, read as Haraka reads them: a text, a URL, an object, or a list of them. */
import type { Host } from '../messages.ts';
import type { Haraka, HarakaMx } from './haraka.ts';

/** What only Haraka's own outbound can do. */
const UNKNOWN: { readonly [K in keyof HarakaMx]?: string } = {
  path: 'a UNIX socket',
  using_lmtp: 'LMTP',
  auth_user: 'a login',
  bind: 'an address of its own',
};

/** Throws an Error that says what cannot be done here. */
export function mailHosts(given: unknown, Mx: Haraka['Mx']): readonly Host[] {
  const all = (Array.isArray(given) ? given : [given]).map((one: unknown) => new Mx(one as object));
  return all
    .toSorted((a, b) => a.priority - b.priority)
    .map((mx) => {
      for (const [field, what] of Object.entries(UNKNOWN))
        if (mx[field as keyof HarakaMx])
          throw new Error(`get_mx gave a host with ${what}, which is for Haraka's outbound alone`);
      const { exchange = '', port } = mx;
      return port === undefined ? { host: exchange } : { host: exchange, port: Number(port) };
    });
}
