/** What differs between Haraka's outcome of a dialog and ours; replies that accept may be worded otherwise. */
import type { Outcome } from './pair.ts';

/** Results that Haraka itself writes, not a plugin. */
const CORE: ReadonlySet<string> = new Set([
  'local',
  'remote',
  'helo',
  'reset',
  'disconnect',
  'mail_from',
  'rcpt_to',
  'queue',
]);
/** Trace fields and what a mailbox has in front of a message: each server's own. */
const OWN_FIELDS: ReadonlySet<string> = new Set(['received', 'return-path', 'delivered-to', 'x-original-to']);
/** Of results: the same again as text, and what is measured. */
const UNCOMPARED: ReadonlySet<string> = new Set(['human', 'human_html', 'emit', 'time', 'duration', 'uuid']);

export function differences(haraka: Outcome, ours: Outcome, except: readonly string[] = []): string[] {
  const pairs = {
    replies: [haraka.replies.map(replyWords), ours.replies.map(replyWords)],
    results: [pluginResults(haraka.results), pluginResults(ours.results)],
    header: [fieldsOf(haraka.message), fieldsOf(ours.message)],
    recipients: [haraka.recipients.length > 0, ours.recipients.length > 0],
    // A mailbox gets a message once, whichever of its addresses it was for.
    recipient: [null, ours.recipients.find((one) => !haraka.recipients.includes(one)) ?? null],
    body: [bodyOf(haraka.message), bodyOf(ours.message)],
  };
  return Object.entries(pairs).flatMap(([what, [theirs, here]]) => {
    const [a, b] = [JSON.stringify(theirs), JSON.stringify(here)];
    return a === b || except.includes(what) ? [] : [`${what}: Haraka ${a}\n    ours   ${b}`];
  });
}

/** The code of a reply that accepts, or refuses a login; all of one that refuses, without what names the session. */
const replyWords = (reply: string): string =>
  /^(?:[23]|535)/.test(reply) ? reply.slice(0, 3) : reply.replaceAll(/[0-9A-F]{8}-[0-9A-F-]{27}(?:\.\d+)?/g, 'UUID');

function pluginResults(results: Outcome['results']): unknown {
  const plugins = Object.entries(results).filter(([name]) => !CORE.has(name));
  return sorted(Object.fromEntries(plugins));
}

/** Keys in order, without what is not compared. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value === 'string' && value.startsWith('/tmp/')) return '/tmp/…';
  // A time in seconds since 1970.
  if (typeof value === 'number' && value > 1e9) return 'a time';
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => !UNCOMPARED.has(key));
  return Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, one]) => [key, sorted(one)]));
}

function fieldsOf(message: string | null): readonly string[] | null {
  if (message === null) return null;
  const [header = ''] = message.split('\r\n\r\n', 1);
  const fields = header.replaceAll(/\r\n[ \t]+/g, ' ').split('\r\n');
  return fields.filter((field) => !OWN_FIELDS.has(field.split(':', 1).join('').toLowerCase()));
}

const bodyOf = (message: string | null): string | null =>
  message === null ? null : message.slice(message.indexOf('\r\n\r\n') + 4).trimEnd();
