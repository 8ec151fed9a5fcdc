/** The reply of a list, made from its template (default_rbl_reply, rbl_reply_maps). */
import { type Reply, reply } from '../../src/bus/plugin.ts';
import { expandTemplate } from '../../src/protocol/smtp/template.ts';

const LONGEST = 1500;

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
