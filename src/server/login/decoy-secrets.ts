/**
 * What is shown of logins without a stored secret, so that they look like others (RFC 5802 section 9): a salt that stays
 * the same for a name, over restarts and in each process.
 */
import { createHmac, randomBytes } from 'node:crypto';
import type { SecretScheme } from '../../protocol/sasl/mechanism.ts';
import type { PluginStates } from '../../store/plugin-states.ts';
import { SCRAM_ITERATIONS, SCRAM_SALT } from './password/scram.ts';
import type { Decoy } from './password/secret.ts';

export class DecoySecrets {
  readonly #read: () => Promise<string>;
  #key: string | null = null;

  /** `read`: the key of all processes; without it, one of this object. */
  constructor(read?: () => Promise<string>) {
    const own = randomBytes(32).toString('base64');
    this.#read = read ?? (async () => own);
  }

  /** `name`: the same for all spellings. Rejects as `read` does. */
  async of(scheme: SecretScheme, name: string): Promise<Decoy> {
    this.#key ??= await this.#read();
    const key = this.#key;
    const octets = (what: string): Buffer =>
      createHmac('sha512', key)
        .update(JSON.stringify([scheme, name, what]))
        .digest();
    if (scheme === 'CRAM-MD5')
      return { salt: Buffer.alloc(0), stored: octets('states').subarray(0, 32).toString('hex') };
    const length = scheme === 'SCRAM-SHA-1' ? 20 : 32;
    const salt = octets('salt').subarray(0, SCRAM_SALT);
    const keys = [salt, ...['stored', 'server'].map((what) => octets(what).subarray(0, length))];
    return { salt, stored: [SCRAM_ITERATIONS, ...keys.map((part) => part.toString('base64'))].join(',') };
  }
}

/** A room that is no plugin's. */
const PLACE = { plugin: 'sasl:decoys', key: 'salts of unknown logins' };

/** The key that all processes of a store share; made by the one that is first. Rejects if the store is away. */
export async function sharedDecoyKey(states: Pick<PluginStates, 'get' | 'put'>, now: number): Promise<string> {
  const known = await states.get(PLACE, now);
  if (known !== null) return known;
  const fresh = randomBytes(32).toString('base64');
  if (await states.put(PLACE, { before: null, value: fresh, expiresAt: null }, now)) return fresh;
  return (await states.get(PLACE, now)) ?? fresh;
}
