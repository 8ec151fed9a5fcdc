/** `plugins.d/haraka.json`, and where Haraka is. */
import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Server } from '../../src/bus/plugin.ts';
import type { LinkOptions } from './link.ts';

/** MiB of the plugins' process. */
const USUAL_MEMORY = 512;
const LEAST_MEMORY = 64;

/** Throws an Error that says what is wrong in which file. */
export function readSettings({ config, resolvePath, parameters }: Server): Pick<LinkOptions, 'settings' | 'memory'> {
  const { folder: name = 'haraka', plugins = null, memory = USUAL_MEMORY, nameservers = null, ...unknown } = config;
  const wrong = (what: string): Error => new Error(`plugins.d/haraka.json: ${what}`);
  const [other] = Object.keys(unknown);
  if (other !== undefined) throw wrong(`there is no setting ${other}; known are folder, plugins, nameservers, memory`);
  if (typeof name !== 'string') throw wrong('folder must be the name of a folder');
  if (!isList(plugins)) throw wrong('plugins must be a list of names, such as ["helo.checks", "karma"]');
  if (typeof memory !== 'number' || !(memory >= LEAST_MEMORY))
    throw wrong(`memory must be a number of MiB from ${LEAST_MEMORY}`);
  if (!isList(nameservers)) throw wrong('nameservers must be a list of addresses, such as ["192.0.2.53"]');
  const folder = resolvePath(name);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new Error(`there is no folder ${folder}; it holds Haraka's config/ and your own plugins/`);
  const list = join(folder, 'config', 'plugins');
  if (plugins === null && statSync(list, { throwIfNoEntry: false }) === undefined)
    throw new Error(
      `no plugins are named: write their names to ${list}, one on a line, or to "plugins" of plugins.d/haraka.json`,
    );
  return {
    memory,
    settings: {
      package: packageOf(folder),
      folder,
      plugins,
      nameservers: nameservers ?? nameserversOf(resolvePath('/etc/resolv.conf')),
      host: parameters.string('myhostname'),
    },
  };
}

const isList = (value: unknown): value is readonly string[] | null =>
  value === null || (Array.isArray(value) && value.every((one) => typeof one === 'string' && one !== ''));

/** Of a configuration folder with a resolv.conf of its own; otherwise the system's are asked anyway. */
function nameserversOf(file: string): readonly string[] {
  if (file === '/etc/resolv.conf') return [];
  return [...readFileSync(file, 'utf8').matchAll(/^\s*nameserver\s+(\S+)/gm)].flatMap(([, server = '']) => server);
}

/** The package that is installed in the folder or in one above it, such as the configuration folder. */
function packageOf(folder: string): string {
  let file: string;
  try {
    file = createRequire(join(folder, 'package.json')).resolve('Haraka/package.json');
  } catch {
    throw new Error(`the package Haraka is not installed: run "npm install Haraka" in ${dirname(folder)}`);
  }
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string };
  if (!version.startsWith('3.')) throw new Error(`Haraka ${version} in ${dirname(file)}: version 3 is needed`);
  return dirname(file);
}
