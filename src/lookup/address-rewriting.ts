/**
 * Addresses in standard form, as Postfix's trivial-rewrite(8) writes them: a source route goes, `site!user` and
 * `user%site` become `user@site` where nothing else names a domain, a domain is added where there is none, one without a
 * dot is completed, and a final dot goes. Linear in the length.
 */
import type { ParameterReader } from './parameters.ts';

/** Given and returned in the form of an envelope or header: local parts quoted where they must be. */
export type Rewrite = (address: string) => string;

interface RewritingRules {
  readonly swapsBangpath: boolean;
  readonly readsPercent: boolean;
  /** Added as `@origin`; '' leaves addresses without a domain alone. */
  readonly origin: string;
  /** Added as `.domain` to a domain without a dot; '' leaves those alone. */
  readonly domain: string;
}

/** Quoted strings, domain literals, what divides an address, and the rest. */
const TOKEN = /"(?:[^"\\]|\\.)*"?|\[(?:[^\]\\]|\\.)*\]?|[@!%:.]|(?:[^"[@!%:.\\]|\\.)+|\\/gsu;
/** `user.name@host.example` with nothing that rewriting or resolving changes: nearly every address. */
const PLAIN = /^[\w+=-]+(?:\.[\w+=-]+)*@[\w-]+(?:\.[\w-]+)+$/;

/** For addresses of the envelope, and of the headers of local clients (local_header_rewrite_clients). */
export const localRewriting = (parameters: ParameterReader): Rewrite =>
  rewritingBy(parameters, parameters.string('myorigin'), parameters.string('mydomain'));

/** For the headers of all other clients; null if they are left alone. */
export function remoteRewriting(parameters: ParameterReader): Rewrite | null {
  const domain = parameters.string('remote_header_rewrite_domain');
  return domain === '' ? null : rewritingBy(parameters, domain, domain);
}

function rewritingBy(parameters: ParameterReader, origin: string, domain: string): Rewrite {
  const rules: RewritingRules = {
    swapsBangpath: parameters.boolean('swap_bangpath'),
    readsPercent: parameters.boolean('allow_percent_hack'),
    origin: parameters.boolean('append_at_myorigin') ? origin : '',
    domain: parameters.boolean('append_dot_mydomain') ? domain : '',
  };
  return (address) => rewriteAddress(address, rules);
}

function rewriteAddress(address: string, rules: RewritingRules): string {
  if (isPlain(address) || address === '' || address === '""') return address;
  if (address === '@') return '';
  let tokens: readonly string[] = addressTokens(address);
  const colon = tokens[0] === '@' ? tokens.indexOf(':') : -1;
  if (colon > 0 && colon < tokens.length - 1) tokens = tokens.slice(colon + 1);
  if (!tokens.includes('@')) tokens = withDomain(tokens, rules);
  const at = tokens.lastIndexOf('@');
  const labels = tokens.slice(at + 1);
  if (rules.domain !== '' && at >= 0 && labels.length > 0 && !labels.includes('.') && !labels.some(isLiteral))
    tokens = [...tokens, '.', rules.domain];
  const before = tokens.at(-2);
  if (tokens.at(-1) === '.' && before !== undefined && before !== '.' && before !== '@') tokens = tokens.slice(0, -1);
  return tokens.join('');
}

export const isPlain = (address: string): boolean => PLAIN.test(address);

export const addressTokens = (address: string): string[] => address.match(TOKEN) ?? [];

const isLiteral = (token: string): boolean => token.startsWith('[');

function withDomain(tokens: readonly string[], rules: RewritingRules): readonly string[] {
  const bang = rules.swapsBangpath ? tokens.indexOf('!') : -1;
  if (bang >= 0) return [...tokens.slice(bang + 1), '@', ...tokens.slice(0, bang)];
  const percent = rules.readsPercent ? tokens.lastIndexOf('%') : -1;
  if (percent >= 0) return tokens.with(percent, '@');
  return rules.origin === '' ? tokens : [...tokens, '@', ...addressTokens(rules.origin)];
}
