/** `plugins.d/dkim-sign.json`. */
import { setting } from '../../src/bus/plugin.ts';
import { isHostName } from '../../src/mail/host-name.ts';
import { KEY_TYPES, type KeyType } from '../../src/protocol/dkim/key.ts';

const PATH = { pattern: /^.{1,1000}$/, expected: 'the path of a file' } as const;

export const SETTINGS = {
  algorithms: setting.list<KeyType>(setting.oneOf(KEY_TYPES), { default: [...KEY_TYPES] }),
  also_domains: setting.list(setting.text(), { default: [], most: 100_000 }),
  also_clients: setting.list(setting.text(), { default: [], most: 10_000 }),
  opendkim: setting.optional(
    setting.object({
      key_table: setting.text(PATH),
      signing_table: setting.text(PATH),
      internal_hosts: setting.optional(setting.text(PATH)),
    }),
  ),
  threads: setting.number({ default: 1, min: 1, max: 16, whole: true }),
} as const;

/** Throws an Error that names the first that is none. */
export function checkDomains(names: readonly string[]): void {
  const odd = names.find((name) => !isHostName(name));
  if (odd !== undefined) throw new Error(`also_domains: ${JSON.stringify(odd)} is no name of a domain`);
}
