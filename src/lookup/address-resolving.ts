/**
 * Where an address leads, as Postfix's trivial-rewrite(8) resolves it: while its domain is ours, the local part may name
 * another one (`user%site`, `site!user`, `user@site`), in quotes too. Access rules, address classes and deliveries see the
 * result; the envelope keeps what was given.
 */
import { type Address, localPart, unquoted } from '../mail/address.ts';
import { quoteLocalPart, unquoteLocalPart } from '../mail/local-part.ts';
import { addressTokens, isPlain, localRewriting, type Rewrite } from './address-rewriting.ts';
import type { ParameterReader } from './parameters.ts';

export interface ResolvingOptions {
  readonly parameters: ParameterReader;
  /** Whether mail for a domain or address literal ends here (mydestination and the like). */
  isLocal(domain: string): boolean | Promise<boolean>;
}

/** Domains of ours that are taken off one address. */
const MOST_DOMAINS = 50;
/** Who an address without a local part is. */
const NOBODY = 'MAILER-DAEMON';
const OPERATOR = /[@!%]/;

export class AddressResolver {
  readonly #options: ResolvingOptions;
  readonly #rewrite: Rewrite;
  readonly #operators: RegExp;
  readonly #dequotes: boolean;
  readonly #nullDomain: boolean;

  constructor(options: ResolvingOptions) {
    const { parameters } = options;
    this.#options = options;
    this.#rewrite = localRewriting(parameters);
    this.#dequotes = parameters.boolean('resolve_dequoted_address');
    this.#nullDomain = parameters.boolean('resolve_null_domain');
    const signs = ['@'];
    if (parameters.boolean('swap_bangpath')) signs.push('!');
    if (parameters.boolean('allow_percent_hack')) signs.push('%');
    this.#operators = new RegExp(`^[${signs.join('')}]$`);
  }

  /**
   * Ends with `@` if nothing stands behind it once our own domains are taken off: no mail can go there (`user@@ours`).
   * Rejects if a table cannot answer.
   */
  resolve(given: Address): Address | Promise<Address> {
    return given === '' || isPlain(given) ? given : this.#resolve(this.#rewrite(given));
  }

  async #resolve(address: Address): Promise<Address> {
    let tokens: readonly string[] = addressTokens(address);
    let saved: readonly string[] | null = null;
    for (let left = MOST_DOMAINS; left > 0; left -= 1) {
      const at = tokens.lastIndexOf('@');
      if (at >= 0) {
        const domain = tokens.slice(at + 1);
        if (domain.length === 0 && this.#nullDomain) {
          tokens = tokens.slice(0, at);
          continue;
        }
        if (domain.length > 0 && !(await this.#options.isLocal(domain.join('').toLowerCase()))) return tokens.join('');
        saved = domain;
        tokens = tokens.slice(0, at);
      }
      const opened = this.#opened(tokens);
      if (opened === null) break;
      tokens = addressTokens(this.#rewrite(opened));
    }
    if (tokens.length === 0 || (tokens.length === 1 && tokens[0] === '""')) tokens = [NOBODY];
    return [...tokens, '@', ...(saved ?? [this.#options.parameters.string('myhostname')])].join('');
  }

  /** The address in a local part; null if there is none. */
  #opened(tokens: readonly string[]): string | null {
    if (tokens.some((token) => this.#operators.test(token))) return tokens.join('');
    const [only] = tokens;
    if (!this.#dequotes || tokens.length !== 1 || only?.startsWith('"') !== true) return null;
    const text = unquoteLocalPart(only);
    const at = ['@', '%', '!'].find((sign) => this.#operators.test(sign) && text.includes(sign));
    if (at === undefined) return null;
    if (at === '!') return text;
    const end = text.lastIndexOf(at);
    return `${quoteLocalPart(text.slice(0, end))}@${text.slice(end + 1)}`;
  }
}

/** Whether a local part of a resolved address names another domain: mail that others might pass on. */
export function isRouted(address: Address): boolean {
  return !isPlain(address) && OPERATOR.test(localPart(unquoted(address)));
}
