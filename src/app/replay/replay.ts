/**
 * `posthorn plugin replay`: a plugin judges mail that is in mailboxes, on a bus of its own in the command's process. The
 * store is only read, also while a server writes it; what the plugin remembers and sends stays in this process.
 */
import { tmpdir } from 'node:os';
import { requireConfiguration } from '../../config/load.ts';
import { thisMachine } from '../../config/machine.ts';
import { messageOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Account } from '../../mail/account.ts';
import { addressKey, qualify } from '../../mail/address.ts';
import { EVERY_UID } from '../../maintenance/rows.ts';
import { nearest } from '../../nearest.ts';
import type { MessageRow } from '../../store/mailboxes.ts';
import type { StoreSource } from '../../store/source.ts';
import type { StoredMailbox } from '../../store/transfer.ts';
import { knownDirectory } from '../explain/command.ts';
import { hypotheticalReceiver } from '../explain/receiver.ts';
import { type Foundation, layFoundation } from '../foundation.ts';
import { LateParts } from '../late.ts';
import { mailStoreOf, openSource } from '../open-store.ts';
import { choosePrivileges } from '../privileges.ts';
import { readForStart } from '../read.ts';
import { makeResolver } from '../read-all.ts';
import { ask, type Said } from './ask.ts';
import { messageAt } from './message-at.ts';
import { ScratchStates } from './scratch-states.ts';

export interface ReplayCommand {
  readonly configDirectory: string;
  readonly dataDirectory: string;
  readonly plugin: string;
  /** Milliseconds since 1970 UTC: mail that came then or later. */
  readonly since: number;
  /** Null: all mailboxes. */
  readonly folder: string | null;
  /** Null: all accounts. */
  readonly account: string | null;
  readonly log: Log;
  /** `of`: messages of the mailboxes, whatever their age. */
  readonly progress: (done: number, of: number) => void;
}

export interface Difference extends Said {
  readonly account: string;
  /** Where it is now. */
  readonly folder: string;
  readonly uid: number;
  readonly subject: string;
  readonly from: string;
}

export interface ReplayReport {
  readonly plugin: string;
  readonly messages: number;
  /** Not judged: no Received field says how they came here. */
  readonly skipped: number;
  /** By what it said, the most frequent first. */
  readonly outcomes: readonly { readonly outcome: string; readonly messages: number; readonly elsewhere: number }[];
  readonly changes: readonly { readonly change: string; readonly messages: number }[];
  /** Of messages that would be somewhere else than they are, the first `MOST_SHOWN`. */
  readonly differences: readonly Difference[];
  /** Of all hooks together, for a message, ms. */
  readonly time: { readonly mean: number; readonly median: number; readonly p95: number; readonly most: number };
  /** Messages that it would have sent. */
  readonly sent: number;
  /** What it logged as a warning, and what could not be read; each text once. */
  readonly notes: readonly string[];
}

const MOST_SHOWN = 1_000;
const MOST_NOTES = 50;
/** Kinds of outcomes and changes that are told apart. */
const MOST_KINDS = 1_000;

/** Rejects with ConfigurationError, or with an Error for the operator. */
export async function runReplay(command: ReplayCommand): Promise<ReplayReport> {
  const { configuration } = await requireConfiguration({ directory: command.configDirectory, ...thisMachine() });
  const privileges = choosePrivileges(configuration);
  await using scope = new AsyncDisposableStack();
  const spec = mailStoreOf(configuration.parameters.string('mail_store'), command.dataDirectory);
  const { source, close } = await privileges.asOwner(() => openSource(spec, { log: command.log }));
  scope.defer(close);
  const accounts = await source.directory.list();
  const late = new LateParts();
  const directory = knownDirectory(late.directory, {
    accounts,
    aliases: await source.directory.aliases(),
    domains: await source.directory.domains(),
  });
  const states = new ScratchStates();
  late.openStore({ directory, pluginStates: states }, null);
  const result = new Result(command);
  const isWhole = await states.fill(source.pluginStates, command.plugin);
  if (!isWhole) result.note('it remembers more than 64 MB in the store: the rest is left out');
  /** Of the message that is judged: a plugin that asks for the time hears when it came. */
  let now = Date.now();
  const log = result.log;
  const { foundation } = await readForStart({
    configDirectory: command.configDirectory,
    dataDirectory: command.dataDirectory,
    layFoundation: (read) =>
      layFoundation(
        { ...read, plugins: [...new Set([...read.plugins, command.plugin])] },
        {
          directory,
          messages: late.messages,
          states,
          log,
          clock: () => now,
          resolver: makeResolver(read, 0, () => null),
          http: async () => {
            throw new Error('a replay sends no requests');
          },
        },
      ),
  });
  scope.use(foundation);
  privileges.drop();
  onlyThis(foundation, command.plugin);
  const parts = { foundation, directory, clock: () => now, temporaryFolder: tmpdir() };
  foundation.outbox.open({
    receiver: hypotheticalReceiver(parts, log, () => result.sent()),
    newQueueId: () => 'replay',
    sizeLimit: foundation.configuration.parameters.number('message_size_limit'),
  });
  const chosen = chosenFrom(accounts, command.account, foundation.configuration.parameters.string('myorigin'));
  const places = await placesOf(source, chosen, command.folder);
  const of = places.reduce((sum, { mailbox: { messages } }) => sum + messages, 0);
  const byAddress = new Map(accounts.map((one) => [one.address.toLowerCase(), one]));
  let done = 0;
  for (const { account, mailbox } of places)
    for await (const rows of source.mailboxes.rows(mailbox.id, EVERY_UID, {}))
      for (const row of rows) {
        done += 1;
        command.progress(done, of);
        if (row.internalDate < command.since) continue;
        now = row.internalDate;
        try {
          await judge({ source, foundation, account, mailbox, row, byAddress }, result);
        } catch (error) {
          result.note(`${account.address}, ${mailbox.name}, UID ${row.uid}: ${messageOf(error)}`);
        }
      }
  return result.report();
}

function onlyThis({ bus }: Foundation, plugin: string): void {
  if (bus.callOnly(plugin)) return;
  const names = bus.plugins.map(({ name }) => name);
  const meant = nearest(plugin, names);
  throw new Error(
    `no plugin calls itself ${plugin}${meant === undefined ? `; there are ${names.join(', ')}` : `; did you mean ${meant}?`}`,
  );
}

function chosenFrom(accounts: readonly Account[], given: string | null, domain: string): readonly Account[] {
  if (given === null) return accounts;
  const address = addressKey(qualify(given, domain));
  const found = accounts.filter((one) => one.address === address);
  if (found.length === 0) throw new Error(`there is no account ${address}; "posthorn user list" shows all`);
  return found;
}

interface Place {
  readonly account: Account;
  readonly mailbox: StoredMailbox;
}

async function placesOf(source: StoreSource, accounts: readonly Account[], folder: string | null): Promise<Place[]> {
  const places: Place[] = [];
  for (const account of accounts)
    for (const mailbox of await source.transfer.mailboxRecords(account.id))
      if (folder === null || mailbox.name === folder) places.push({ account, mailbox });
  if (places.length === 0)
    throw new Error(folder === null ? 'there are no mailboxes' : `no mailbox is called ${folder}`);
  return places;
}

interface Judged extends Place {
  readonly source: StoreSource;
  readonly foundation: Foundation;
  readonly row: MessageRow;
  readonly byAddress: ReadonlyMap<string, Account>;
}

async function judge({ source, foundation, account, mailbox, row, byAddress }: Judged, result: Result): Promise<void> {
  const message = await messageAt(source, account, row, (address) => byAddress.get(address.toLowerCase()) ?? null);
  if (message === null) {
    result.skip();
    return;
  }
  const began = performance.now();
  const said = await ask(message, foundation.bus, foundation.configuration.parameters);
  result.add(said, performance.now() - began, {
    account: account.address,
    folder: mailbox.name,
    uid: row.uid,
    subject: message.header.get('Subject') ?? '',
    from: message.envelope.reversePath,
  });
}

class Result {
  readonly log: Log;
  readonly #plugin: string;
  readonly #outcomes = new Map<string, { messages: number; elsewhere: number }>();
  readonly #changes = new Map<string, number>();
  readonly #differences: Difference[] = [];
  readonly #times: number[] = [];
  readonly #notes = new Set<string>();
  #skipped = 0;
  #sent = 0;

  constructor({ plugin }: Pick<ReplayCommand, 'plugin'>) {
    this.#plugin = plugin;
    const note = (_fields: object, text: string): void => this.note(text);
    this.log = { debug: () => {}, info: () => {}, warn: note, error: note, child: () => this.log };
  }

  note(text: string): void {
    if (this.#notes.size < MOST_NOTES) this.#notes.add(text);
  }

  skip(): void {
    this.#skipped += 1;
  }

  sent(): void {
    this.#sent += 1;
  }

  add(said: Said, ms: number, where: Omit<Difference, keyof Said>): void {
    this.#times.push(ms);
    const isElsewhere = said.outcome !== 'no opinion' && said.mailbox !== where.folder;
    const kind = this.#outcomes.size < MOST_KINDS ? said.outcome : 'others';
    const { messages, elsewhere } = this.#outcomes.get(kind) ?? { messages: 0, elsewhere: 0 };
    this.#outcomes.set(kind, { messages: messages + 1, elsewhere: elsewhere + (isElsewhere ? 1 : 0) });
    for (const change of new Set(said.changes))
      if (this.#changes.has(change) || this.#changes.size < MOST_KINDS)
        this.#changes.set(change, (this.#changes.get(change) ?? 0) + 1);
    if (isElsewhere && this.#differences.length < MOST_SHOWN) this.#differences.push({ ...where, ...said });
  }

  report(): ReplayReport {
    const times = Float64Array.from(this.#times).sort();
    const at = (part: number): number => times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0;
    return {
      plugin: this.#plugin,
      messages: times.length,
      skipped: this.#skipped,
      outcomes: [...this.#outcomes]
        .map(([outcome, counts]) => ({ outcome, ...counts }))
        .sort((a, b) => b.messages - a.messages),
      changes: [...this.#changes]
        .map(([change, messages]) => ({ change, messages }))
        .sort((a, b) => b.messages - a.messages),
      differences: this.#differences,
      time: {
        mean: times.length === 0 ? 0 : times.reduce((sum, ms) => sum + ms, 0) / times.length,
        median: at(0.5),
        p95: at(0.95),
        most: times.at(-1) ?? 0,
      },
      sent: this.#sent,
      notes: [...this.#notes],
    };
  }
}
