/**
 * One step of rewriting a recipient, in Postfix's order: virtual aliases (cleanup), relocated (trivial-rewrite), aliases and a user's own forwarding (local). Aliases made by command apply beside those in files.
 *
 * A member that is the address itself is delivered: in virtual aliases the local aliases still apply to it, in local
 * aliases it is the mailbox (`root: root, redhat`). The caller expands the results again and also ends loops.
 */

import {
  deny,
  denySoft,
  type Expanded,
  type ExpansionSteps,
  NEXT,
  OK,
  reply,
  type Server,
  StoreUnavailableError,
  type Verdict,
} from '../../src/bus/plugin.ts';
import { messageOf } from '../../src/errors.ts';
import { type AddressKey, lookUp, mailboxKeys, userKeys } from '../../src/lookup/address-keys.ts';
import { localRewriting, type Rewrite } from '../../src/lookup/address-rewriting.ts';
import { completeAddress } from '../../src/lookup/complete-address.ts';
import { delimitersOf } from '../../src/lookup/delimiters.ts';
import type { AddressClass } from '../../src/lookup/domains.ts';
import { accountFinder, type FindAccount } from '../../src/lookup/find-account.ts';
import type { ListName } from '../../src/lookup/parameters.ts';
import type { LookupTable } from '../../src/lookup/table.ts';
import { type Address, addressKey, type Delimiters, domainOf, localPart } from '../../src/mail/address.ts';
import type { Recipient } from '../../src/mail/envelope.ts';
import type { LocalTarget } from '../../src/mail/local-target.ts';
import { type Member, parseMembers } from '../../src/protocol/members.ts';
import { Forwards } from './forward.ts';
import { IncludedFiles, UnreadableInclude } from './included-files.ts';

/** The replacement of a recipient; its other properties stay. */
type Replacement = Pick<Expanded, 'address' | 'final' | 'sender' | 'target' | 'refusal'>;

/** Where members are named (allow_mail_to_commands). */
type Place = 'alias' | 'forward' | 'include';

/** What the members of an alias or forwarding file have in common. */
interface List extends Pick<LocalTarget, 'user' | 'source'> {
  readonly place: Place;
  /** Of the recipient. */
  readonly address: string;
  readonly extension: string;
  readonly key: string;
  readonly included: IncludedFiles;
}

const RESTRICTED = {
  command: reply(550, '5.7.1', 'mail to command is restricted'),
  file: reply(550, '5.7.1', 'mail to file is restricted'),
};

export class Rewriter {
  readonly #server: Server;
  readonly #tables: Readonly<Record<'virtual' | 'relocated' | 'aliases', readonly LookupTable[]>>;
  /** The file of an alias table that is one, or is described by one. */
  readonly #aliasFiles: ReadonlyMap<LookupTable, string | null>;
  readonly #origin: string;
  readonly #rewrite: Rewrite;
  readonly #delimiters: Delimiters;
  readonly #propagate: ReadonlySet<string>;
  readonly #forwards: Forwards;
  readonly #findAccount: FindAccount;
  readonly #expandsOwner: boolean;
  /** Where commands and files may be named. */
  readonly #allowed: Readonly<Record<LocalTarget['kind'], ReadonlySet<string>>>;

  /** Throws if a table cannot be opened. */
  constructor(server: Server) {
    const { parameters } = server;
    const open = (name: ListName): readonly LookupTable[] =>
      parameters.list(name).map((table) => server.tables.open(table));
    this.#server = server;
    this.#tables = {
      virtual: open('virtual_alias_maps'),
      relocated: open('relocated_maps'),
      aliases: open('alias_maps'),
    };
    this.#aliasFiles = new Map(this.#tables.aliases.map((table) => [table, fileOf(table, server)]));
    this.#forwards = new Forwards(server);
    this.#findAccount = accountFinder(server);
    this.#expandsOwner = parameters.boolean('expand_owner_alias');
    this.#allowed = {
      command: new Set(parameters.list('allow_mail_to_commands')),
      file: new Set(parameters.list('allow_mail_to_files')),
    };
    this.#origin = parameters.string('myorigin');
    this.#rewrite = localRewriting(parameters);
    this.#delimiters = delimitersOf(parameters);
    this.#propagate = new Set(parameters.list('propagate_unmatched_extensions').map((name) => name.toLowerCase()));
  }

  /**
   * The `expand` hook. A table that cannot be read defers mail for this address only: counted as a
   * plugin failure, ten messages to one broken alias would open the circuit breaker (bus/circuit.ts) and defer
   * everyone's mail.
   */
  async step(recipient: Recipient, into: Expanded[], steps: ExpansionSteps): Promise<Verdict> {
    try {
      return await this.#step(recipient, into, steps);
    } catch (error) {
      into.length = 0;
      if (!(error instanceof StoreUnavailableError))
        this.#server.log.warn(
          { recipient: recipient.address },
          `<${recipient.address}>: cannot be expanded: ${messageOf(error)}`,
        );
      return denySoft(reply(451, '4.3.0', `<${recipient.address}>: Temporary lookup failure`));
    }
  }

  async #step(recipient: Recipient, into: Expanded[], steps: ExpansionSteps): Promise<Verdict> {
    const address = this.#rewrite(recipient.address);
    const domain = domainOf(address);
    const kind = await this.#server.domains.classify(domain);
    const local = kind === 'local';
    const keys = mailboxKeys(address, this.#delimiters, local || domain === this.#origin.toLowerCase());

    const virtual = steps.maps ? await this.#virtual(address, keys) : null;
    if (virtual?.some((member) => addressKey(member) !== addressKey(address))) {
      for (const member of virtual) {
        const itself =
          addressKey(member) === addressKey(address) && steps.aliases ? await this.#ownMembers(address, kind) : null;
        if (itself === null) into.push({ ...recipient, address: member, onCircle: 'refuse' });
        else for (const expanded of itself) into.push({ ...recipient, ...expanded });
      }
      return OK;
    }

    const resolved = await this.#server.domains.resolve(address);
    if (resolved !== address) return replace(into, [{ ...recipient, address: resolved, onCircle: 'keep' }]);

    if (!steps.aliases) return NEXT;
    const moved = await lookUp(this.#tables.relocated, keys);
    if (moved !== null) return deny(reply(550, '5.1.6', `User has moved to ${printable(moved.value)}`));

    const members = await this.#ownMembers(address, kind);
    if (members === null) return this.#postmaster(recipient, address, local, into);
    return replace(
      into,
      members.map((expanded) => ({ ...recipient, ...expanded })),
    );
  }

  async #virtual(address: string, keys: readonly AddressKey[]): Promise<readonly string[] | null> {
    const found = (await lookUp(this.#tables.virtual, keys)) ?? (await this.#byCommand(keys));
    if (found === null) return null;
    const extension = this.#propagate.has('virtual') ? found.key.extension : '';
    const members = parseMembers(found.value).flatMap((member) =>
      member.kind === 'address' ? [completeAddress(member.address, address, extension, this.#rewrite)] : [],
    );
    return members.length > 0 ? members : null;
  }

  /** Aliases in the directory, by full address or `@domain`. */
  async #byCommand(keys: readonly AddressKey[]): Promise<{ readonly value: string; readonly key: AddressKey } | null> {
    const aliases = await this.#server.directory.aliases();
    if (aliases.size === 0) return null;
    // A bare user is stored there with the server's domain.
    const known = (key: AddressKey): readonly string[] | undefined =>
      aliases.get(key.text.includes('@') ? key.text : `${key.text}@${this.#origin.toLowerCase()}`);
    const key = keys.find((candidate) => known(candidate) !== undefined);
    return key === undefined ? null : { key, value: (known(key) ?? []).join(', ') };
  }

  /** What replaces an address of our own; null if its mail is kept. */
  async #ownMembers(address: string, kind: AddressClass): Promise<Replacement[] | null> {
    if (kind === 'virtual_mailbox') return this.#forward(address, false);
    return kind === 'local' ? ((await this.#aliases(address)) ?? (await this.#forward(address, true))) : null;
  }

  /** The members of a local user's alias; null if there is none. */
  async #aliases(address: string): Promise<Replacement[] | null> {
    const keys = userKeys(address, this.#delimiters);
    const found = await lookUp(this.#tables.aliases, keys);
    if (found === null) return null;
    const extension = this.#propagate.has('alias') ? found.key.extension : '';
    const source = this.#aliasFiles.get(found.table) ?? null;
    const key = found.key.text;
    const list: List = {
      place: 'alias',
      user: null,
      source,
      address,
      extension,
      key,
      included: new IncludedFiles(key),
    };
    const members = await this.#gatherAll(parseMembers(found.value), list);
    const own = members.findIndex(
      (member) => member.final !== true && !isEnd(member) && addressKey(member.address) === addressKey(address),
    );
    const forward = own < 0 ? null : await this.#forward(address, true);
    if (forward !== null) members.splice(own, 1, ...forward);
    const sender = await this.#ownerOf(key);
    return sender === null ? members : members.map((member) => ({ ...member, sender }));
  }

  /** The sender of mail through an alias that has an owner (aliases(5)); null for none. */
  async #ownerOf(alias: string): Promise<Address | null> {
    const name = `owner-${alias}`;
    const found = await lookUp(this.#tables.aliases, [{ text: name, extension: '' }]);
    if (found === null) return null;
    const [only, ...others] = this.#expandsOwner ? parseMembers(found.value) : [];
    // Several cannot be one sender.
    return this.#rewrite(only?.kind === 'address' && others.length === 0 ? only.address : name);
  }

  /** Where mail is forwarded, by what the account says or else by a local user's file; null if it is kept. */
  async #forward(address: string, local: boolean): Promise<Replacement[] | null> {
    return (await this.#stored(address, local)) ?? (local ? this.#filed(address) : null);
  }

  /** Where the account of an address forwards mail (`posthorn user forward`, IMAP). */
  async #stored(address: string, local: boolean): Promise<Replacement[] | null> {
    const forwarding = (await this.#findAccount(address, local))?.forwarding;
    if (forwarding == null) return null;
    return [
      ...(forwarding.keep ? [{ address, final: true }] : []),
      ...forwarding.targets.map((to) => ({ address: to })),
    ];
  }

  async #filed(address: string): Promise<Replacement[] | null> {
    for (const { text: user, extension } of userKeys(address, this.#delimiters).toReversed()) {
      const { path, owner, members } = await this.#forwards.of(user, extension);
      if (members.length === 0) continue;
      const list: List = {
        place: 'forward',
        user: owner,
        source: path,
        address,
        extension: '',
        key: user,
        included: new IncludedFiles(user),
      };
      const into = await this.#gather(
        members.filter(({ kind }) => kind !== 'include'),
        list,
        0,
      );
      if (into.length > 0) return into;
    }
    return null;
  }

  /** All members, or none: one who gets the mail now would get it again with the others. */
  async #gatherAll(members: readonly Member[], list: List): Promise<Replacement[]> {
    try {
      return await this.#gather(members, list, 0);
    } catch (error) {
      if (!(error instanceof UnreadableInclude)) throw error;
      const { message } = error;
      this.#server.log.warn(
        { recipient: list.address },
        `<${list.address}>: alias ${list.key}: ${message}: mail waits`,
      );
      return [{ address: list.address, refusal: reply(451, '4.3.5', message) }];
    }
  }

  async #gather(members: readonly Member[], list: List, depth: number): Promise<Replacement[]> {
    const into: Replacement[] = [];
    for (const member of members) {
      switch (member.kind) {
        case 'address':
          into.push(this.#addressIn(member, list));
          break;
        case 'include': {
          const file = this.#server.resolvePath(member.path);
          const read = await list.included.read(member.path, file, depth);
          // Not spread: a call takes no hundred thousand arguments.
          for (const one of await this.#gather(read, { ...list, place: 'include', source: file }, depth + 1))
            into.push(one);
          break;
        }
        case 'command':
          into.push(this.#targetIn('command', member.command, list));
          break;
        case 'file':
          if (member.path !== '/dev/null') into.push(this.#targetIn('file', member.path, list));
      }
    }
    return into;
  }

  #addressIn(
    { address: name, final }: Member & { kind: 'address' },
    { address: own, extension, key }: List,
  ): Replacement {
    // The alias's own name is the mailbox, in whichever of our domains.
    const address = name.toLowerCase() === key ? own : completeAddress(name, own, extension, this.#rewrite);
    return final ? { address, final } : { address };
  }

  #targetIn(kind: LocalTarget['kind'], text: string, { place, address, user, source }: List): Replacement {
    return this.#allowed[kind].has(place)
      ? { address, target: { kind, text, user, source } }
      : { address, refusal: RESTRICTED[kind] };
  }

  /** RFC 5321 section 4.5.1: if postmaster has no alias or account, its mail goes to root. */
  async #postmaster(recipient: Recipient, address: string, local: boolean, into: Expanded[]): Promise<Verdict> {
    if (
      !local ||
      localPart(address).toLowerCase() !== 'postmaster' ||
      (await this.#server.directory.find(address)) !== null
    )
      return NEXT;
    if ((await this.#server.directory.find(`postmaster@${this.#origin}`)) !== null) return NEXT;
    return replace(into, [{ ...recipient, address: `root@${this.#origin}`, onCircle: 'keep' }]);
  }
}

const isEnd = ({ target, refusal }: Replacement): boolean => target !== undefined || refusal !== undefined;

function replace(into: Expanded[], recipients: readonly Expanded[]): Verdict {
  for (const one of recipients) into.push(one);
  return OK;
}

const printable = (text: string): string => text.replace(/[\0-\x1f\x7f]/g, '?').slice(0, 300);

function fileOf({ name }: LookupTable, server: Server): string | null {
  const path = name.slice(name.lastIndexOf(':') + 1);
  return path.startsWith('/') ? server.resolvePath(path) : null;
}
