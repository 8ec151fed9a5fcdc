/** smtpd_command_filter: another command in place of what a client sends. */
import type { LookupTable } from '../../lookup/table.ts';
import { shownCommand } from './logged-input.ts';

/** A table that cannot answer: the session ends, since what the client means is not known. */
export class CommandFilterError extends Error {
  override readonly name = 'CommandFilterError';
}

/** Null: the line stays as it is. Rejects with CommandFilterError. `line`: without blanks before it. */
export async function replacedCommand(tables: readonly LookupTable[], line: string): Promise<string | null> {
  for (const table of tables) {
    try {
      const found = await table.get(line);
      if (found !== undefined) return found;
    } catch (error) {
      throw new CommandFilterError(`${table.name} lookup error for "${shownCommand(line)}"`, { cause: error });
    }
  }
  return null;
}
