/** CAPABILITY (RFC 9051 section 6.1.1): from the rows of the command table, and what belongs to none. */
import { SASL_MECHANISMS } from '../../protocol/sasl/table.ts';
import { COMMANDS } from './commands/table.ts';

/** Said before login too: what a client can use or has to know there. */
const ALWAYS: readonly string[] = ['IMAP4rev1', 'SASL-IR', 'LITERAL+', 'ID', 'ENABLE'];

const brought = [...COMMANDS.values()].flatMap((row) => row.brings ?? []);

export const capabilitiesAfterLogin: string = [...new Set([...ALWAYS, ...brought])].join(' ');

export function capabilitiesBeforeLogin({ startTls, login }: { readonly startTls: boolean; readonly login: boolean }): string {
  const mechanisms = login ? SASL_MECHANISMS.map(({ name }) => `AUTH=${name}`) : ['LOGINDISABLED'];
  return [...ALWAYS, 'IDLE', ...(startTls ? ['STARTTLS'] : []), ...mechanisms].join(' ');
}
