/** Imports a plugin's module, checks what it exports, and has it register: in the main thread, and in a worker. */
import { messageOf, stackOf } from '../errors.ts';
import { runningMark, whileRunning } from '../running.ts';
import type { Lending } from './lending.ts';
import { importLocated, type Located } from './locate.ts';
import type { Plugin } from './plugin.ts';
import { isThenable, LATE, within } from './settle.ts';

/** Limit for a plugin's import, and for its register(), ms: a start or reload waits for both. */
export const REGISTER_WITHIN = 60_000;

/** Rejects with an Error that says, as one sentence, why the plugin cannot be used. */
export async function importPlugin(located: Located): Promise<Plugin> {
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

function checkPlugin(module: { readonly default?: unknown }, path: string): Plugin {
  const found = module.default;
  const expected = 'expected `export default definePlugin({ name, register(server) { … } })`';
  if (found === undefined)
    throw new Error(
      `${path} has no default export (it exports ${Object.keys(module).join(', ') || 'nothing'}); ${expected}`,
    );
  if (typeof found !== 'object' || found === null)
    throw new Error(`the default export of ${path} is a ${typeof found}; ${expected}`);
  const plugin = found as Partial<Plugin>;
  if (typeof plugin.name !== 'string' || plugin.name === '')
    throw new Error(`the default export of ${path} has no name; ${expected}`);
  if (typeof plugin.register !== 'function')
    throw new Error(`the default export of ${path} has no register function; ${expected}`);
  if (plugin.onError !== undefined && plugin.onError !== 'defer' && plugin.onError !== 'pass')
    throw new Error(`the default export of ${path} has an onError that is neither 'defer' nor 'pass'`);
  return found as Plugin;
}

/** Returns the errors in what the plugin registered. Rejects with whatever register() throws. */
export async function registerPlugin(plugin: Plugin, lending: Lending): Promise<readonly string[]> {
  const mark = runningMark(plugin.name, 'register');
  const registering: unknown = whileRunning(mark, () => plugin.register(lending.server));
  if (isThenable(registering) && (await within(registering, REGISTER_WITHIN)) === LATE)
    throw new Error(`register() did not end within ${REGISTER_WITHIN / 1000} s`);
  return lending.end();
}
