/** The filter before the queue (smtpd_proxy_filter) and how it is talked to, as main.cf says. */
import { resolve } from 'node:path';
import type { TraceSettings } from '../../../delivery/receive/trace.ts';
import { parseNexthop } from '../../../delivery/route/nexthop.ts';
import type { ParameterReader } from '../../../lookup/parameters.ts';
import { portNamesOf } from '../../../lookup/ports.ts';

export interface ProxySettings {
  /** As main.cf names it. */
  readonly name: string;
  readonly endpoint: { readonly host: string; readonly port: number } | { readonly path: string };
  readonly heloName: string;
  /** For connecting, for each reply, and for each piece of a message; ms. */
  readonly timeout: number;
  /** `smtpd_proxy_options = speed_adjust`: the filter is asked when the whole message is here. */
  readonly speedAdjust: boolean;
  readonly trace: TraceSettings;
}

/** Null if mail does not go through one. Throws for a port that is unknown. */
export function readProxySettings(parameters: ParameterReader): ProxySettings | null {
  const name = parameters.string('smtpd_proxy_filter');
  if (name === '') return null;
  return {
    name,
    endpoint: endpointOf(name, parameters),
    heloName: parameters.string('smtpd_proxy_ehlo'),
    timeout: parameters.time('smtpd_proxy_timeout'),
    speedAdjust: parameters.list('smtpd_proxy_options').includes('speed_adjust'),
    trace: {
      myhostname: parameters.string('myhostname'),
      mailName: parameters.string('mail_name'),
      appendedOrigin: '',
      tlsHeader: parameters.boolean('smtpd_tls_received_header'),
      loginHeader: parameters.boolean('smtpd_sasl_authenticated_header'),
      // The filter's mail gets no missing fields.
      undisclosed: '',
      fromFormat: 'standard',
    },
  };
}

function endpointOf(name: string, parameters: ParameterReader): ProxySettings['endpoint'] {
  const at = parseNexthop(name.replace(/^(?:inet:)?(?=:)/, 'localhost'), 'lmtp', portNamesOf(parameters));
  if (at?.socket != null) return { path: resolve(parameters.string('queue_directory'), at.socket) };
  if (at === null || at.port === null)
    throw new Error(`smtpd_proxy_filter = ${name}: expected host:port or unix:/path with a port that is known`);
  return { host: at.host, port: at.port };
}
