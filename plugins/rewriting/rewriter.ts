/**
 * One step of rewriting a recipient, in Postfix's order: virtual aliases (cleanup), relocated (trivial-rewrite), aliases and a user's own forwarding (local). Aliases made by command apply beside those in files.
 *
 * A member that is the address itself is delivered: in virtual aliases the local aliases still apply to it, in local
 * aliases it is the mailbox (`root: root, redhat`). The caller expands the results again and also ends loops.
 */

import { readFile, stat } from 'node:fs/promises';
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
import type { ListName } from '../../src/lookup/parameters.ts';
import type { LookupTable } from '../../src/lookup/table.ts';
import { addressKey, domainOf, localPart } from '../../src/mail/address.ts';
import type { Recipient } from '../../src/mail/envelope.ts';
import { Forwards } from './forward.ts';
import { type Member, parseInclude, parseMembers } from './members.ts';

/** Octets of an included file. */
const LONGEST_INCLUDE = 1024 * 1024;
const DEEPEST_INCLUDE = 10;

/** The replacement of a recipient; its other properties stay. */
type Target = Pick<Expanded, 'address' | 'final'>;

/** The result of a local alias: its members, and whether some could not be used. */
interface Members {
  readonly into: Target[];
  readonly refused: string[];
}

export class Rewriter {
  readonly #server: Server;
  readonly #tables: Readonly<Record<'virtual' | 'relocated' | 'aliases', readonly LookupTable[]>>;
  readonly #origin: string;
  readonly #rewrite: Rewrite;
  readonly #delimiters: string;
  readonly #propagate: ReadonlySet<string>;
  readonly #forwards: Forwards;

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
    this.#forwards = new Forwards(server);
    this.#origin = parameters.string('myorigin');
    this.#rewrite = localRewriting(parameters);
    this.#delimiters = parameters.string('recipient_delimiter');
    this.#propagate = new Set(parameters.list('propagate_unmatched_extensions').map((name) => name.toLowerCase()));
  }

  /**
   * The `expand` hook. A table or included file that cannot be read defers mail for this address only: counted as a
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
    const local = (await this.#server.domains.classify(domain)) === 'local';
    const keys = mailboxKeys(address, this.#delimiters, local || domain === this.#origin.toLowerCase());

    const virtual = steps.maps ? await this.#virtual(address, keys) : null;
    if (virtual?.some((member) => addressKey(member) !== addressKey(address))) {
      for (const member of virtual) {
        const itself =
          addressKey(member) === addressKey(address) && local && steps.aliases
            ? ((await this.#aliases(address)) ?? (await this.#forward(address)))
            : null;
        into.push(
          ...(itself === null
            ? [{ ...recipient, address: member, onCircle: 'refuse' as const }]
            : itself.into.map((expanded) => ({ ...recipient, ...expanded }))),
        );
      }
      return OK;
    }

    const resolved = await this.#server.domains.resolve(address);
    if (resolved !== address) return replace(into, [{ ...recipient, address: resolved, onCircle: 'keep' }]);

    if (!steps.aliases) return NEXT;
    const moved = await lookUp(this.#tables.relocated, keys);
    if (moved !== null) return deny(reply(550, '5.1.6', `User has moved to ${printable(moved.value)}`));

    const members = local ? ((await this.#aliases(address)) ?? (await this.#forward(address))) : null;
    if (members === null) return this.#postmaster(recipient, address, local, into);
    if (members.into.length === 0 && members.refused.length > 0)
      return deny(reply(550, '5.7.1', `mail to ${members.refused.join(' and ')} is not allowed here`));
    return replace(
      into,
      members.into.map((expanded) => ({ ...recipient, ...expanded })),
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

  /** The members of a local user's alias; null if there is none. */
  async #aliases(address: string): Promise<Members | null> {
    const keys = userKeys(address, this.#delimiters);
    const found = await lookUp(this.#tables.aliases, keys);
    if (found === null) return null;
    const members: Members = { into: [], refused: [] };
    const extension = this.#propagate.has('alias') ? found.key.extension : '';
    await this.#gather(parseMembers(found.value), { address, extension, key: found.key.text }, members, 0);
    const own = members.into.findIndex(
      (target) => target.final !== true && addressKey(target.address) === addressKey(address),
    );
    const forward = own < 0 ? null : await this.#forward(address);
    if (forward !== null) members.into.splice(own, 1, ...forward.into);
    return members;
  }

  /** Where a user's own file forwards mail; null if it is kept. */
  async #forward(address: string): Promise<Members | null> {
    for (const { text: user, extension } of userKeys(address, this.#delimiters).toReversed()) {
      const list = await this.#forwards.membersOf(user, extension);
      const members: Members = { into: [], refused: [] };
      await this.#gather(
        list.filter(({ kind }) => kind !== 'include'),
        { address, extension: '', key: user },
        members,
        0,
      );
      if (members.into.length > 0) return members;
    }
    return null;
  }

  async #gather(
    list: readonly Member[],
    alias: { readonly address: string; readonly extension: string; readonly key: string },
    into: Members,
    depth: number,
  ): Promise<void> {
    for (const member of list) {
      if (member.kind === 'address') {
        // The alias's own name is the mailbox, in whichever of our domains.
        const itself = member.address.toLowerCase() === alias.key;
        const address = itself
          ? alias.address
          : completeAddress(member.address, alias.address, alias.extension, this.#rewrite);
        into.into.push(member.final ? { address, final: true } : { address });
      } else if (member.kind === 'include') {
        await this.#gather(await this.#include(member.path, alias.key, depth), alias, into, depth + 1);
      } else if (member.kind === 'command' || member.path !== '/dev/null') {
        const what = member.kind === 'command' ? 'commands' : 'files';
        this.#server.log.warn(
          { alias: alias.key },
          `alias ${alias.key}: mail to ${what} is not allowed: this member is left out`,
        );
        if (!into.refused.includes(what)) into.refused.push(what);
      }
    }
  }

  async #include(path: string, alias: string, depth: number): Promise<readonly Member[]> {
    if (!path.startsWith('/')) throw new Error(`alias ${alias}: :include:${path} needs an absolute path`);
    if (depth >= DEEPEST_INCLUDE)
      throw new Error(`alias ${alias}: files are included more than ${DEEPEST_INCLUDE} deep`);
    const file = this.#server.resolvePath(path);
    if ((await stat(file)).size > LONGEST_INCLUDE)
      throw new Error(`alias ${alias}: ${file} is larger than ${LONGEST_INCLUDE} octets`);
    return parseInclude(await readFile(file, 'utf8'));
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

function replace(into: Expanded[], recipients: readonly Expanded[]): Verdict {
  into.push(...recipients);
  return OK;
}

const printable = (text: string): string => text.replace(/[\0-\x1f\x7f]/g, '?').slice(0, 300);
