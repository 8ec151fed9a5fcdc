/** What a Received field says about the client that a message came from, as Postfix and we write it. */
import { isIP } from 'node:net';

export interface ReceivedFrom {
  readonly helo: string;
  /** `unknown` where it had no confirmed name. */
  readonly name: string;
  readonly ip: string;
  readonly protocol: 'SMTP' | 'ESMTP' | 'LMTP';
  /** The cipher, where the connection was encrypted. */
  readonly tls: { readonly protocol: string; readonly cipher: string; readonly bits: number } | null;
  /** Where the client had logged in (smtpd_sasl_authenticated_header). */
  readonly login: string | null;
  /** '' where it is not said. */
  readonly queueId: string;
}

/** `value`: unfolded. Null where it does not say that it came from a client: it was submitted on the machine. */
export function receivedFrom(value: string): ReceivedFrom | null {
  const [, helo = '', name = '', address = ''] =
    /^from (\S{1,255}) \((\S{1,255}) \[(?:IPv6:)?([^\]]{1,45})\]\)/.exec(value) ?? [];
  if (isIP(address) === 0) return null;
  const [, utf8 = '', word = 'ESMTP'] = /\swith (UTF8)?(E?SMTP|LMTP)S?A?\b/.exec(value) ?? [];
  // RFC 6531 section 4.3: UTF8SMTP is an extended session.
  const protocol = utf8 !== '' && word === 'SMTP' ? 'ESMTP' : word;
  const [, version = '', cipher = '', bits = '0'] =
    /\(using (\S{1,40}) with cipher (\S{1,80}) \((\d{1,5})\/\d{1,5} bits\)/.exec(value) ?? [];
  return {
    helo,
    name,
    ip: address,
    protocol: protocol as ReceivedFrom['protocol'],
    tls: version === '' ? null : { protocol: version, cipher, bits: Number(bits) },
    login: /\(Authenticated sender: ([^)]{1,255})\)/.exec(value)?.[1] ?? null,
    queueId: /\sid ([\w-]{1,40})\b/.exec(value)?.[1] ?? '',
  };
}
