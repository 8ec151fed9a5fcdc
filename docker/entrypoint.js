// The image's command: a configuration volume that is empty gets the shipped files, then the server starts.
import { cpSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const config = process.env.POSTHORN_CONFIG;
if (readdirSync(config).length === 0) {
  cpSync(new URL('../config', import.meta.url), config, { recursive: true });
  // The image's own main.cf: it serves every interface, trusts none, and works as its own user.
  cpSync(new URL('./main.cf', import.meta.url), join(config, 'main.cf'));
}
if (!existsSync(join(config, 'main.cf'))) console.error(`${config} has no main.cf: the defaults are used`);
process.argv.splice(2, process.argv.length, 'start');
await import('../bin/posthorn.js');
