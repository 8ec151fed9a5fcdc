/**
 * The extensions in a server's reply to EHLO or LHLO (RFC 5321 section 4.1.1.1), parsed as tolerantly as Postfix does.
 */
import { XFORWARD } from './client-attributes.ts';

export interface Capabilities {
  /** Keywords in upper case. */
  readonly extensions: ReadonlySet<string>;
  /** SIZE (RFC 1870); 0: no known limit. */
  readonly sizeLimit: number;
  /** SASL mechanisms in upper case, in the server's order. */
  readonly mechanisms: readonly string[];
  /** Attributes of XFORWARD in upper case. */
  readonly xforward: ReadonlySet<string>;
}

export const NO_CAPABILITIES: Capabilities = {
  extensions: new Set(),
  sizeLimit: 0,
  mechanisms: [],
  xforward: new Set(),
};

/** Further mechanisms are ignored. */
const MAX_MECHANISMS = 100;

/** `lines` include the codes, the greeting first. `ignored`: keywords in lower case (smtp_discard_ehlo_keywords). */
export function parseCapabilities(lines: readonly string[], ignored: ReadonlySet<string>): Capabilities {
  const extensions = new Set<string>();
  const mechanisms: string[] = [];
  const xforward = new Set<string>();
  let sizeLimit = 0;
  for (const line of lines.slice(1)) {
    // Some servers send `AUTH=LOGIN`, from an early draft.
    const [keyword = '', ...values] = line
      .replace(/^[- ]*[^- ]+[- ]*/, '')
      .split(/[ \t=]+/)
      .filter(Boolean);
    const name = keyword.toUpperCase();
    if (name === '' || ignored.has(keyword.toLowerCase())) continue;
    extensions.add(name);
    const size = Number(/^\d+$/.exec(values[0] ?? '')?.[0] ?? 0);
    if (name === 'SIZE' && Number.isSafeInteger(size)) sizeLimit = size;
    if (name === 'AUTH')
      for (const value of values) if (mechanisms.length < MAX_MECHANISMS) mechanisms.push(value.toUpperCase());
    if (name === 'XFORWARD')
      for (const value of values) if (Object.hasOwn(XFORWARD, value.toUpperCase())) xforward.add(value.toUpperCase());
  }
  return { extensions, sizeLimit, mechanisms, xforward };
}
