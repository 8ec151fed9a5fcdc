/**
 * Templates of replies (postconf(5): default_rbl_reply, smtpd_reject_footer): `$name`, `${name}`, `${name?text}` if the
 * value is not empty, `${name:text}` if it is, `${name?{text}:{other}}`, `$$` for a dollar sign. A single pass: values
 * are never expanded again.
 */
import { unescapeC } from '../../mail/c-escapes.ts';

const VARIABLE = /\$(?:(\$)|([a-z_]+)|\{([a-z_]+)(?:([?:])((?:[^{}]|\{[^{}]*\})*))?\})/g;
/** `{text}` or `{text}:{other}`; anything else is the text itself. */
const BRANCHES = /^\{([^{}]*)\}(?::\{([^{}]*)\})?$/;

export function expandTemplate(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(
    VARIABLE,
    (_whole, dollar?: string, plain?: string, braced?: string, condition?: string, text?: string) => {
      if (dollar !== undefined) return dollar;
      const name = plain ?? braced ?? '';
      const value = Object.hasOwn(values, name) ? (values[name] ?? '') : '';
      if (condition === undefined) return value;
      const [, inner, other = ''] = BRANCHES.exec(text ?? '') ?? ['', text ?? ''];
      return expandTemplate((condition === '?') === (value !== '') ? inner : other, values);
    },
  );
}

/** smtpd_expansion_filter */
export const allowedCharacters = (filter: string): ReadonlySet<string> => new Set(unescapeC(filter));

/** What a client or another server determined, for a reply: `_` for each character that is not allowed. */
export function onlyAllowed(
  values: Readonly<Record<string, string>>,
  allowed: ReadonlySet<string>,
): Readonly<Record<string, string>> {
  const clean = (value: string): string => Array.from(value, (one) => (allowed.has(one) ? one : '_')).join('');
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, clean(value)]));
}
