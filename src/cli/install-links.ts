/**
 * `posthorn install-links DIR`: the commands of Postfix, Dovecot and BIND under their own names, as symbolic links to
 * `DIR/posthorn`. Where that is not there yet it is written as a script that says which Node, configuration and data
 * folder they use: programs that call `sendmail` know of none of them. Requirement P4.
 */
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { type Command, CommanderError } from 'commander';
import { userOf } from '../lookup/system-users.ts';
import { namedCommands } from './named/table.ts';
import { shellWord } from './output.ts';
import { type PlaceOptions, place, withPlace } from './place.ts';

const TARGET = 'posthorn';

export function addInstallLinksCommand(program: Command): void {
  withPlace(
    program
      .command('install-links <dir>')
      .description(
        'make the commands of Postfix, Dovecot and BIND (postmap, mailq, sendmail …) in a folder, as symbolic links',
      ),
  )
    .option('--force', 'replace files of those names that are not ours', false)
    .action((dir: string, options: PlaceOptions & { readonly force: boolean }) => {
      const folder = resolve(dir);
      mkdirSync(folder, { recursive: true });
      const script = join(folder, TARGET);
      if (lstatSync(script, { throwIfNoEntry: false }) === undefined) {
        writeFileSync(script, scriptText(place(options)));
        chmodSync(script, 0o755);
        console.log(`${script}: written`);
      }
      const kept = [...namedCommands.keys()].sort().filter((name) => !link(folder, name, options.force));
      for (const name of kept)
        console.error(`${join(folder, name)}: there is a file of this name already; --force replaces it`);
      console.log(`${folder}: ${namedCommands.size - kept.length} commands are links to ${TARGET}`);
      if (kept.length > 0) throw new CommanderError(1, 'posthorn.install-links', 'names are taken');
    });
}

/** False if another file has the name. */
function link(folder: string, name: string, force: boolean): boolean {
  const path = join(folder, name);
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there?.isSymbolicLink() === true && readlinkSync(path) === TARGET) return true;
  if (there !== undefined && (!force || there.isDirectory())) return false;
  rmSync(path, { force: true });
  symlinkSync(TARGET, path);
  return true;
}

/**
 * What root calls runs as the owner of the data folder, so that no file in it belongs to root. `sendmail` is what users
 * call, and must know who they are.
 */
function scriptText({ config, data }: PlaceOptions): string {
  const binary = realpathSync(process.argv[1] ?? '');
  const run = `${shellWord(process.execPath)} ${shellWord(binary)} "\${0##*/}" "$@"`;
  const owner = statSync(data, { throwIfNoEntry: false })?.uid ?? 0;
  const user = owner === 0 ? undefined : userOf(owner)?.name;
  return [
    '#!/bin/sh',
    '# Written by "posthorn install-links": Posthorn, and by symbolic links the commands of other mail programs.',
    `POSTHORN_CONFIG=\${POSTHORN_CONFIG:-${shellWord(config)}}`,
    `POSTHORN_DATA=\${POSTHORN_DATA:-${shellWord(data)}}`,
    'export POSTHORN_CONFIG POSTHORN_DATA',
    ...(user === undefined
      ? []
      : [`[ "$(id -u)" != 0 ] || [ "\${0##*/}" = sendmail ] || exec runuser -u ${shellWord(user)} -- ${run}`]),
    `exec ${run}`,
    '',
  ].join('\n');
}
