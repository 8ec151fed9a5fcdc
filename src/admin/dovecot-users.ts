/** Under which names a Dovecot may know an account, and where it keeps that user's mail. */
import { join, resolve } from 'node:path';
import { type MailFields, mailFieldsOf } from '../config/account-file.ts';
import type { DovecotMail, UserSource } from '../config/dovecot/mail.ts';
import { expandPath, expandVariables, type UserValues } from '../config/dovecot/variables.ts';
import { readText } from '../config/folder.ts';
import { messageOf } from '../errors.ts';
import { domainOf, localPart } from '../mail/address.ts';

export interface DovecotUser extends UserValues {
  /** A location of its own instead of mail_location; '' for none. */
  readonly mail: string;
}

/** What stands in a path must be one name of it. */
const fits = (part: string): boolean => part !== '.' && part !== '..' && !/[/\x00]/.test(part);

export class DovecotUsers {
  readonly #mail: DovecotMail;
  readonly #root: string;
  readonly #domain: string;
  readonly #files = new Map<string, Map<string, MailFields> | null>();
  readonly #notes = new Set<string>();

  /** `root`: where absolute paths begin. `domain`: of users without one. */
  constructor(mail: DovecotMail, root: string, domain: string) {
    this.#mail = mail;
    this.#root = root;
    this.#domain = domain;
  }

  /** What cannot be read of where users are said. */
  get notes(): readonly string[] {
    return [...this.#notes];
  }

  /** The most likely first. Empty where no userdb has a row of this account. Throws for an unknown variable. */
  of(address: string): DovecotUser[] {
    const found = new Map<string, DovecotUser>();
    const bare = domainOf(address) === this.#domain ? [localPart(address)] : [];
    for (const given of [address, ...bare]) {
      const name = expandVariables(this.#mail.usernameFormat, { user: given, home: null });
      if (![name, localPart(name), domainOf(name)].every(fits)) continue;
      for (const source of this.#sources()) {
        const user = this.#userOf(name, source);
        if (user !== null && !found.has(name)) found.set(name, user);
      }
    }
    return [...found.values()];
  }

  /** Users that files name, as addresses. */
  listed(): string[] {
    const names = this.#sources().flatMap(({ file }) =>
      file === '' || file.includes('%') ? [] : [...(this.#rows(file)?.keys() ?? [])],
    );
    return [...new Set(names)].filter(fits).map((name) => (name.includes('@') ? name : `${name}@${this.#domain}`));
  }

  #sources(): readonly UserSource[] {
    const known = this.#mail.sources.filter(({ driver, file, home, mail, place }) => {
      const isKnown = driver === 'static' || file !== '' || home !== '' || mail !== '';
      if (!isKnown) this.#notes.add(`${place}: userdb ${driver} is not read; --location says where mail is instead`);
      return isKnown;
    });
    return known.length > 0 ? known : [{ driver: 'static', file: '', home: '', mail: '', place: '' }];
  }

  #userOf(user: string, { file, home, mail }: UserSource): DovecotUser | null {
    const bare: UserValues = { user, home: null };
    const row = file === '' ? undefined : this.#rows(expandVariables(file, bare))?.get(user);
    if (file !== '' && row === undefined) return null;
    const where = row?.home || home || this.#mail.home;
    return { user, home: where === '' ? null : expandPath(where, bare), mail: row?.mail || mail };
  }

  #rows(file: string): Map<string, MailFields> | null {
    const known = this.#files.get(file);
    if (known !== undefined) return known;
    const rows = this.#read(file);
    this.#files.set(file, rows);
    return rows;
  }

  #read(file: string): Map<string, MailFields> | null {
    const path = resolve(join(this.#root, file));
    try {
      const text = readText(path);
      if (text === undefined) this.#notes.add(`${path}: there is no such file; the users that it names are not known`);
      return text === undefined ? null : mailFieldsOf(text);
    } catch (error) {
      this.#notes.add(messageOf(error));
      return null;
    }
  }
}
