/** The process in which Haraka's plugins run: its globals and environment are its own. */

import { Module } from 'node:module';
import { join } from 'node:path';
import { inside } from '../../../src/child/inside.ts';
import { messageOf, stackOf } from '../../../src/errors.ts';
import type { EngineSettings, FromEngine, Request } from '../messages.ts';
import { Engine } from './engine.ts';
import { blame } from './guard.ts';
import { loadHaraka } from './haraka.ts';
import { useNameservers } from './nameservers.ts';
import { takeOutbound } from './outbound.ts';
import { takeLog } from './own-log.ts';

const settings = inside.data as EngineSettings;
const tell = (message: FromEngine): void => inside.post(message);
const log = (isGrave: boolean, text: string): void => tell({ kind: 'log', isGrave, text });

process.on('uncaughtException', (error) => {
  if (!blame(error)) log(true, `an error that no plugin caught: ${stackOf(error)}`);
});
process.on('unhandledRejection', (error) => {
  if (!blame(error)) log(true, `a rejection that no plugin caught: ${stackOf(error)}`);
});

/** Where Haraka's own start command looks for packages that plugins need. */
function findPackagesIn(folder: string): void {
  process.env['NODE_PATH'] = [process.env['NODE_PATH'], join(folder, 'node_modules')].filter(Boolean).join(':');
  (Module as unknown as { _initPaths(): void })._initPaths();
}

try {
  process.env['HARAKA'] = settings.folder;
  findPackagesIn(settings.folder);
  useNameservers(settings.nameservers);
  const haraka = loadHaraka(settings.package);
  takeLog(haraka, log);
  const outbound = takeOutbound(haraka, tell);
  const engine = await Engine.start({
    haraka,
    settings,
    log,
    mark: (plugin, hook) => inside.mark(plugin === null ? '' : `${plugin}: ${hook}`),
  });
  const handle = (request: Request): void => {
    if ('sent' in request) outbound.sent(request.sent, request.failure);
    else if ('early' in request) engine.noteEarly(request.early);
    else if ('route' in request)
      engine
        .hostsFor(request.route.domain)
        .then((answer) => tell({ kind: 'route', id: request.id, answer }))
        .catch((error: unknown) => tell({ kind: 'failed', id: request.id, message: messageOf(error) }));
    else if ('order' in request) {
      if (request.order === 'close') engine.close();
      tell({ kind: request.order === 'close' ? 'closed' : 'pong' });
    } else
      engine
        .answer(request.client, request.call)
        .then((answer) => tell({ kind: 'answer', id: request.id, answer }))
        .catch((error: unknown) => tell({ kind: 'failed', id: request.id, message: messageOf(error) }));
  };
  inside.onMessage((message) => handle(message as Request));
  tell({ kind: 'ready', plugins: engine.plugins, hooks: engine.hooks, checksPasswords: engine.checksPasswords });
} catch (error) {
  tell({ kind: 'failed', id: 0, message: messageOf(error) });
}
