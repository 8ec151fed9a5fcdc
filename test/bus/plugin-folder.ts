/** A folder of plugins for the loader, and what it says about them. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadPlugins, PluginFaults } from '../../src/bus/load.ts';
import type { LoadOptions } from '../../src/bus/load-options.ts';
import { temporaryFolder } from '../kit/folder.ts';
import { recordLog } from '../kit/log.ts';
import { parametersOf } from '../kit/parameters.ts';
import { memoryStates } from '../kit/states.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** From path to text. The test runner resolves modules itself, so `posthorn` is linked there. */
export function pluginFolder(files: Readonly<Record<string, string>>): string {
  const root = temporaryFolder('plugins');
  mkdirSync(join(root, 'node_modules'));
  symlinkSync(ROOT, join(root, 'node_modules/posthorn'));
  for (const [path, text] of Object.entries(files)) {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  return root;
}

export const plugin = (name: string, body: string, more = ''): string =>
  `import { definePlugin, deny, NEXT, noteKey, OK, reply, setting } from 'posthorn/plugin';\nexport default definePlugin({ name: '${name}', ${more} register(server) { ${body} } });\n`;

export function loadOptions(names: readonly string[], directory: string): LoadOptions & { readonly lines: string[] } {
  const { log, lines } = recordLog();
  return {
    names,
    directories: [join(directory, 'builtin'), join(directory, 'plugins')],
    ours: join(directory, 'plugins'),
    configDirectory: directory,
    server: {
      parameters: parametersOf({ myorigin: 'example.org', recipient_delimiter: '+' }),
    } as unknown as LoadOptions['server'],
    send: async () => 'SENT',
    http: async () => Promise.reject(new Error('no network')),
    states: memoryStates(),
    log,
    clock: () => 0,
    lines,
  };
}

/** One line each; the folder is DIR. */
export async function faultsOf(names: readonly string[], directory: string): Promise<readonly string[]> {
  const error: unknown = await loadPlugins(loadOptions(names, directory)).catch((thrown: unknown) => thrown);
  if (!(error instanceof PluginFaults)) throw new Error('expected PluginFaults');
  return error.message.split('\n').map((fault) => fault.replaceAll(directory, 'DIR').replace(/\?changed=\d+/g, ''));
}
