/**
 * The `.cf` file of a database table (mysql_table(5) and the like): `name = value` on logical lines, as in main.cf, but
 * without `$name`. Each type has a table of the settings it knows; a name that is not among them warns, a bad value is a
 * fault with file and line.
 */
import { readFileSync, statSync } from 'node:fs';
import { nearest } from '../../nearest.ts';
import { ownValue } from '../../own-value.ts';
import { logicalLines } from '../logical-lines.ts';
import { readFault } from '../read-fault.ts';
import { TableFault } from '../table-fault.ts';
import type { TableContext } from '../table-type.ts';

/** What a setting accepts. */
type Form =
  | { readonly kind: 'text' | 'list' | 'flag'; readonly default: string }
  | { readonly kind: 'number'; readonly default: number; readonly least: number }
  | { readonly kind: 'choice'; readonly default: string; readonly words: readonly string[] }
  /** Accepted and without effect: why. */
  | { readonly kind: 'ignored'; readonly why: string };

export type Forms<N extends string = string> = Readonly<Record<N, Form>>;

export const text = (otherwise = ''): Form => ({ kind: 'text', default: otherwise });
export const list = (otherwise = ''): Form => ({ kind: 'list', default: otherwise });
export const flag = (otherwise: 'yes' | 'no'): Form => ({ kind: 'flag', default: otherwise });
export const number = (otherwise: number, least = 0): Form => ({ kind: 'number', default: otherwise, least });
export const choice = (otherwise: string, words: readonly string[]): Form => ({
  kind: 'choice',
  default: otherwise,
  words,
});
export const ignored = (why: string): Form => ({ kind: 'ignored', why });

interface Setting {
  readonly value: string;
  readonly line: number;
}

const MAX_SIZE = 1024 * 1024;

export class ClientFile<N extends string> {
  readonly path: string;
  readonly #forms: Forms<N>;
  readonly #settings: ReadonlyMap<string, Setting>;

  /** Throws TableFault. */
  constructor(path: string, forms: Forms<N>, log: TableContext['log']) {
    this.path = path;
    this.#forms = forms;
    this.#settings = read(path);
    for (const [name, { line, value }] of this.#settings) {
      const form = ownValue<Form>(forms, name);
      const hint = nearest(name, Object.keys(forms));
      const warning =
        form === undefined
          ? `there is no such setting here${hint === undefined ? '' : `; did you mean "${hint}"?`}`
          : form.kind === 'ignored'
            ? `has no effect here: ${form.why}`
            : undefined;
      if (warning !== undefined) log.warn({ file: path, line }, `${path}:${line}: ${name}: ${warning}`);
      const fault = form === undefined ? undefined : wrong(form, value);
      if (fault !== undefined) throw this.fault(name, fault);
    }
  }

  /** The value, without quotes: none is part of the format. */
  text(name: N): string {
    const form: Form = this.#forms[name];
    return this.#settings.get(name)?.value ?? ('default' in form ? String(form.default) : '');
  }

  has(name: N): boolean {
    return this.text(name) !== '';
  }

  list(name: N): readonly string[] {
    return this.text(name)
      .split(/[\s,]+/)
      .filter((item) => item !== '');
  }

  flag(name: N): boolean {
    return this.text(name) === 'yes';
  }

  number(name: N): number {
    return Number(this.text(name));
  }

  /** A fault at the line of a setting. */
  fault(name: string, message: string): TableFault {
    return new TableFault(this.path, this.#settings.get(name)?.line ?? 0, `${name}: ${message}`);
  }

  /** The text of a file that a setting names; undefined if it names none. */
  content(name: N, context: Pick<TableContext, 'resolvePath'>): string | undefined {
    if (!this.has(name)) return undefined;
    try {
      return readFileSync(context.resolvePath(this.text(name)), 'utf8');
    } catch (error) {
      throw this.fault(name, `${this.text(name)} cannot be read: ${readFault(error)}`);
    }
  }
}

function wrong(form: Form, value: string): string | undefined {
  if (form.kind === 'flag' && value !== 'yes' && value !== 'no') return `"${value.slice(0, 60)}": expected yes or no`;
  if (form.kind === 'choice' && !form.words.includes(value))
    return `"${value.slice(0, 60)}": expected ${form.words.join(', ')}`;
  if (form.kind === 'number' && !(/^\d{1,9}$/.test(value) && Number(value) >= form.least))
    return `"${value.slice(0, 60)}": expected a number from ${form.least}`;
  return undefined;
}

/** The last setting of a name counts, as in main.cf. */
function read(path: string): ReadonlyMap<string, Setting> {
  const settings = new Map<string, Setting>();
  for (const { text: logical, line } of logicalLines(textOf(path))) {
    const assignment = /^([^\s=][^=]*?)\s*=\s*(.*?)\s*$/s.exec(logical);
    if (assignment === null)
      // The rest of the line may be a password.
      throw new TableFault(path, line, `"${logical.split(/[\s=]/, 1)[0]?.slice(0, 60)}": expected "name = value"`);
    settings.set(assignment[1] ?? '', { value: assignment[2] ?? '', line });
  }
  return settings;
}

function textOf(path: string): string {
  try {
    const stat = statSync(path);
    if (!stat.isFile()) throw new TableFault(path, 0, 'is not a file');
    if (stat.size > MAX_SIZE) throw new TableFault(path, 0, `larger than ${MAX_SIZE / 1024 / 1024} MiB`);
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof TableFault) throw error;
    throw new TableFault(path, 0, readFault(error), { cause: error });
  }
}
