/**
 * docs/tutorials.md as a test reads it: its tables and dialogs, and the site that they are about (baidu.com of the
 * exercise, with the zones of the third party).
 */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../interop/program.ts';
import { temporaryFolder } from './folder.ts';
import { LAB } from './lab.ts';
import { type Folders, runCommand } from './server.ts';

const PAGE = fileURLToPath(new URL('../../docs/tutorials.md', import.meta.url));

/** A row: the words in backticks of each cell, and the cell as it is written. */
export interface Row {
  readonly line: number;
  readonly cells: readonly { readonly text: string; readonly words: readonly string[] }[];
}

/** The rows of the table below a heading, without its head. */
export function rowsOf(heading: string): Row[] {
  const lines = readFileSync(PAGE, 'utf8').split('\n');
  const start = lines.indexOf(`## ${heading}`);
  if (start < 0) throw new Error(`docs/tutorials.md has no heading "${heading}"`);
  const next = lines.findIndex((line, at) => at > start && line.startsWith('## '));
  const end = next < 0 ? lines.length : next;
  return lines
    .map((text, at) => ({ text, line: at + 1 }))
    .slice(start, end)
    .filter(({ text }) => text.startsWith('|'))
    .slice(2)
    .map(({ text, line }) => ({
      line,
      cells: text
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => ({
          text: cell.trim(),
          words: Array.from(cell.matchAll(/`([^`]+)`/g), (found) => (found[1] ?? '').replaceAll('\\|', '|')),
        })),
    }));
}

export interface Dialog {
  readonly port: number;
  readonly steps: readonly { readonly said: 'client' | 'server'; readonly text: string }[];
}

export function dialogsOf(): Dialog[] {
  return Array.from(readFileSync(PAGE, 'utf8').matchAll(/```dialog (\d+)\n(.*?)```/gs), ([, port, body = '']) => ({
    port: Number(port),
    steps: body
      .trimEnd()
      .split('\n')
      .map((line) => ({ said: line.startsWith('c:') ? 'client' : 'server', text: line.slice(3) })),
  }));
}

/** `…` stands for anything in a line. */
export const pattern = (words: string): RegExp =>
  new RegExp(
    words
      .split('…')
      .map((part) => part.trim().replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*'),
  );

/** Files that settings of the page name. */
const NAMED_FILES = ['header_checks', 'body_checks', 'transport', 'canonical', 'relocated', 'sasl_passwd'];

/** The files of the site on one address of loopback. */
export function tutorialFolders(address: string): Folders {
  const root = temporaryFolder('tutorials');
  const config = join(root, 'config');
  for (const from of ['baidu', 'dns']) cpSync(join(LAB, from), config, { recursive: true });
  rmSync(join(config, 'resolv.conf'));
  rmSync(join(config, 'www'), { recursive: true });
  const change = (name: string, ...changes: readonly (readonly [RegExp, string])[]): void => {
    const path = join(config, name);
    writeFileSync(
      path,
      changes.reduce((text, [from, to]) => text.replace(from, to), readFileSync(path, 'utf8')),
    );
  };
  change(
    'main.cf',
    [/^inet_interfaces = .*$/m, `inet_interfaces = ${address}`],
    [/^http_interfaces = .*$/m, `relayhost = [127.0.0.1]:9`],
    [/^mynetworks = .*$/m, 'mynetworks = 127.0.0.1'],
    [/hash: /, 'hash:'],
  );
  change('named.conf', [/127\.0\.1\.53/, address]);
  for (const name of NAMED_FILES) writeFileSync(join(config, name), '');
  return { root, config, data: join(root, 'data') };
}

/** A folder with the names of the commands, for PATH. */
export async function linkedCommands({ root, config, data }: Folders): Promise<string> {
  const bin = join(root, 'bin');
  mkdirSync(bin);
  await runCommand(['install-links', bin, '--config', config, '--data', data]);
  return bin;
}

export interface Performance {
  /** Of the shell. */
  readonly path: string;
  /** Its home, where it begins. */
  readonly folder: string;
  /** The command with the values of this site. */
  written(command: string): string;
}

/**
 * Types a row of a table "they type, here, you see"; the middle cell says what to type here if that is something else.
 * Returns what differs from the page, or null.
 */
export async function perform({ line, cells }: Row, { path, folder, written }: Performance): Promise<string | null> {
  const [typed, here, seen] = cells;
  if (typed === undefined || here === undefined || seen === undefined) return `line ${line}: three cells were expected`;
  const isSame = /^(?:the same|not needed|only)/.test(here.text);
  const command = written((isSame ? typed : here).words[0] ?? '');
  const ran = await run('bash', ['-c', command], { env: { PATH: path, HOME: folder }, cwd: folder });
  const out = `${ran.out}${ran.err}`;
  const missing = seen.words.filter((words) => !pattern(words).test(out));
  const code = Number(/exit code (\d+)/.exec(here.text)?.[1] ?? 0);
  return missing.length === 0 && ran.code === code
    ? null
    : `line ${line}: ${command}: exit code ${ran.code}; not seen: ${missing.join(', ')}; but:\n${out}`;
}
