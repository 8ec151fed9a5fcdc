/** `posthorn import accounts`: accounts with the hashes that another server verified their passwords with. */
import { messageOf } from '../errors.ts';
import { clearTextOf, isWellFormed, schemeOf } from '../server/login/password.ts';
import { newAddress } from './accounts.ts';
import { ownAddress } from './addresses.ts';
import { type AdminServices, type Operation, OperationError } from './operation.ts';

interface Given {
  readonly name: string;
  readonly hash: string;
  readonly disabled: boolean;
}

/** What became of one account, in the order in which they were given. */
interface Outcome {
  readonly address: string;
  readonly state: 'added' | 'exists' | 'refused';
  readonly note: string;
}

export const accountImportOperations: Readonly<Record<string, Operation>> = {
  'import.accounts': async (services, given): Promise<readonly Outcome[]> => {
    const outcomes: Outcome[] = [];
    for (const account of givenAccounts(given['accounts'])) outcomes.push(await importOne(services, account));
    return outcomes;
  },
};

function givenAccounts(value: unknown): readonly Given[] {
  const isGiven = (item: unknown): item is Given => {
    const { name, hash, disabled } = (item ?? {}) as Record<string, unknown>;
    return typeof name === 'string' && typeof hash === 'string' && typeof disabled === 'boolean';
  };
  if (!Array.isArray(value) || !value.every(isGiven)) throw new OperationError('"accounts" must be a list of accounts');
  return value;
}

async function importOne(services: AdminServices, { name, hash, disabled }: Given): Promise<Outcome> {
  try {
    const address = ownAddress(services, name);
    // It may have got a new password here since.
    if ((await services.store.directory.find(address)) !== null) return { address, state: 'exists', note: '' };
    const { note: unserved } = await newAddress(services, name);
    const { passwordHash, note } = await verifiable(services, hash);
    const { id } = await services.store.directory.create({ address, passwordHash });
    if (disabled) await services.store.directory.update(id, { disabled });
    const notes = [unserved, note === '' ? undefined : `${note}: posthorn user passwd ${address}`];
    return { address, state: 'added', note: notes.filter((words) => words !== undefined).join('; ') };
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    return { address: name, state: 'refused', note: messageOf(error) };
  }
}

/** No hash where none can be verified here: then nobody logs in. It is never taken for a password. */
async function verifiable(
  services: AdminServices,
  hash: string,
): Promise<{ readonly passwordHash: string; readonly note: string }> {
  if (hash === '') return { passwordHash: '', note: 'had no password, and needs one to log in' };
  const clear = clearTextOf(hash);
  if (clear !== null && clear !== '') return { passwordHash: await services.hashPassword(clear), note: '' };
  if (isWellFormed(hash)) return { passwordHash: hash, note: '' };
  const why = schemeOf(hash) === '' || nameOf(hash) !== schemeOf(hash) ? 'cannot be verified here' : 'is incomplete';
  return { passwordHash: '', note: `needs a new password, for its ${nameOf(hash)} hash ${why}` };
}

/** Methods of crypt(3) by how a hash begins. */
const METHODS: readonly (readonly [RegExp, string])[] = [
  [/^\$y\$/, 'yescrypt'],
  [/^\$gy\$/, 'gost-yescrypt'],
  [/^\$7\$/, 'scrypt'],
  [/^\$1\$/, 'MD5-crypt'],
  [/^\$md5/, 'SunMD5'],
  [/^\$sha1\$/, 'SHA1-crypt'],
  [/^[./0-9A-Za-z]{13}$/, 'DES-crypt'],
];

function nameOf(stored: string): string {
  const [, scheme = '', hash = stored] = /^\{([^}]{1,40})\}(.*)$/s.exec(stored) ?? [];
  return METHODS.find(([start]) => start.test(hash))?.[1] ?? scheme.toUpperCase();
}
