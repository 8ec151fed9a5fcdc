/** ID (RFC 2971). The client's identification is only logged at debug level. */
import type { Command } from '../command.ts';
import { ok } from '../completion.ts';

const MAX_PAIRS = 30;

export const id: Command = (scanner) => {
  scanner.space();
  const said = scanner.sees('(') ? scanner.list(() => scanner.nstring(), { empty: true }) : [scanner.nstring()];
  if (said.length > 2 * MAX_PAIRS) scanner.fail(`More than ${MAX_PAIRS} fields`);
  scanner.end();
  return (session) => {
    const client = said.map((text) => (text ?? 'NIL').replace(/[^\x20-\x7e]/g, '?').slice(0, 100)).join(' ');
    session.services.log.debug({ session: session.connection.id }, `ID sent: ${client}`);
    session.write('* ID ("name" "Posthorn")\r\n');
    return ok('ID completed.');
  };
};
