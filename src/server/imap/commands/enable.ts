/** ENABLE (RFC 5161) of CONDSTORE and QRESYNC, which includes it (RFC 7162). Unknown names are ignored. */
import type { Command } from '../command.ts';
import { ok } from '../completion.ts';
import type { Authenticated, Selected } from '../state.ts';

const ENABLED = ['CONDSTORE', 'QRESYNC'];

export const enable: Command<Authenticated | Selected> = (scanner) => {
  const names: string[] = [];
  do {
    scanner.space();
    names.push(scanner.keyword('a capability'));
  } while (!scanner.atEnd);
  return (session) => {
    const enabled = ENABLED.filter((name) => names.includes(name));
    if (enabled.length > 0) session.condstore = true;
    if (enabled.includes('QRESYNC')) session.qresync = true;
    session.write(`* ENABLED${enabled.map((name) => ` ${name}`).join('')}\r\n`);
    return ok('Enabled.');
  };
};
