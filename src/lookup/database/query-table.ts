/** What the database tables have in common: which keys are asked for at all, and how results become a value. */
import { messageOf } from '../../errors.ts';
import { splitTexts } from '../split-list.ts';
import type { LookupTable } from '../table.ts';
import { TableFault, TableUnavailableError } from '../table-fault.ts';
import type { TableContext } from '../table-type.ts';
import { type ClientFile, list, number, text } from './client-file.ts';
import { Template } from './template.ts';

/** The settings of every database table. */
export const COMMON = {
  result_format: text('%s'),
  domain: list(),
  expansion_limit: number(0),
} as const;

type Common = keyof typeof COMMON;

const LONGEST_KEY = 4096;

export interface QueryTable {
  readonly name: string;
  readonly file: ClientFile<Common>;
  readonly context: TableContext;
  /** Whether a query can be made for the key. */
  fits(key: string): boolean;
  /** The results as they are. Rejects with TableUnavailableError. */
  ask(key: string): Promise<readonly string[]>;
  close(): void;
}

export function queryTable({ name, file, context, fits, ask, close }: QueryTable): LookupTable {
  const format = templateOf(file, 'result_format');
  const isOurs = domainTest(file, context);
  const limit = file.number('expansion_limit');
  const value = async (key: string): Promise<string | undefined> => {
    if (!(await isOurs(key))) return undefined;
    const results = (await ask(key)).flatMap((result) => format.expand(key, result, same) ?? []);
    if (limit > 0 && results.length > limit)
      throw new TableUnavailableError(`${name}: more results for "${key.slice(0, 100)}" than expansion_limit allows`);
    const joined = results.join(',');
    return joined === '' ? undefined : joined;
  };
  return {
    name,
    wholeKeyOnly: false,
    get(written) {
      if (context.isOffline === true)
        return Promise.reject(new TableUnavailableError(`${name}: not asked during checks`));
      const key = written.toLowerCase();
      const isAsked = key !== '' && key.length <= LONGEST_KEY && !key.includes('\0') && format.fits(key) && fits(key);
      return isAsked ? value(key) : undefined;
    },
    close,
  };
}

const same = (result: string): string => result;

export function templateOf<N extends string>(file: ClientFile<N>, name: N): Template {
  try {
    return new Template(file.text(name));
  } catch (error) {
    throw file.fault(name, messageOf(error));
  }
}

/** The `.cf` file of a table. Throws TableFault. */
export function clientPath(name: string, argument: string, context: TableContext): string {
  if (/^[/.]/.test(argument)) return context.resolvePath(argument);
  throw new TableFault(
    name,
    0,
    `expected the path of a file, such as ${name.split(':', 1)[0]}:/etc/postfix/${argument.slice(0, 40)}.cf; settings of a table in main.cf (${argument.slice(0, 40)}_…) are not read`,
  );
}

/** `domain`: only addresses of these domains are looked up, with a local part. */
function domainTest(file: ClientFile<Common>, context: TableContext): (key: string) => boolean | Promise<boolean> {
  const items = splitTexts(file.text('domain')).map((item) => {
    const plain = item.replace(/^!+/, '');
    const isTable = /^[a-z][a-z0-9]*:/.test(plain);
    if (plain.startsWith('/')) throw file.fault('domain', `"${plain}": write a table, such as texthash:${plain}`);
    return {
      negated: (item.length - plain.length) % 2 === 1,
      table: isTable ? context.tables.open(plain) : null,
      domain: plain.toLowerCase(),
    };
  });
  if (items.length === 0) return () => true;
  return async (key) => {
    const at = key.lastIndexOf('@');
    const domain = key.slice(at + 1);
    if (at <= 0 || domain === '') return false;
    for (const item of items) {
      const fits = item.table === null ? item.domain === domain : (await item.table.get(domain)) !== undefined;
      if (fits) return !item.negated;
    }
    return false;
  };
}
