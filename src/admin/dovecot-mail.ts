/** `posthorn import mail dovecot`: the mail of every account, from where a Dovecot's configuration says that it is. */
import { realpath } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { DovecotMail } from '../config/dovecot/mail.ts';
import { formatFault } from '../config/fault.ts';
import { readText } from '../config/folder.ts';
import { readDovecot } from '../config/read-files.ts';
import { messageOf } from '../errors.ts';
import type { Account } from '../mail/account.ts';
import { domainOf, qualify } from '../mail/address.ts';
import { importFiles } from '../maintenance/mail-files/import-account.ts';
import type { FileMailboxes, OnFault } from '../maintenance/mail-files/mailbox.ts';
import type { TransferReport } from '../maintenance/wildduck/report.ts';
import { domainName, ownAddress } from './addresses.ts';
import { DovecotPlaces, type UserPlace } from './dovecot-places.ts';
import { mailOfAnybody } from './dovecot-strangers.ts';
import { DovecotUsers } from './dovecot-users.ts';
import { alone, printable, unreadable } from './mail-files.ts';
import {
  type AdminServices,
  type Arguments,
  type Operation,
  OperationError,
  optionalText,
  text,
  texts,
} from './operation.ts';
import { refuseCopy, refuseServedDatabase } from './unserved.ts';

type Work = TransferReport & {
  readonly accounts: TransferReport['accounts'][number][];
  readonly problems: TransferReport['problems'][number][];
  readonly notes: string[];
};

/** Strangers that are named; the others are counted. */
const NAMED = 100;

class DovecotImport {
  readonly #services: AdminServices;
  readonly #users: DovecotUsers;
  readonly #places: DovecotPlaces;
  readonly #mail: DovecotMail;
  readonly #root: string;
  readonly #domain: string;
  /** Whose mail each path is. */
  readonly #claimed = new Map<string, string>();
  readonly #work: Work = { accounts: [], aliases: 0, problems: [], notes: [], notBrought: {} };

  constructor(services: AdminServices, given: Arguments) {
    const domain = optionalText(given, 'domain');
    this.#services = services;
    this.#root = resolve(optionalText(given, 'root') ?? '/');
    this.#domain = domain === undefined ? services.defaultDomain : domainName(domain);
    this.#mail = readMail(join(resolve(text(given, 'path')), 'dovecot.conf'));
    this.#users = new DovecotUsers(this.#mail, this.#root, this.#domain);
    this.#places = new DovecotPlaces(this.#mail, this.#root, optionalText(given, 'location'));
  }

  async run(accounts: readonly Account[], isAll: boolean): Promise<TransferReport> {
    const found: { readonly account: Account; readonly place: UserPlace }[] = [];
    // Where a path has only the name, it is that of the domain that names without one are in.
    const isFirst = ({ address }: Account): boolean => domainOf(address) === this.#domain;
    for (const account of [...accounts.filter(isFirst), ...accounts.filter((one) => !isFirst(one))]) {
      const place = await this.#find(account.address);
      if (place !== null) found.push({ account, place });
    }
    let done = 0;
    const of = await total(found.map(({ place }) => place));
    const onMessage = (): void => this.#services.progress(++done, of);
    for (const { account, place } of found) await this.#bring(account, place, onMessage);
    this.#work.notes.push(...DovecotPlaces.notes(this.#mail));
    if (isAll) await this.#tellStrangers();
    this.#work.notes.push(...this.#users.notes);
    return this.#work;
  }

  /** Null where there is no mail, or none that is brought, which has been told. */
  async #find(address: string): Promise<UserPlace | null> {
    const places: UserPlace[] = [];
    try {
      for (const user of this.#users.of(address)) places.push(await this.#places.of(user));
    } catch (error) {
      this.#problem(address, unreadable(this.#services, error) ?? messageOf(error));
      return null;
    }
    const place = places.find(({ real }) => real.length > 0);
    if (place === undefined) {
      const where = [...new Set(places.map(({ path }) => path))].join(', ');
      this.#note(`${address}: ${where === '' ? 'is no user in the files of its userdb' : `has no mail in ${where}`}`);
      return null;
    }
    const other = place.real.map((path) => this.#claimed.get(path)).find((owner) => owner !== undefined);
    if (other !== undefined) {
      this.#problem(address, `${place.path}: is the mail of ${other}; it was not brought a second time`);
      return null;
    }
    for (const path of place.real) this.#claimed.set(path, address);
    return place;
  }

  async #bring({ id, address }: Account, place: UserPlace, onMessage: () => void): Promise<void> {
    const onFault = this.#fault(address);
    let files: FileMailboxes;
    try {
      files = await place.open(onFault);
    } catch (error) {
      onFault(place.path, unreadable(this.#services, error) ?? messageOf(error));
      return;
    }
    const { store, server } = this.#services;
    const imported = await importFiles({ store, account: id, files, isServed: server !== null, onMessage, onFault });
    this.#work.accounts.push({ address, ...imported });
  }

  async #tellStrangers(): Promise<void> {
    const told: string[] = [];
    const seen = new Set<string>();
    for (const { path, address } of await this.#strangers()) {
      const real = await realpath(path).catch(() => path);
      if (this.#claimed.has(real) || seen.has(real)) continue;
      seen.add(real);
      const add = address === '' ? '' : `; "posthorn user add ${address}" makes it`;
      told.push(`${path}: mail without an account here${add}`);
    }
    for (const words of told.slice(0, NAMED)) this.#note(words);
    if (told.length > NAMED) this.#note(`${told.length - NAMED} more users there have mail and no account here`);
  }

  /** Users that files name, and what is where mail would be. Of accounts here all has been said already. */
  async #strangers(): Promise<{ readonly path: string; readonly address: string }[]> {
    const found: { readonly path: string; readonly address: string }[] = [];
    for (const listed of this.#users.listed()) {
      const places: UserPlace[] = [];
      try {
        for (const user of this.#users.of(listed)) places.push(await this.#places.of(user));
      } catch {
        // The same was said of an account, or there is none to say it of.
        continue;
      }
      for (const { real } of places) if (real[0] !== undefined) found.push({ path: real[0], address: listed });
    }
    const home = this.#mail.sources.find((source) => source.home !== '')?.home ?? this.#mail.home;
    const { main } = this.#places;
    const context = { home, root: this.#root, domain: this.#domain };
    const anywhere = main === null ? [] : await mailOfAnybody(main.value, context);
    const unknown = [];
    for (const one of [...found, ...anywhere]) if (!(await this.#isHere(one.address))) unknown.push(one);
    return unknown;
  }

  async #isHere(given: string): Promise<boolean> {
    if (given === '') return false;
    try {
      return (await this.#services.store.directory.find(ownAddress(this.#services, given))) !== null;
    } catch (error) {
      if (error instanceof OperationError) return false;
      throw error;
    }
  }

  #note(words: string): void {
    this.#work.notes.push(printable(words));
  }

  #problem(account: string, problem: string): void {
    this.#work.problems.push({ account, problem: printable(problem) });
  }

  #fault(account: string): OnFault {
    return (place, problem) => this.#problem(account, `${place}: ${problem}`);
  }
}

/** Messages of all, for the progress; 0 where a format does not say. */
async function total(places: readonly UserPlace[]): Promise<number> {
  if (places.some(({ format }) => format !== 'maildir')) return 0;
  let sum = 0;
  for (const place of places) {
    // What cannot be read is told when it is brought.
    const files = await place.open(() => {}).catch(() => null);
    for (const { expected } of files?.mailboxes ?? []) sum += expected;
  }
  return sum;
}

function readMail(file: string): DovecotMail {
  let conf: string | undefined;
  try {
    conf = readText(file);
  } catch (error) {
    throw new OperationError(messageOf(error), { cause: error });
  }
  if (conf === undefined) throw new OperationError(`${file}: there is no such file; name the folder of dovecot.conf`);
  const { dovecot, faults } = readDovecot(conf, file, [], () => {});
  // Those of a setting are about what is served, not about where mail is.
  const syntax = faults.find(({ parameter }) => parameter === undefined);
  if (syntax !== undefined) throw new OperationError(formatFault(syntax));
  return dovecot.mail;
}

async function chosen(services: AdminServices, users: readonly string[]): Promise<readonly Account[]> {
  const { directory } = services.store;
  if (users.length === 0) return directory.list();
  const accounts: Account[] = [];
  for (const user of new Set(users.map((name) => ownAddress(services, name)))) {
    const account = await directory.find(user);
    if (account === null) throw new OperationError(`there is no account ${user}; "posthorn user add ${user}" makes it`);
    accounts.push(account);
  }
  return accounts;
}

export const dovecotMailOperations: Readonly<Record<string, Operation>> = {
  'import.mail.dovecot': alone(async (services, given): Promise<TransferReport> => {
    await refuseServedDatabase(services);
    await refuseCopy(services);
    const users = texts(given, 'users').map((user) => qualify(user, services.defaultDomain));
    const accounts = await chosen(services, users);
    return new DovecotImport(services, given).run(accounts, users.length === 0);
  }),
};
