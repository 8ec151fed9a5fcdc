/**
 * Who may relay, determined from the restriction lists before anything starts: clients in `mynetworks`, authenticated
 * clients, and other clients permitted by a rule of the administrator. Each such rule is reported with file and line
 * and passed to its service as a permission; a rule not reported here never permits relaying (server/smtp/relay.ts).
 *
 * Errors, as in Postfix 3.7: no list contains a working restriction that refuses unknown clients. Also an error: a list
 * that lets everyone relay, which Postfix accepts if the refusal comes after `permit` in a class or a table.
 */
import type { Tables } from '../../lookup/table.ts';
import type { Service } from '../configuration.ts';
import { type Fault, uniqueFaults } from '../fault.ts';
import { everyoneIn } from './check-networks.ts';
import { RELAY_WITHOUT_LISTS } from './computed-defaults.ts';
import { type ListReading, REFUSING, readRelayList } from './relay-lists.ts';

/** The rules that permit relaying for unknown clients, by list. Such a client has to pass all of these lists. */
export type RelayRules = ReadonlyMap<string, ReadonlySet<string>>;

export interface RelayCheck {
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
  /** Rules that permit nobody at present, in tables that may change. */
  readonly notes: readonly Fault[];
  /** By the service's name. */
  readonly rules: ReadonlyMap<string, RelayRules>;
}

export interface RelayOptions {
  readonly tables: Tables;
  /** For a plugin's restriction: whether the next word is its argument; undefined if no plugin defines the word. */
  takesArgument(name: string): boolean | undefined;
}

const LISTS = ['smtpd_relay_restrictions', 'smtpd_recipient_restrictions'] as const;
type List = (typeof LISTS)[number];
const BOTH = LISTS.join(' or ');
const CURE = `smtpd_relay_restrictions = ${RELAY_WITHOUT_LISTS}`;

/** `file` is main.cf. */
export function checkRelay(services: readonly Service[], file: string, options: RelayOptions): RelayCheck {
  const faults: Fault[] = [];
  const warnings: Fault[] = [];
  const notes: Fault[] = [];
  const rules = new Map<string, RelayRules>();
  for (const service of services) {
    const lists = readLists(service, file, options);
    const closed = lists.filter(({ reading }) => reading.end === 'refuses');
    rules.set(
      service.name,
      new Map(closed.map(({ list, reading }) => [list, new Set(reading.rules.map(({ words }) => words))])),
    );
    if (closed.length === 0) faults.push(openRelay(lists, file));
    for (const { list, reading, at } of lists) {
      if (closed.length > 0 && reading.permit !== null && reading.ignored !== null)
        warnings.push({
          ...at(reading.permit.item),
          parameter: list,
          message: `"${reading.ignored}" stands after "${reading.permit.words}": it is never reached`,
        });
    }
    warnings.push(...idleBackup(service, lists, options.tables));
    if (isWithoutLists(service)) warnings.push(withoutLists(file));
    // If one of the lists lets no unknown client pass, the rules of the other have no effect.
    if (closed.some(({ reading }) => reading.rules.length === 0)) continue;
    for (const { list, reading, at } of closed) {
      for (const { words, item, whom, now } of reading.rules) {
        const place = { ...at(item), parameter: list };
        if (now)
          warnings.push({
            ...place,
            message: `lets these relay besides mynetworks and logged-in clients: ${words} (${whom})`,
          });
        else
          notes.push({
            ...place,
            message: `${words} would let strangers relay: ${whom}, before anything refuses them; nobody at present`,
          });
      }
    }
  }
  return { faults: uniqueFaults(faults), warnings: uniqueFaults(warnings), notes: uniqueFaults(notes), rules };
}

interface ReadList {
  readonly list: List;
  readonly reading: ListReading;
  /** The location of an item of the list. */
  at(item: string): { readonly file: string; readonly line: number };
}

function readLists(service: Service, file: string, options: RelayOptions): ReadList[] {
  const { parameters } = service;
  const classes = parameters.list('smtpd_restriction_classes');
  const context = {
    ...options,
    hasBackupNetworks: hasBackupNetworks(parameters, options.tables),
    classOf: (name: string) => (classes.includes(name) ? parameters.untyped.list(name) : undefined),
  };
  return LISTS.map((list) => ({
    list,
    reading: readRelayList(parameters.list(list), 'check_recipient_access', context),
    at: (item) => service.setAt(list, item) ?? { file, line: 0 },
  }));
}

const NETWORKS = 'permit_mx_backup_networks';

function hasBackupNetworks(parameters: Service['parameters'], tables: Tables): boolean {
  const networks = parameters.list(NETWORKS);
  return networks.length > 0 && everyoneIn(networks, tables) === undefined;
}

/** permit_mx_backup where nothing but the records of any domain would decide who relays. */
function idleBackup({ parameters }: Service, lists: readonly ReadList[], tables: Tables): Fault[] {
  if (hasBackupNetworks(parameters, tables)) return [];
  const everyone = everyoneIn(parameters.list(NETWORKS), tables);
  return lists.flatMap(({ list, at }) =>
    parameters
      .list(list)
      .filter((word) => word.toLowerCase() === 'permit_mx_backup')
      .map((word) => ({
        ...at(word),
        parameter: list,
        message: `permit_mx_backup permits our own destinations only: ${
          everyone === undefined ? `set ${NETWORKS} to` : `"${everyone}" in ${NETWORKS} matches everyone; list`
        } the networks of the primary mail servers, such as 192.0.2.0/28`,
      })),
  );
}

function openRelay(lists: readonly ReadList[], file: string): Fault {
  const permitting = lists.find(({ reading }) => reading.permit !== null);
  if (permitting !== undefined) {
    const { list, reading, at } = permitting;
    const { words, item } = reading.permit ?? { words: '', item: '' };
    const after = reading.ignored === null ? 'nothing refuses them' : `"${reading.ignored}" after it is never reached`;
    return {
      ...at(item),
      parameter: list,
      message: `"${words}" lets everybody relay, and ${after}; write instead: ${CURE}`,
    };
  }
  const set = lists.map(({ at }) => at('')).find(({ line }) => line > 0);
  return {
    ...(set ?? { file, line: 0 }),
    parameter: BOTH,
    message: `specify at least one working instance of: ${REFUSING.slice(0, -1).join(', ')} or ${REFUSING.at(-1)}; add the line: ${CURE}`,
  };
}

/** A main.cf from the time when the recipient list had a default of its own. */
const isWithoutLists = ({ parameters, setAt }: Service): boolean =>
  LISTS.every((list) => setAt(list, '') === undefined) &&
  parameters.list('smtpd_relay_restrictions').join(', ') === RELAY_WITHOUT_LISTS;

const withoutLists = (file: string): Fault => ({
  file,
  line: 0,
  parameter: BOTH,
  message: `not set: mynetworks and logged-in clients may relay, strangers are refused; to make this explicit, add the line: ${CURE}`,
});
