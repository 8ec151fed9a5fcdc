/** `posthorn status`, `reload` and `stop`: words to a server that runs. */
import type { Command } from 'commander';
import { printJson } from './output.ts';
import { operate, type PlaceOptions, place, withPlace } from './place.ts';

export function addServerCommands(program: Command): void {
  withPlace(program.command('status').description('listeners, sessions and queue of the running server')).action(async (options: PlaceOptions) => {
    const where = place(options);
    printJson(await operate(where, 'server.status', {}));
  });
  withPlace(program.command('reload').description('read the configuration anew without dropping sessions')).action(async (options: PlaceOptions) => {
    const where = place(options);
    const result = (await operate(where, 'server.reload', {})) as { notes: string[] };
    if (where.json) printJson(result);
    else console.log(['Reloaded.', ...result.notes].join('\n'));
  });
  withPlace(program.command('stop').description('drain and stop the running server')).action(async (options: PlaceOptions) => {
    const where = place(options);
    const result = await operate(where, 'server.stop', {});
    if (where.json) printJson(result);
    else console.log('Stopping.');
  });
}
