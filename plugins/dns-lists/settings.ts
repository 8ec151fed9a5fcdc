/** `plugins.d/dns-lists.json`. */
import { setting } from '../../src/bus/plugin.ts';
import { parseZone } from './zone.ts';

/** What of a message a list can be asked about. */
export const SUBJECTS = ['client', 'client_name', 'helo', 'sender', 'uri'] as const;
export type SubjectName = (typeof SUBJECTS)[number];

/** From the mildest on. */
export const ACTIONS = ['score', 'tag', 'junk', 'reject'] as const;
export type Action = (typeof ACTIONS)[number];

const MOST_LISTS = 20;
const score = () => setting.optional(setting.number({ min: 0.01, max: 1_000 }));

export const SETTINGS = {
  lookupSeconds: setting.number({ default: 5, min: 0.01, max: 25 }),
  lists: setting.list(
    setting.object({
      zone: setting.text({
        pattern: /^[\w.-]+\.[\w-]+(?:=.+)?$/,
        expected: 'a list such as "zen.example" or "zen.example=127.0.0.[2..11]"',
      }),
      asks: setting.list<SubjectName>(setting.oneOf(SUBJECTS), { most: SUBJECTS.length }),
      action: setting.oneOf(ACTIONS, { default: 'score' }),
      weight: setting.number({ default: 1, min: -100, max: 100 }),
      addresses: setting.boolean({ default: true }),
    }),
    { default: [], most: MOST_LISTS },
  ),
  tag_at: score(),
  junk_at: score(),
  reject_at: score(),
  most_uris: setting.number({ default: 20, min: 1, max: 100, whole: true }),
  total: setting.duration({ default: 8, min: 1, max: 25 }),
  clients: setting.list(setting.text(), { default: [] }),
  recipients: setting.list(setting.text(), { default: ['postmaster@', 'abuse@'] }),
} as const;

/** With which URIBL and SURBL say that they do not answer; it is a listing where a pattern of answers names it. */
const REFUSAL = '127.0.0.1';

export interface ScoredList {
  readonly zone: string;
  /** Whether an answer is a listing: those of RFC 5782 section 2.1 are in 127.0.0.0/8. */
  readonly counts: (address: string) => boolean;
  readonly refuses: (address: string) => boolean;
  readonly asks: ReadonlySet<SubjectName>;
  readonly action: Action;
  readonly weight: number;
  /** It is also asked about addresses in URIs. */
  readonly addresses: boolean;
}

interface ListSetting extends Pick<ScoredList, 'zone' | 'action' | 'weight' | 'addresses'> {
  readonly asks: readonly SubjectName[];
}

/** Throws where a pattern of answers cannot be read, or it is asked about nothing. */
export function scoredList({ zone: text, asks, ...rest }: ListSetting): ScoredList {
  const zone = parseZone(text);
  if (zone === null)
    throw new Error(`lists: "${text}" is not a DNS list; expected zone.example or zone.example=127.0.0.[2..4]`);
  if (asks.length === 0) throw new Error(`lists: ${text}: asks is empty, expected some of ${SUBJECTS.join(', ')}`);
  const refuses = (address: string): boolean => address === REFUSAL && !text.includes('=');
  const counts = (address: string): boolean => address.startsWith('127.') && !refuses(address) && zone.counts(address);
  return { ...rest, zone: zone.name, counts, refuses, asks: new Set(asks) };
}
