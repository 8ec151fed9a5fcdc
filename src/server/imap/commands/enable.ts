/** ENABLE (RFC 5161). Unknown names are passed over. */
import type { Command } from '../command.ts';
import { ok } from '../completion.ts';
import type { Authenticated, Selected } from '../state.ts';

export const enable: Command<Authenticated | Selected> = (scanner) => {
  const names: string[] = [];
  do {
    scanner.space();
    names.push(scanner.keyword('a capability'));
  } while (!scanner.atEnd);
  return (session) => {
    const enabled = names.includes('CONDSTORE') ? ' CONDSTORE' : '';
    if (enabled !== '') session.condstore = true;
    session.write(`* ENABLED${enabled}\r\n`);
    return ok('Enabled.');
  };
};
