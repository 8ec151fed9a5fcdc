/** The header with which SCRAM and OAUTHBEARER begin (RFC 5801 section 4): `n,a=maomao,`. */
import { decodeLogin } from './mechanism.ts';

export interface Gs2Header {
  /** `n`: the client cannot bind to the channel; `y`: it can, and believes that the server cannot; `p`: it does. */
  readonly flag: 'n' | 'y' | 'p';
  /** The type of channel binding, with `p`; '' otherwise. */
  readonly binding: string;
  /** The authorization identity; '' for none. */
  readonly authzid: string;
  /** The header's octets, with the comma that ends it. */
  readonly octets: Buffer;
}

/** `text` is latin1 of octets, of which the header is the start; null if it is malformed. */
export function parseGs2Header(text: string): Gs2Header | null {
  const [header, flags = '', binding = '', authzid = ''] =
    /^([ny]|p=([A-Za-z0-9.-]{1,50})),(?:a=([^,]*))?,/.exec(text) ?? [];
  const name = decodeSaslName(authzid);
  if (header === undefined || name === null) return null;
  const octets = Buffer.from(header, 'latin1');
  return { flag: flags.startsWith('p') ? 'p' : flags === 'y' ? 'y' : 'n', binding, authzid: name, octets };
}

/** A name in which `,` is `=2C` and `=` is `=3D` (RFC 5801 section 4); null if it is not. */
export function decodeSaslName(latin1: string): string | null {
  if (/=(?!2C|3D)/.test(latin1)) return null;
  return decodeLogin(Buffer.from(latin1.replaceAll('=2C', ',').replaceAll('=3D', '='), 'latin1'));
}
