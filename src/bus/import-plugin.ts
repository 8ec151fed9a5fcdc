/** Imports a plugin's module, checks what it exports, and has it register: in the server, and in a worker. */
import { messageOf, stackOf } from '../errors.ts';
import { runningMark, whileRunning } from '../running.ts';
import type { ConfigSchema } from './configuration/schema.ts';
import type { Lending } from './lending.ts';
import { importLocated, type Located } from './locate.ts';
import type { Plugin } from './plugin.ts';
import { isThenable, LATE, within } from './settle.ts';

/** Limit for a plugin's import, and for its register(), ms: a start or reload waits for both. */
export const REGISTER_WITHIN = 60_000;

/** Whatever its configuration is. */
export type AnyPlugin = Plugin<ConfigSchema | undefined>;

/** Rejects with an Error that says, as one sentence, why the plugin cannot be used. */
export async function importPlugin(located: Located): Promise<AnyPlugin> {
  let module: { readonly default?: unknown };
  try {
    const imported = await within(importLocated(located), REGISTER_WITHIN);
    if (imported === LATE) throw new Error(`its top-level await did not end within ${REGISTER_WITHIN / 1000} s`);
    module = imported as typeof module;
  } catch (error) {
    const message = messageOf(error);
    throw new Error(`could not be imported from ${placeOf(error, located.path)}: ${message}${remedy(message)}`, {
      cause: error,
    });
  }
  return checkPlugin(module, located.path);
}

/** The file to show to the user, with the line if the stack contains it. */
function placeOf(error: unknown, path: string): string {
  const stack = stackOf(error);
  const found = stack.indexOf(path);
  const line =
    found < 0 ? null : /^(?:\?changed=\d+)?:(\d+)/.exec(stack.slice(found + path.length, found + path.length + 60));
  return line === null ? path : `${path}:${line[1]}`;
}

/** What to do where Node took a file for the other kind of module. */
const remedy = (message: string): string =>
  /outside a module|Unexpected token 'export'/.test(message)
    ? `; the package.json above it says "type": "commonjs": write "type": "module" there, or let the file's name end in .mjs`
    : '';

/** Its handlers are called `hook_mail` and the like, or it is one of the packages. */
const isHarakas = (found: object, path: string): boolean =>
  !('name' in found) && (/\/haraka-plugin-/.test(path) || Object.keys(found).some((key) => key.startsWith('hook_')));

function checkPlugin(module: { readonly default?: unknown }, path: string): AnyPlugin {
  const found = module.default;
  const expected = 'expected `export default definePlugin({ name, register(server) { … } })`';
  if (found === undefined)
    throw new Error(
      `${path} has no default export (it exports ${Object.keys(module).join(', ') || 'nothing'}); ${expected}`,
    );
  if (typeof found !== 'object' || found === null)
    throw new Error(`the default export of ${path} is a ${typeof found}; ${expected}`);
  const plugin = found as Partial<AnyPlugin>;
  if (isHarakas(found, path))
    throw new Error(
      `${path} is a plugin of Haraka: write its name to haraka/config/plugins, and haraka to this list (plugins/haraka/README.md)`,
    );
  if (typeof plugin.name !== 'string' || plugin.name === '')
    throw new Error(`the default export of ${path} has no name; ${expected}`);
  if (/[\s:\p{Cc}]/u.test(plugin.name))
    throw new Error(`the default export of ${path} has a name with a space or a colon: ${JSON.stringify(plugin.name)}`);
  if (typeof plugin.register !== 'function')
    throw new Error(`the default export of ${path} has no register function; ${expected}`);
  for (const key of ['after', 'before'] as const) {
    const names: unknown = plugin[key];
    if (names !== undefined && !(Array.isArray(names) && names.every((one) => typeof one === 'string')))
      throw new Error(`the default export of ${path} has names in ${key} that are no list of plugins' names`);
  }
  if (
    plugin.config !== undefined &&
    ((typeof plugin.config !== 'object' && typeof plugin.config !== 'function') || plugin.config === null)
  )
    throw new Error(
      `the default export of ${path} has a config that is no schema; expected { word: setting.text() }, or a schema`,
    );
  const { mailsAMinute } = plugin;
  if (mailsAMinute !== undefined && !(Number.isSafeInteger(mailsAMinute) && mailsAMinute > 0 && mailsAMinute <= 1e6))
    throw new Error(`the default export of ${path} has a mailsAMinute that is no number from 1 to 1000000`);
  if (plugin.onError !== undefined && plugin.onError !== 'defer' && plugin.onError !== 'pass')
    throw new Error(`the default export of ${path} has an onError that is neither 'defer' nor 'pass'`);
  return found as AnyPlugin;
}

/** Returns the errors in what the plugin registered. Rejects with whatever register() throws. */
export async function registerPlugin(plugin: AnyPlugin, lending: Lending): Promise<readonly string[]> {
  const mark = runningMark(plugin.name, 'register');
  const registering: unknown = whileRunning(mark, () => plugin.register(lending.server));
  if (isThenable(registering) && (await within(registering, REGISTER_WITHIN)) === LATE)
    throw new Error(`register() did not end within ${REGISTER_WITHIN / 1000} s`);
  return lending.end();
}
