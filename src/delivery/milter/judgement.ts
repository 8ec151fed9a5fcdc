/** What a milter wants of a command or message. */
import { type Reply, reply } from '../../mail/status.ts';
import type { DefaultAction } from '../../protocol/milter/specification.ts';

export type Judgement =
  /** 421 ends the session. */
  { readonly kind: 'refuse'; readonly reply: Reply } | { readonly kind: 'discard' } | { readonly kind: 'hold' };

const refuse = (code: number, enhanced: string, text: string): Judgement => ({
  kind: 'refuse',
  reply: reply(code, enhanced, text),
});

export const REJECT = refuse(550, '5.7.1', 'Command rejected');
export const TEMPFAIL = refuse(451, '4.7.1', 'Service unavailable - try again later');
export const SHUTDOWN = refuse(421, '4.7.0', 'Server closing connection');
export const DISCARD: Judgement = { kind: 'discard' };
export const HOLD: Judgement = { kind: 'hold' };

type Default = Readonly<Record<DefaultAction, Judgement | null>>;

/** milter_default_action: where a milter cannot be asked. */
export const UNREACHABLE: Default = {
  accept: null,
  reject: refuse(550, '5.5.0', 'Service unavailable'),
  tempfail: TEMPFAIL,
  quarantine: HOLD,
};
/** The same where it answers what it must not. */
export const MISCONFIGURED: Default = {
  ...UNREACHABLE,
  reject: refuse(550, '5.3.5', 'Server configuration problem'),
  tempfail: refuse(451, '4.3.5', 'Server configuration problem - try again later'),
};

const LINE = /^([45])(\d\d)[ -](\1\.\d{1,3}\.\d{1,3})(?: (.*))?$/;

/** A reply that a milter words: `550 5.7.1 text`, of several lines perhaps. Undefined if it is not one. */
export function parseReply(text: string): Judgement | undefined {
  const lines = text
    .replaceAll('%%', '%')
    .replace(/\r?\n$/, '')
    .split(/\r?\n/)
    .map((line) => LINE.exec(line));
  const [first] = lines;
  if (first == null || lines.length > 100) return undefined;
  const [, kind = '', rest = '', enhanced = ''] = first;
  const words: string[] = [];
  for (const line of lines) {
    if (line === null || line[1] !== kind || line[2] !== rest) return undefined;
    words.push((line[4] ?? '').replace(/[\x00-\x08\x0a-\x1f\x7f]/g, '?').slice(0, 980));
  }
  return refuse(Number(kind + rest), enhanced, words.join('\n'));
}
