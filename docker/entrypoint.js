// The image's entry: a configuration volume that is empty gets the shipped files, then the command runs.
import { cpSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** The files that make a folder a configuration: whoever brought one of them decides alone. */
const DECISIVE = ['main.cf', 'master.cf', 'dovecot.conf', 'named.conf'];
const volume = process.env.POSTHORN_CONFIG;
const shipped = new URL('../config', import.meta.url).pathname;

if (process.argv[2] === 'start' && !DECISIVE.some((file) => existsSync(join(volume, file)))) {
  const copy = (wanted) => cpSync(shipped, volume, { recursive: true, filter: (path) => path === shipped || wanted(basename(path)) });
  // A first start that is cut short is a first start again: main.cf comes whole, and after what it names.
  copy((name) => !DECISIVE.includes(name));
  const main = join(volume, 'main.cf');
  writeFileSync(`${main}.new`, readFileSync(join(shipped, 'main.cf'), 'utf8') + readFileSync(new URL('./main.cf', import.meta.url), 'utf8'));
  renameSync(`${main}.new`, main);
  copy((name) => name !== 'main.cf');
}
await import('../bin/posthorn.js');
