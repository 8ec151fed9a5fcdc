/**
 * The SMTP side of a server without its process: reads a configuration, loads its plugins, builds its generation and
 * serves one listener on all of 127.0.0.0/8. Many configurations in turn share a store and a port.
 */
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { layFoundation } from '../../src/app/foundation.ts';
import { buildGeneration, type Generation } from '../../src/app/generation.ts';
import { readForStart } from '../../src/app/read.ts';
import { ConfigurationError } from '../../src/config/fault.ts';
import { createQueueIds } from '../../src/mail/queue-id.ts';
import { StubResolver } from '../../src/net/resolver.ts';
import { LoginThrottle } from '../../src/server/login/throttle.ts';
import { openSqliteStore } from '../../src/store/backend/sqlite/open.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { quietLog } from '../kit/log.ts';
import { NO_MESSAGES } from '../kit/states.ts';

export interface RelayHouse {
  readonly port: number;
  /** The configuration folder. */
  readonly config: string;
  /** Serves this main.cf from now on: returns the startup messages, or the faults if it is refused. */
  become(main: string): Promise<{ readonly notes: readonly string[] } | { readonly faults: string }>;
  close(): Promise<void>;
}

/** `plugin` is the source of the plugin `chaos`, which comes first. */
export async function openRelayHouse(plugin: string, master = 'smtp inet n - n - - smtpd\n'): Promise<RelayHouse> {
  const root = temporaryFolder('relay');
  const [config, data] = [join(root, 'config'), join(root, 'data')];
  mkdirSync(join(config, 'plugins.d', 'chaos'), { recursive: true });
  mkdirSync(join(data, 'tmp'), { recursive: true });
  writeFileSync(join(config, 'plugins'), 'chaos\nrestrictions\nrewriting\n');
  writeFileSync(join(config, 'plugins.d', 'chaos', 'index.ts'), plugin);
  writeFileSync(join(config, 'master.cf'), master);
  const store = await openSqliteStore({ directory: data, log: quietLog });
  const resolver = new StubResolver({ servers: ['127.0.0.1:9'] });
  let current: Generation | null = null;
  const listener = createServer({ noDelay: true }, (socket) => {
    const smtp = current?.smtp.get('smtp');
    if (smtp === undefined) socket.destroy();
    else smtp.serve(socket);
  });
  listener.listen(0, '0.0.0.0');
  await once(listener, 'listening');
  const lent = {
    directory: store.directory,
    states: store.pluginStates,
    messages: NO_MESSAGES,
    resolver,
    log: quietLog,
    clock: Date.now,
  };
  return {
    config,
    port: (listener.address() as AddressInfo).port,
    async become(main) {
      writeFileSync(join(config, 'main.cf'), main);
      const old = current;
      current = null;
      await old?.smtp.get('smtp')?.close(0);
      await old?.bus.close();
      try {
        const read = await readForStart({
          configDirectory: config,
          dataDirectory: data,
          layFoundation: (configuration) => layFoundation(configuration, lent),
        });
        const lasting = {
          store,
          hooks: read.foundation.bus,
          log: quietLog,
          clock: Date.now,
          newQueueId: createQueueIds(Date.now, 1),
          throttle: new LoginThrottle({ log: quietLog, clock: Date.now }),
          temporaryFolder: join(data, 'tmp'),
          smtpPort: 9,
          onQueued: () => {},
          flushDestination: async () => 0,
        };
        current = buildGeneration(read.foundation, lasting, null);
        return { notes: read.notes };
      } catch (error) {
        if (error instanceof ConfigurationError) return { faults: error.message };
        throw error;
      }
    },
    async close() {
      listener.close();
      await current?.smtp.get('smtp')?.close(0);
      await current?.bus.close();
      resolver.close();
      await store.close();
      removeFolder(root);
    },
  };
}
