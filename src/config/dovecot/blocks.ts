/** The syntax of dovecot.conf: settings and nested blocks, with file and line, before they are interpreted. */
import { encodingFaults, readable } from '../encoding.ts';
import type { Fault } from '../fault.ts';

export interface DovecotSetting {
  readonly key: string;
  /** Without quotes; continuation lines (`\` at the end) joined by a space. */
  readonly value: string;
  readonly file: string;
  readonly line: number;
}

export interface DovecotBlock {
  /** `service` in `service imap-login { … }`; '' for the file as a whole. */
  readonly kind: string;
  readonly name: string;
  /** Where it is opened; line 0 for the file as a whole. */
  readonly file: string;
  readonly line: number;
  readonly settings: DovecotSetting[];
  readonly blocks: DovecotBlock[];
}

/** The setting that counts: the later one wins. */
export const settingOf = (block: DovecotBlock | undefined, key: string): DovecotSetting | undefined =>
  block?.settings.findLast((setting) => setting.key === key);

/** A file named by an `!include`: its text, or why it cannot be read. */
export type IncludedFile = { readonly file: string } & ({ readonly text: string } | { readonly problem: string });

/** The files matching a pattern in the file `from`; empty if there are none. */
export type Include = (pattern: string, from: string) => readonly IncludedFile[];

const MAX_DEPTH = 20;
const MAX_INCLUDES = 200;

/** Parses a file and what it includes. Adds errors to `faults`, never throws. */
export function parseBlocks(text: string, file: string, include: Include, faults: Fault[]): DovecotBlock {
  const root: DovecotBlock = { kind: '', name: '', file, line: 0, settings: [], blocks: [] };
  readInto([root], text, file, { include, faults, includes: 0 });
  return root;
}

interface Work {
  readonly include: Include;
  readonly faults: Fault[];
  includes: number;
}

function readInto(stack: DovecotBlock[], text: string, file: string, work: Work): void {
  const bottom = stack.length;
  work.faults.push(...encodingFaults(text, file));
  for (const { content, line } of joinedLines(readable(text))) {
    const problem = readLine(stack, bottom, content, { file, line }, work);
    if (problem !== undefined) work.faults.push({ file, line, message: problem });
  }
  if (stack.length > bottom)
    work.faults.push({
      file,
      line: 0,
      message: `"${stack.at(-1)?.kind} ${stack.at(-1)?.name} {" is never closed: a "}" is missing`,
    });
  stack.length = bottom;
}

function readLine(
  stack: DovecotBlock[],
  bottom: number,
  content: string,
  place: { file: string; line: number },
  work: Work,
): string | undefined {
  const top = stack.at(-1);
  if (top === undefined) return undefined;
  if (content === '}') {
    if (stack.length <= bottom) return '"}" closes a block that was never opened';
    stack.pop();
    return undefined;
  }
  const included = /^!include(_try)?\s+(.+)$/.exec(content);
  if (included !== null) return includeFiles(stack, included[2] ?? '', included[1] !== undefined, place.file, work);
  const opened = /^([A-Za-z0-9_]+)(?:\s+([^={}]*?))?\s*\{(.*?)(\})?$/.exec(content);
  if (opened !== null && !/^[A-Za-z0-9_]+\s*=/.test(content)) {
    if (stack.length >= MAX_DEPTH) return 'blocks are nested too deeply';
    const name = unquote(opened[2] ?? '');
    const block: DovecotBlock = { kind: opened[1] ?? '', name, ...place, settings: [], blocks: [] };
    top.blocks.push(block);
    stack.push(block);
    const inside = (opened[3] ?? '').trim();
    const problem = inside === '' ? undefined : readLine(stack, bottom, inside, place, work);
    if (opened[4] !== undefined) stack.pop();
    return problem;
  }
  const setting = /^([A-Za-z0-9_/.-]+)\s*=\s*(.*)$/.exec(content);
  if (setting === null) return `"${content.slice(0, 60)}": expected "name = value" or "name {"`;
  top.settings.push({ key: setting[1] ?? '', value: unquote(setting[2] ?? ''), ...place });
  return undefined;
}

function includeFiles(
  stack: DovecotBlock[],
  pattern: string,
  optional: boolean,
  from: string,
  work: Work,
): string | undefined {
  work.includes += 1;
  if (work.includes > MAX_INCLUDES)
    return work.includes === MAX_INCLUDES + 1
      ? `more than ${MAX_INCLUDES} includes; does ${from} include itself?`
      : undefined;
  const files = work.include(pattern.trim(), from);
  if (files.length === 0 && !optional)
    return `!include ${pattern.trim()}: no file matches (use !include_try where it may be missing)`;
  const problems: string[] = [];
  for (const included of files) {
    if ('text' in included) readInto(stack, included.text, included.file, work);
    else problems.push(included.problem);
  }
  return problems.length === 0 || optional ? undefined : `!include ${pattern.trim()}: ${problems.join('; ')}`;
}

/** Lines without comments and surrounding white space; one that ends in `\` is joined with the next. */
function* joinedLines(text: string): Generator<{ readonly content: string; readonly line: number }> {
  let pending: string[] = [];
  let first = 0;
  for (const [index, raw] of text.split('\n').entries()) {
    const content = raw.replace(/(^|\s)#.*$/, '$1').trim();
    if (pending.length === 0) first = index + 1;
    if (content.endsWith('\\')) {
      pending.push(content.slice(0, -1).trim());
      continue;
    }
    const whole = [...pending, content].join(' ').trim();
    pending = [];
    if (whole !== '') yield { content: whole, line: first };
  }
  if (pending.length > 0) yield { content: pending.join(' '), line: first };
}

const unquote = (text: string): string => /^(["'])(.*)\1$/.exec(text.trim())?.[2] ?? text.trim();
