/**
 * The DKIM keys of our domains: `dkim/DOMAIN/SELECTOR.pem` in the data folder, a key pair for each algorithm, made when
 * it is first needed and readable by its owner only. The latest selector of an algorithm signs.
 *
 * A selector has the day on which its key was made, and the beginning of its hash: two machines that make a key for the
 * same domain publish two records.
 */
import { createHash } from 'node:crypto';
import { link, mkdir, open, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { isHostName } from '../../mail/host-name.ts';
import { KEY_TYPES, type KeyType, makeKey, publicPart } from '../../protocol/dkim/key.ts';
import type { SigningKey } from '../../protocol/dkim/sign.ts';
import { readKeyFile } from './key-file.ts';

const SELECTOR = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const MOST_KEYS = 100;
const MOST_DOMAINS = 100_000;

/** Where they are in the data folder. */
export const keyFolder = (dataFolder: string): string => join(dataFolder, 'dkim');

export class KeyFolder {
  readonly #folder: string;
  readonly #types: readonly KeyType[];
  readonly #known = new Map<string, Promise<readonly SigningKey[]>>();

  /** `types`: those that sign. */
  constructor(folder: string, types: readonly KeyType[] = KEY_TYPES) {
    this.#folder = folder;
    this.#types = types;
  }

  /** All of a domain, the latest first; none if it has none. Rejects with an Error that names the faulty file. */
  all(domain: string): Promise<readonly SigningKey[]> {
    return this.#read(domain);
  }

  /**
   * Those that sign: one for each type. `onMade` hears of those that had to be made. What was read is remembered.
   */
  async signing(domain: string, now: number, onMade: (made: SigningKey) => void): Promise<readonly SigningKey[]> {
    const known = this.#known.get(domain);
    if (known !== undefined) return known;
    if (this.#known.size >= MOST_DOMAINS) throw new Error(`more than ${MOST_DOMAINS} domains have keys`);
    const found = this.#complete(domain, now, onMade);
    this.#known.set(domain, found);
    // What failed is tried again.
    found.catch(() => this.#known.delete(domain));
    return found;
  }

  async #complete(domain: string, now: number, onMade: (made: SigningKey) => void): Promise<readonly SigningKey[]> {
    const keys: SigningKey[] = [];
    const known = await this.#read(domain);
    for (const type of this.#types) {
      const latest = known.find(({ key }) => key.asymmetricKeyType === type);
      keys.push(latest ?? (await this.#make(domain, type, now)));
      if (latest === undefined) onMade(keys.at(-1) as SigningKey);
    }
    return keys;
  }

  async #read(domain: string): Promise<readonly SigningKey[]> {
    if (!isHostName(domain)) return [];
    const folder = join(this.#folder, domain);
    const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    const selectors = names
      .filter((name) => name.endsWith('.pem'))
      .map((name) => name.slice(0, -'.pem'.length))
      .filter((name) => SELECTOR.test(name));
    if (selectors.length > MOST_KEYS) throw new Error(`${folder} has ${selectors.length} keys; at most ${MOST_KEYS}`);
    const keys: SigningKey[] = [];
    for (const selector of selectors.sort().reverse())
      keys.push({ domain, selector, key: await readKeyFile(join(folder, `${selector}.pem`)) });
    return keys;
  }

  /** Durable when it resolves: what it signs can be verified for as long as its record is published. */
  async #make(domain: string, type: KeyType, now: number): Promise<SigningKey> {
    if (!isHostName(domain)) throw new Error(`${JSON.stringify(domain)} is no name of a domain`);
    const key = await makeKey(type);
    const day = new Date(now).toISOString().slice(0, 10).replaceAll('-', '');
    const mark = createHash('sha256').update(publicPart(key)).digest('hex').slice(0, 6);
    const selector = `${type === 'rsa' ? 'rsa' : 'ed'}-${day}-${mark}`;
    const folder = join(this.#folder, domain);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, `${selector}.pem`);
    const draft = `${path}.${process.pid}`;
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(key.export({ type: 'pkcs8', format: 'pem' }));
      await file.sync();
    } finally {
      await file.close();
    }
    await link(draft, path);
    await unlink(draft);
    const directory = await open(folder, 'r');
    await directory.sync().finally(() => directory.close());
    return { domain, selector, key };
  }
}
