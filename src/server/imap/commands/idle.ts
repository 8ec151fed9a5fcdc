/** IDLE (RFC 2177): until DONE, changes are reported in the tick in which they happen. */
import { bare } from '../command.ts';
import { bad, ok } from '../completion.ts';
import type { Authenticated, Selected } from '../state.ts';

export const idle = bare<Authenticated | Selected>(async (session) => {
  session.write('+ idling\r\n');
  session.setIdling(true);
  try {
    const line = await session.input.readLine(1000);
    return line === null || line.toUpperCase() === 'DONE' ? ok('Idle completed.') : bad('Expected DONE.');
  } finally {
    session.setIdling(false);
  }
});
