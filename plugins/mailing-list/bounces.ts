/** Whom a report says mail did not reach (RFC 3464), and how much is too much. */
import { parseFields, unfold } from '../../src/protocol/mime/header.ts';
import type { Member } from './members.ts';
import { first, type Message } from './message.ts';

export interface Failure {
  /** As reported: the address that was sent to comes first. */
  readonly recipients: readonly string[];
  readonly isHard: boolean;
}

const MOST_FAILURES = 100;
const LONGEST_REPORT = 256 * 1024;

/** Nothing where the message is no report, or one of a delay. */
export function failuresOf(message: Message): readonly Failure[] {
  const type = first(message, 'content-type') ?? '';
  const boundary = /;\s*boundary="?([^\s";]{1,200})/i.exec(type)?.[1];
  if (boundary === undefined || !/^multipart\/report\b/i.test(type)) return [];
  const text = message.body.subarray(0, LONGEST_REPORT).toString('latin1');
  const report = text
    .split(`--${boundary}`)
    .find((part) => /^[^\r]*\r\n(?:[^\r\n]+\r\n)*?content-type:\s*message\/(?:global-)?delivery-status/i.test(part));
  const groups = (report ?? '').split('\r\n\r\n').slice(1, MOST_FAILURES + 2);
  return groups.flatMap((group) => {
    const fields = new Map(
      parseFields(`${group}\r\n`).map(({ name, value }) => [name.toLowerCase(), unfold(value).trim()]),
    );
    const recipients = ['original-recipient', 'final-recipient'].flatMap((name) => {
      const [, address] = /^(?:rfc822|utf-8)\s*;\s*<?([^\s<>;]{1,320})>?/i.exec(fields.get(name) ?? '') ?? [];
      return address === undefined ? [] : [address];
    });
    if (recipients.length === 0 || !/^failed\b/i.test(fields.get('action') ?? '')) return [];
    return [{ recipients, isHard: !/^4\./.test(fields.get('status') ?? '') }];
  });
}

export interface BounceRules {
  readonly most: number;
  /** Seconds. */
  readonly within: number;
  /** What a temporary failure weighs; a permanent one weighs 1. */
  readonly soft: number;
}

const DAY_MS = 86_400_000;

/** Of a day only the heaviest counts: many posts in an hour of trouble are one failure. Suspends where it is enough. */
export function bounced(member: Member, isHard: boolean, { rules, now }: { rules: BounceRules; now: number }): Member {
  const today = Math.floor(now / DAY_MS);
  const known = new Map((member.bounces ?? []).filter(([day]) => (today - day) * 86_400 < rules.within));
  known.set(today, Math.max(known.get(today) ?? 0, isHard ? 1 : rules.soft));
  const weight = [...known.values()].reduce((sum, one) => sum + one, 0);
  return { ...member, bounces: [...known], ...(weight >= rules.most ? { suspended: member.suspended ?? now } : {}) };
}
