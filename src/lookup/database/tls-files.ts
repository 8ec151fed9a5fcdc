/** The certificates of one or more authorities, from a file and from the files of a folder, as PEM text. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../errors.ts';
import type { TableContext } from '../table-type.ts';
import type { ClientFile } from './client-file.ts';

const MOST_FILES = 1000;
const LARGEST_FILE = 1024 * 1024;

/** Undefined if neither is set. Throws TableFault. */
export function authorities<N extends string>(
  file: ClientFile<N>,
  names: { readonly file: N; readonly folder: N },
  context: Pick<TableContext, 'resolvePath'>,
): string[] | undefined {
  const inFile = file.content(names.file, context);
  const inFolder = file.has(names.folder) ? folderOf(file, names.folder, context) : [];
  return inFile === undefined && inFolder.length === 0 ? undefined : [inFile ?? '', ...inFolder];
}

function folderOf<N extends string>(
  file: ClientFile<N>,
  name: N,
  context: Pick<TableContext, 'resolvePath'>,
): string[] {
  try {
    const folder = context.resolvePath(file.text(name));
    return readdirSync(folder)
      .slice(0, MOST_FILES)
      .map((entry) => join(folder, entry))
      .filter((path) => statSync(path).isFile() && statSync(path).size <= LARGEST_FILE)
      .map((path) => readFileSync(path, 'utf8'))
      .filter((pem) => pem.includes('-----BEGIN'));
  } catch (error) {
    throw file.fault(name, `${file.text(name)} cannot be read: ${messageOf(error)}`);
  }
}
