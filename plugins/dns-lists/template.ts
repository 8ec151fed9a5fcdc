/**
 * The reply's template (postconf(5), default_rbl_reply): `$name`, `${name}`, `${name?text}` if the value is not empty,
 * `${name:text}` if it is. A single pass: values are never expanded again.
 */
import { type Reply, reply } from '../../src/bus/plugin.ts';

const VARIABLE = /\$(?:([a-z_]+)|\{([a-z_]+)(?:([?:])((?:[^{}]|\{[^{}]*\})*))?\})/g;
const LONGEST = 1500;

/** @internal */
export function expandTemplate(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(VARIABLE, (_whole, plain?: string, braced?: string, condition?: string, text?: string) => {
    const name = plain ?? braced ?? '';
    const value = Object.hasOwn(values, name) ? (values[name] ?? '') : '';
    if (condition === undefined) return value;
    const wanted = (condition === '?') === (value !== '');
    return wanted ? expandTemplate((text ?? '').replace(/^\{(.*)\}$/s, '$1'), values) : '';
  });
}

/** `554 5.7.1 text` as a reply; a text without a code gets the given one. */
export function templateReply(template: string, code: number, values: Readonly<Record<string, string>>): Reply {
  const line = expandTemplate(template, values)
    .replace(/[\0-\x1f\x7f]/g, '?')
    .slice(0, LONGEST);
  const match = /^([45]\d\d)(?:\s+([45]\.\d{1,3}\.\d{1,3}))?\s+(.*)$/s.exec(line);
  const chosen = match === null ? code : Number(match[1]);
  const enhanced = `${Math.trunc(chosen / 100)}${(match?.[2] ?? '4.7.1').slice(1)}`;
  return reply(chosen, enhanced, match?.[3] ?? line);
}
