/** `posthorn metrics`: what metrics_listen shows, for one look or for a collector of text files. */
import type { Command } from 'commander';
import type { Family } from '../counter.ts';
import { formatFamilies } from '../metrics/text.ts';
import { printJson } from './output.ts';
import { type PlaceOptions, place, withPlace } from './place.ts';
import { tell } from './tell.ts';

export function addMetricsCommand(program: Command): void {
  withPlace(
    program.command('metrics').description("print the running server's counters in the format of Prometheus"),
  ).action(async (options: PlaceOptions) => {
    const where = place(options);
    const families = (await tell(where, 'server.metrics')) as readonly Family[];
    if (where.json) printJson(families);
    else process.stdout.write(formatFamilies(families));
  });
}
