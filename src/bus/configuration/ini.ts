/**
 * INI: `name = value`, `name[] = value` for each item of a list, `[section]`, remarks after `;` or `#` at the beginning
 * of a line. `true`, `yes`, `false`, `no` and numbers as JSON writes them are such, other values are text; what is between double
 * quotes is text as JSON writes it.
 */
import { Lines, type Parsed } from './lines.ts';

const SAID: Readonly<Record<string, boolean>> = { true: true, yes: true, false: false, no: false };

type Section = Map<string, unknown>;

export function readIni(text: string): Parsed {
  const lines = new Lines();
  const top: Section = new Map();
  const faults: { line: number; message: string }[] = [];
  let section: Section = top;
  let path: readonly string[] = [];
  for (const [i, raw] of text.split('\n').entries()) {
    const line = i + 1;
    const content = raw.trim();
    const fault = (message: string): void => void faults.push({ line, message });
    if (content === '' || /^[;#]/.test(content)) continue;
    const heading = /^\[([^[\]]+)\]$/.exec(content)?.[1]?.trim();
    if (heading !== undefined) {
      if (top.has(heading)) fault(`${heading} is there already; keep one of them`);
      section = new Map();
      path = [heading];
      top.set(heading, section);
      lines.set(path, line);
      continue;
    }
    const [, name = '', list, given = ''] = /^([^=[\]]*?)\s*(\[\])?\s*=\s*(.*)$/.exec(content) ?? [];
    if (name === '') {
      fault('is neither name = value nor [section]');
      continue;
    }
    const value = readValue(given);
    const before = section.get(name);
    if (value === undefined) fault(`${name}: is not closed, expected text between double quotes as JSON writes it`);
    else if (list === undefined && before !== undefined)
      fault(`${name} is there already; write ${name}[] = … for each item of a list`);
    else if (list === undefined) section.set(name, value);
    else if (Array.isArray(before)) before.push(value);
    else if (before === undefined) section.set(name, [value]);
    else fault(`${name} is there already as a single value; write ${name}[] = … there too`);
    const items = section.get(name);
    if (list === undefined || !Array.isArray(items) || items.length === 1) lines.set([...path, name], line);
    if (Array.isArray(items)) lines.set([...path, name, items.length - 1], line);
  }
  return { value: plain(top), lines, faults };
}

/** Undefined for text whose quotes are wrong. */
function readValue(text: string): string | number | boolean | undefined {
  const isSaid = Object.hasOwn(SAID, text) ? SAID[text] : undefined;
  if (isSaid !== undefined) return isSaid;
  if (text !== '' && String(Number(text)) === text && Number.isFinite(Number(text))) return Number(text);
  if (!text.startsWith('"')) return text;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Own properties, whatever their names are. */
const plain = (section: Section): Record<string, unknown> =>
  Object.fromEntries([...section].map(([name, value]) => [name, value instanceof Map ? plain(value) : value]));
