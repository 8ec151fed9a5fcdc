/** Why a file could not be read, for people. */
import { messageOf } from '../errors.ts';

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
};

export function readFault(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return (typeof code === 'string' ? WORDS[code] : undefined) ?? messageOf(error);
}
