/**
 * NOTIFY to the secondaries of a zone (RFC 1996): five tries over a few minutes; after that they depend on their
 * refresh timers.
 */

import type { Log } from '../../log.ts';
import { askOverUdp, randomId } from '../../net/dns-client.ts';
import { CLASS, makeQuery, OPCODE, RCODE, recordsOf } from '../../protocol/dns/message.ts';
import { withoutFinalDot } from '../../protocol/dns/name.ts';
import { TYPE } from '../../protocol/dns/rr/table.ts';
import type { ServedZone } from './zones.ts';

/** Waits after each try, ms. */
const WAITS = [5000, 10_000, 20_000, 40_000, 60_000];

/** Notifies each address in `also-notify`. Resolves when all have answered or all tries have failed. Never rejects. */
export async function notifySecondaries(served: ServedZone, log: Log, signal: AbortSignal): Promise<void> {
  const { zone, options } = served;
  if (zone === null || !options.notify) return;
  const place = `zone ${withoutFinalDot(options.name)}/IN`;
  await Promise.all(
    options.alsoNotify.map(async (secondary) => {
      const asked = makeQuery(randomId(), { name: zone.origin, type: TYPE.SOA, class: CLASS.IN }, OPCODE.NOTIFY);
      // The SOA lets a secondary see whether it already has that serial (RFC 1996 section 3.7).
      const query = { ...asked, answers: recordsOf([zone.apex.sets.get(TYPE.SOA)].filter((set) => set !== undefined)) };
      try {
        const answer = await askOverUdp(secondary, query, { waits: WAITS, signal });
        if (signal.aborted) return;
        const host = `${secondary.address}#${secondary.port}`;
        if (answer === null) log.warn({ zone: options.name }, `${place}: notify to ${host} failed: timed out`);
        else if (answer.rcode === RCODE.NOERROR)
          log.info({ zone: options.name }, `${place}: notify to ${host} (serial ${zone.soa.serial}) answered`);
        else log.warn({ zone: options.name }, `${place}: notify to ${host} failed: code ${answer.rcode}`);
      } catch (error) {
        log.warn(
          { zone: options.name, error: String(error) },
          `${place}: notify to ${secondary.address}#${secondary.port} failed`,
        );
      }
    }),
  );
}
