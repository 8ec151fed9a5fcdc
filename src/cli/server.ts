/** `posthorn status`, `reload` and `stop`: words to a server that runs. Where none runs they fail, and never touch its store. */
import type { Command } from 'commander';
import { callServer } from '../admin/socket.ts';
import { printJson } from './output.ts';
import { type PlaceOptions, place, withPlace } from './place.ts';

export function addServerCommands(program: Command): void {
  withPlace(program.command('status').description('listeners, sessions and queue of the running server')).action(async (options: PlaceOptions) => {
    const where = place(options);
    printJson(await callServer(where.data, 'server.status', {}));
  });
  withPlace(program.command('reload').description('read the configuration anew without dropping sessions')).action(async (options: PlaceOptions) => {
    const where = place(options);
    const result = (await callServer(where.data, 'server.reload', {})) as { notes: string[] };
    if (where.json) printJson(result);
    else console.log(['Reloaded.', ...result.notes].join('\n'));
  });
  withPlace(program.command('stop').description('drain and stop the running server')).action(async (options: PlaceOptions) => {
    const where = place(options);
    const result = await callServer(where.data, 'server.stop', {});
    if (where.json) printJson(result);
    else console.log('Stopping.');
  });
}
