/** Where one user's mail is by the configuration of a Dovecot, opened. */
import { dirname, join } from 'node:path';
import { type MailLocation, parseLocation } from '../config/dovecot/location.ts';
import type { DovecotMail, MailNamespace, Placed } from '../config/dovecot/mail.ts';
import { expandPath, type UserValues } from '../config/dovecot/variables.ts';
import { messageOf } from '../errors.ts';
import type { FileMailbox, FileMailboxes, OnFault } from '../maintenance/mail-files/mailbox.ts';
import { openMaildir } from '../maintenance/mail-files/maildir.ts';
import { openMboxTree } from '../maintenance/mail-files/mbox-tree.ts';
import { trustedPath } from '../maintenance/mail-files/trusted-path.ts';
import type { DovecotUser } from './dovecot-users.ts';
import { OperationError } from './operation.ts';

interface Part {
  readonly format: 'maildir' | 'mbox';
  /** As expected, for people. */
  readonly path: string;
  /** Without symbolic links; null where there is nothing. */
  readonly real: string | null;
  readonly inbox: string | null;
  /** Names of its mailboxes begin with these levels. */
  readonly levels: readonly string[];
}

/** What there is of one user. */
export interface UserPlace {
  /** Where its INBOX is looked for. */
  readonly path: string;
  readonly format: Part['format'];
  /** Existing paths, without symbolic links; empty: it has no mail. */
  readonly real: readonly string[];
  open(onFault: OnFault): Promise<FileMailboxes>;
}

const DOVEADM =
  'what is not read here comes by "doveadm backup -u USER maildir:/srv/copy/USER" for each user, then --location "maildir:/srv/copy/%u"';

/** Where no separator is set, it is that of the format. */
const levelsOf = (name: string, separator: string): string[] =>
  name.split(separator === '' ? /[./]/ : separator).filter((level) => level !== '');

export class DovecotPlaces {
  readonly main: Placed | null;
  readonly #inbox: MailNamespace | undefined;
  readonly #others: readonly MailNamespace[];
  readonly #root: string;

  /** `override`: instead of every location of the configuration. */
  constructor({ namespaces, location }: DovecotMail, root: string, override: string | undefined) {
    const own = namespaces.filter(({ type }) => type === 'private');
    this.#root = root;
    this.#inbox = own.find(({ inbox }) => inbox) ?? own.find(({ prefix }) => prefix === '');
    this.main = override === undefined ? (this.#inbox?.location ?? location) : { value: override, place: '--location' };
    this.#others =
      override !== undefined
        ? []
        : own.filter((one) => one !== this.#inbox && one.location !== null && one.location.value !== this.main?.value);
  }

  /** Rejects with OperationError if its location cannot be read here, or its path not be said. */
  async of(user: DovecotUser): Promise<UserPlace> {
    const isOwn = user.mail !== '' && this.main?.place !== '--location' && (this.#inbox?.location ?? null) === null;
    const main = isOwn ? { value: user.mail, place: `the userdb's "mail" of ${user.user}` } : this.main;
    if (main === null)
      throw new OperationError('mail_location is not set, so Dovecot guesses; say it: --location maildir:~/Maildir');
    const first = await this.#part(main, user, []);
    const parts = [first];
    for (const { location, prefix, separator } of this.#others)
      if (location !== null) parts.push(await this.#part(location, user, levelsOf(prefix, separator)));
    const there = parts.filter(({ real, inbox }) => real !== null || inbox !== null);
    return {
      path: first.path,
      format: first.format,
      real: there.flatMap(({ real, inbox }) => [real, inbox].filter((path) => path !== null)),
      open: (onFault) => this.#open(there, onFault),
    };
  }

  async #part({ value, place }: Placed, user: UserValues, levels: readonly string[]): Promise<Part> {
    const location = parseLocation(value);
    if (typeof location === 'string') throw new OperationError(`${place}: ${location}; ${DOVEADM}`);
    try {
      return { ...(await this.#look(location, user)), levels };
    } catch (error) {
      throw new OperationError(`${place}: ${messageOf(error)}`, { cause: error });
    }
  }

  async #look(location: MailLocation, user: UserValues): Promise<Omit<Part, 'levels'>> {
    const { format } = location;
    const path = join(this.#root, expandPath(location.path, user));
    if (format === 'maildir') {
      const cur = await trustedPath(join(path, 'cur'));
      return { format, path, real: cur === null ? null : dirname(cur), inbox: null };
    }
    const real = await trustedPath(path);
    if (location.inbox === '') return { format, path, real, inbox: null };
    const inbox = join(this.#root, expandPath(location.inbox, user));
    return { format, path: `${inbox} and ${path}`, real, inbox: await trustedPath(inbox) };
  }

  async #open(parts: readonly Part[], onFault: OnFault): Promise<FileMailboxes> {
    const mailboxes: FileMailbox[] = [];
    const subscriptions: string[] = [];
    for (const { format, real, inbox, levels } of parts) {
      const files =
        format === 'maildir'
          ? await openMaildir(real ?? '', onFault)
          : await openMboxTree(real ?? '', inbox ?? '', onFault);
      const inside = (name: string): string => [...levels, name].join('/');
      mailboxes.push(...files.mailboxes.map((mailbox) => ({ ...mailbox, name: inside(mailbox.name) })));
      subscriptions.push(...files.subscriptions.map(inside));
    }
    const uses = this.#specialUses(mailboxes);
    return {
      mailboxes: mailboxes.map((mailbox) => ({ ...mailbox, specialUse: uses.get(mailbox.name) ?? '' })),
      subscriptions,
    };
  }

  /** Packaged files name two mailboxes for \Sent: the one with mail gets it, or the first. */
  #specialUses(mailboxes: readonly FileMailbox[]): Map<string, FileMailbox['specialUse']> {
    const { specialUses = [], separator = '' } = this.#inbox ?? {};
    const found = new Map<string, FileMailbox['specialUse']>();
    for (const [use, named] of Map.groupBy(specialUses, (one) => one.use)) {
      const names = named.map(({ name }) => levelsOf(name, separator).join('/'));
      const there = names.flatMap((name) => mailboxes.filter((mailbox) => mailbox.name === name));
      const chosen = there.find(({ expected }) => expected > 0) ?? there[0];
      if (chosen !== undefined && !found.has(chosen.name)) found.set(chosen.name, use);
    }
    return found;
  }

  /** What people see differently here, and what is not read. */
  static notes({ namespaces }: DovecotMail): string[] {
    return namespaces.flatMap(({ name, type, prefix, inbox }) => {
      if (type !== 'private') return [`namespace ${name}: mailboxes that users share (type = ${type}) are not brought`];
      return inbox && prefix !== ''
        ? [`namespace ${name}: what clients saw as "${prefix}NAME" is "NAME" here, for there is no prefix`]
        : [];
    });
  }
}
