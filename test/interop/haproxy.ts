/** A private HAProxy in the foreground, with a configuration of its own. */
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { startDaemon } from './program.ts';

export interface Haproxy {
  /** What it said so far: servers that came and went. */
  said(): string;
  stop(): Promise<void>;
}

/** Waits until a port of it is open. */
export async function startHaproxy(configuration: string, port: number): Promise<Haproxy> {
  const folder = temporaryFolder('haproxy');
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(file, configuration);
  const ready = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port }, () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(false));
    });
  try {
    const daemon = await startDaemon('haproxy', ['-db', '-f', file], ready);
    return {
      said: daemon.said,
      stop: async () => {
        await daemon.stop();
        removeFolder(folder);
      },
    };
  } catch (error) {
    removeFolder(folder);
    throw error;
  }
}
