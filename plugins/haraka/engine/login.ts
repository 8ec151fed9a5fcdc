/** Asks Haraka's AUTH plugins about a password: those that inherit from `auth/auth_base` check one by themselves. */
import { firstLineOf } from '../../../src/errors.ts';
import type { Haraka, HarakaConnection, HarakaPlugin } from './haraka.ts';

interface Credentials {
  readonly login: string;
  readonly password: string;
}

type Check = (connection: HarakaConnection, user: string, password: string, done: (isRight: unknown) => void) => void;

export const passwordPlugins = ({ plugins }: Haraka): readonly HarakaPlugin[] =>
  Object.values(plugins.registered_plugins).filter(
    (plugin): plugin is HarakaPlugin => typeof plugin?.['check_plain_passwd'] === 'function',
  );

/** Null if no plugin checks passwords; otherwise the one that takes this one, or '' for none. */
export async function checkLogin(
  haraka: Haraka,
  connection: HarakaConnection,
  credentials: Credentials,
  onFailure: (failure: string) => void,
): Promise<string | null> {
  const asked = passwordPlugins(haraka);
  if (asked.length === 0) return null;
  for (const plugin of asked)
    try {
      if (await check(plugin, connection, credentials)) return plugin.name;
    } catch (error) {
      onFailure(`${plugin.name}: check_plain_passwd ${firstLineOf(error)}`);
    }
  return '';
}

function check(plugin: HarakaPlugin, connection: HarakaConnection, { login, password }: Credentials): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const { timeout } = plugin;
    const timer =
      timeout > 0
        ? setTimeout(() => reject(new Error(`gave no answer within ${timeout} s`)), timeout * 1000)
        : undefined;
    const done = (isRight: unknown): void => {
      clearTimeout(timer);
      resolve(isRight === true);
    };
    Reflect.apply(plugin['check_plain_passwd'] as Check, plugin, [connection, login, password, done]);
  });
}
