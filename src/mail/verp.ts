/**
 * Variable envelope return paths (VERP_README): each recipient gets the message from a sender of its own, from
 * `list@origin` to `list+user=domain@origin`, so that a bounce says by its address of whom it is.
 */
import { type Address, localPart, unquoted } from './address.ts';
import { quoteLocalPart } from './local-part.ts';

export interface VerpRules {
  /** default_verp_delimiters */
  readonly defaults: string;
  /** verp_delimiter_filter: characters that may be delimiters. */
  readonly filter: string;
}

/** The two delimiters, '' standing for those that main.cf gives; null if they may not be. */
export function verpDelimiters(given: string, { defaults, filter }: VerpRules): string | null {
  const delimiters = given === '' ? defaults : given;
  const [first = '', second = '', ...more] = delimiters;
  const isValid =
    first !== '' && second !== '' && more.length === 0 && filter.includes(first) && filter.includes(second);
  return isValid ? delimiters : null;
}

/** `original`: the recipient as the sender knows it. The null sender stays as it is. */
export function verpSender(sender: Address, original: Address, delimiters: string): Address {
  if (sender === '') return '';
  const recipient = unquoted(original);
  const at = recipient.lastIndexOf('@');
  const name = at < 0 ? recipient : `${recipient.slice(0, at)}${delimiters.charAt(1)}${recipient.slice(at + 1)}`;
  const text = `${localPart(unquoted(sender))}${delimiters.charAt(0)}${name}`;
  const end = sender.lastIndexOf('@');
  return quoteLocalPart(text) + (end < 0 ? '' : sender.slice(end));
}
