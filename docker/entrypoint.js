// The image's entry: a configuration volume that is empty gets the shipped files, then the command runs.
import { cpSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** The files that make a folder a configuration: whoever brought one of them decides alone. */
const DECISIVE = ['main.cf', 'master.cf', 'dovecot.conf', 'named.conf'];
const volume = process.env.POSTHORN_CONFIG;
const shipped = new URL('../config', import.meta.url).pathname;

/** EX_CANTCREAT of sysexits.h. */
const CANNOT_CREATE = 73;

function putShippedFiles() {
  const copy = (wanted) => cpSync(shipped, volume, { recursive: true, filter: (path) => path === shipped || wanted(basename(path)) });
  // A first start that is cut short is a first start again: main.cf comes whole, and after what it names.
  copy((name) => !DECISIVE.includes(name));
  const main = join(volume, 'main.cf');
  writeFileSync(`${main}.new`, readFileSync(join(shipped, 'main.cf'), 'utf8') + readFileSync(new URL('./main.cf', import.meta.url), 'utf8'));
  renameSync(`${main}.new`, main);
  copy((name) => name !== 'main.cf');
}

if (process.argv[2] === 'start' && !DECISIVE.some((file) => existsSync(join(volume, file)))) {
  try {
    putShippedFiles();
  } catch (error) {
    const user = process.getuid();
    console.error(
      `posthorn: ${volume} has no main.cf, and user ${user} cannot put the shipped one there (${error.code ?? error.message}); ` +
        (user === 0
          ? 'make the volume writable for the first start, or put your own main.cf into it'
          : `give the volume to that user (chown ${user}), put your own main.cf into it, or leave --user out: root binds the ports and then becomes posthorn`),
    );
    process.exit(CANNOT_CREATE);
  }
}
await import('../bin/posthorn.js');
