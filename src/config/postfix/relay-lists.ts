/**
 * Reads a restriction list as it will be evaluated, to answer one question: which of its rules let relayed mail of an
 * unknown client pass before something refuses it (SMTPD_ACCESS_README).
 *
 * Errs on one side only: a rule that might permit is reported, even if it never will. Table contents are those of now;
 * a table that may change is reported as well.
 */
import { restrictionNames } from '../../lookup/restriction-names.ts';
import { splitTexts } from '../../lookup/split-list.ts';
import type { LookupTable, Tables } from '../../lookup/table.ts';
import { ownValue } from '../../own-value.ts';

/** Words that end a list before relayed mail of an unknown client is accepted; Postfix requires one of them. */
export const REFUSING: readonly string[] = [
  'reject_unauth_destination',
  'defer_unauth_destination',
  'reject',
  'defer',
  'defer_if_permit',
  'check_relay_domains',
];
const REFUSES: ReadonlySet<string> = new Set(REFUSING);

/** A rule that lets unknown clients pass. */
export interface OpenRule {
  /** The item of the list with its argument: `check_client_access hash:friends`. */
  readonly words: string;
  /** Its first word, to find the line. */
  readonly item: string;
  /** Whom it permits, for messages. */
  readonly whom: string;
  /** False: nobody now, but the table may change while the server runs. */
  readonly now: boolean;
}

export interface ListReading {
  /**
   * `refuses`: unknown clients are refused except by the rules. `open`: nothing refuses them. `permits`: a rule permits
   * everyone.
   */
  readonly end: 'refuses' | 'open' | 'permits';
  /** The rules before the end. */
  readonly rules: readonly OpenRule[];
  /** The rule that permits everyone, and the first of the words after it, which are never reached. */
  readonly permit: OpenRule | null;
  readonly ignored: string | null;
}

export interface ListContext {
  readonly tables: Tables;
  /** The words of a restriction class, or undefined. */
  classOf(name: string): readonly string[] | undefined;
  /** permit_mx_backup_networks has networks, and not all. */
  readonly hasBackupNetworks: boolean;
  /** For a plugin's restriction: whether the next word is its argument; undefined if no plugin defines the word. */
  takesArgument(name: string): boolean | undefined;
}

/** The effect of one rule on an unknown client. */
type Effect =
  | { readonly kind: 'nothing' | 'refuses' }
  | { readonly kind: 'permits'; readonly whom: string }
  | { readonly kind: 'opens'; readonly whom: string; readonly now: boolean; readonly refuses: boolean };

const NOTHING: Effect = { kind: 'nothing' };
const opens = (whom: string, now = true, refuses = false): Effect => ({ kind: 'opens', whom, now, refuses });

/** Values that a client may choose at will, to describe the tables that are looked up by them. */
const CLAIMS: Readonly<Record<string, string>> = {
  check_sender_access: '; anyone can use such a sender address',
  check_helo_access: '; anyone can send such a HELO name',
};

/** Keys that detect a table that permits everyone: clients that no real table contains. */
const PROBES: Readonly<Record<string, readonly (readonly (readonly string[])[])[]>> = {
  check_client_access: [
    ['198.51.100.23', '203.0.113.180', '8.8.4.4'].flatMap((ip) => [
      ['unknown', ip],
      ['host.stranger.invalid', ip],
    ]),
    ['2001:db8:1::23', '2a00:1450::5'].flatMap((ip) => [
      ['unknown', ip],
      ['host.stranger.invalid', ip],
    ]),
  ],
  check_helo_access: [[['stranger.invalid'], ['x7.example']]],
  check_sender_access: [[['x7@stranger.invalid'], ['someone@far.example']]],
  check_ccert_access: [],
  check_recipient_access: [[['x7@elsewhere.invalid'], ['someone@far.example']]],
};

const MOST_NAMED = 3;
const DEEPEST = 20;

/** `bareTable` is the check that a bare `type:table` means. */
export function readRelayList(words: readonly string[], bareTable: string, context: ListContext): ListReading {
  return walk(words, { context, bareTable, warnOnly: false, path: [] });
}

interface Frame {
  readonly context: ListContext;
  readonly bareTable: string;
  readonly warnOnly: boolean;
  /** The classes that led here. */
  readonly path: readonly string[];
}

function walk(words: readonly string[], frame: Frame): ListReading {
  const rules: OpenRule[] = [];
  let { warnOnly } = frame;
  for (let i = 0; i < words.length; i += 1) {
    const item = words[i] ?? '';
    if (item.toLowerCase() === 'warn_if_reject') {
      warnOnly = true;
      continue;
    }
    const bare = frame.bareTable !== '' && item.includes(':');
    const name = bare ? frame.bareTable : item;
    const takes = argumentOf(name, frame.context);
    if (takes && !bare) i += 1;
    const argument = takes ? (words[i] ?? '') : '';
    const effect = effectOf(name, argument, { ...frame, warnOnly });
    const rule = { words: argument === '' ? name : `${name} ${argument}`, item };
    if (effect.kind === 'permits')
      return {
        end: 'permits',
        rules,
        permit: { ...rule, whom: effect.whom, now: true },
        ignored: words[i + 1] ?? null,
      };
    if (effect.kind === 'opens') rules.push({ ...rule, whom: effect.whom, now: effect.now });
    if (effect.kind === 'refuses' || (effect.kind === 'opens' && effect.refuses))
      return { end: 'refuses', rules, permit: null, ignored: null };
    warnOnly = frame.warnOnly;
  }
  return { end: 'open', rules, permit: null, ignored: null };
}

function argumentOf(name: string, context: ListContext): boolean {
  const lower = name.toLowerCase();
  const known = ownValue(restrictionNames, lower);
  return known === undefined ? context.takesArgument(name) === true : known !== 'none' && known !== 'restriction';
}

function effectOf(word: string, argument: string, frame: Frame): Effect {
  const name = word.toLowerCase();
  if (REFUSES.has(name)) return frame.warnOnly ? NOTHING : { kind: 'refuses' };
  if (name === 'permit') return { kind: 'permits', whom: 'everybody' };
  if (name === 'permit_inet_interfaces') return opens('programs on this machine, and clients of a proxy on it');
  if (name === 'permit_tls_clientcerts') return opens('clients with a certificate of relay_clientcerts');
  if (name === 'permit_tls_all_clientcerts') return opens('clients with a certificate of smtpd_tls_CAfile or CApath');
  if (name === 'permit_mx_backup' && frame.context.hasBackupNetworks)
    return opens(
      'mail for domains whose MX records name this server behind one in permit_mx_backup_networks; whoever has a domain writes such records',
    );
  if (name === 'check_policy_service') return opens('clients that the policy service permits');
  if (Object.hasOwn(PROBES, name)) return tableEffect(name, argument, frame);
  // Restrictions that require a login never apply to an unknown client; none of the others permits relaying.
  if (Object.hasOwn(restrictionNames, name)) return NOTHING;
  if (frame.context.takesArgument(word) !== undefined) return opens("clients that a plugin's restriction permits");
  const list = frame.context.classOf(word);
  return list === undefined ? NOTHING : classEffect(list, word, frame);
}

function classEffect(list: readonly string[], name: string, frame: Frame): Effect {
  // A loop is a configuration error for every client: it lets nobody pass.
  if (frame.path.includes(name) || frame.path.length >= DEEPEST) return { kind: 'refuses' };
  const { end, rules, permit } = walk(list, { ...frame, path: [...frame.path, name] });
  if (permit !== null) return { kind: 'permits', whom: permit.whom };
  const refuses = end === 'refuses';
  if (rules.length === 0) return refuses ? { kind: 'refuses' } : NOTHING;
  const whom = rules.map((rule) => `${rule.words}: ${rule.whom}`).join('; ');
  return opens(
    whom,
    rules.some(({ now }) => now),
    refuses,
  );
}

function tableEffect(name: string, argument: string, frame: Frame): Effect {
  const table = openQuietly(argument, frame.context.tables);
  // Its error is reported elsewhere.
  if (table === null) return NOTHING;
  const claim = CLAIMS[name] ?? '';
  if (table.entries === undefined) return opens(`clients that the table permits${claim}`);
  if (permitsEverybody(name, table, frame)) return { kind: 'permits', whom: 'everybody' };
  const keys: string[] = [];
  let count = 0;
  // Large tables have few values.
  const known = new Map<string, boolean>();
  for (const [key, value] of table.entries()) {
    const permits = known.get(value) ?? permitOf(value, frame) !== 'no';
    known.set(value, permits);
    if (!permits) continue;
    count += 1;
    if (key !== '' && keys.length < MOST_NAMED) keys.push(key);
  }
  if (count === 0)
    return table.fixed === true ? NOTHING : opens(`clients that an OK in the table names${claim}`, false);
  if (keys.length === 0)
    return opens(
      `clients that ${count === 1 ? 'one pattern' : `${count} patterns`} of the table permit${count === 1 ? 's' : ''}${claim}`,
    );
  const more = count > keys.length ? ` and ${count - keys.length} more` : '';
  return opens(`${keys.join(', ')}${more}${claim}`);
}

function openQuietly(name: string, tables: Tables): LookupTable | null {
  try {
    return tables.open(name);
  } catch {
    return null;
  }
}

function permitsEverybody(name: string, table: LookupTable, frame: Frame): boolean {
  if (!table.wholeKeyOnly) return false;
  const permits = (keys: readonly string[]): boolean => {
    const found = keys.map((key) => table.get(key)).find((value) => value !== undefined);
    return typeof found === 'string' && permitOf(found, frame) === 'everybody';
  };
  return (PROBES[name] ?? []).some((family) => family.every(permits));
}

/** Whom the right side of an access table permits among clients that match its key (access(5)). */
function permitOf(value: string, frame: Frame): 'everybody' | 'some' | 'no' {
  const [, word = '', text = ''] = /^\s*(\S*)\s*(.*?)\s*$/s.exec(value) ?? [];
  const action = word.toUpperCase();
  if (action === 'OK' || action === 'RELAY') return 'everybody';
  if (/^\d+$/.test(word) && text === '') return 'everybody';
  if (ACTIONS.has(action) || /^[45]\d\d$/.test(word) || value.includes(':')) return 'no';
  if (frame.path.length >= DEEPEST) return 'no';
  const { end, rules } = walk(splitTexts(value), { ...frame, bareTable: '', path: [...frame.path, ''] });
  if (end === 'permits') return 'everybody';
  return rules.length > 0 ? 'some' : 'no';
}

/** Actions that never permit relaying. */
const ACTIONS: ReadonlySet<string> = new Set([
  'DUNNO',
  'REJECT',
  'DEFER',
  'DEFER_IF_PERMIT',
  'DEFER_IF_REJECT',
  'DISCARD',
  'HOLD',
  'FILTER',
  'REDIRECT',
  'BCC',
  'PREPEND',
  'INFO',
  'WARN',
]);
