/** A real Haraka on loopback, from test/haraka/node_modules. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Daemon, freePort, isOpen, startDaemon } from '../interop/program.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';

export const PACKAGES = fileURLToPath(new URL('packages/node_modules', import.meta.url));

export interface HarakaServer {
  readonly port: number;
  readonly folder: string;
  said(): string;
  stop(): Promise<void>;
}

export interface HarakaOptions {
  /** Of its folder: `config/plugins`, for instance. */
  readonly files: Readonly<Record<string, string>>;
  readonly nameservers: readonly string[];
}

export async function startHaraka({ files, nameservers }: HarakaOptions): Promise<HarakaServer> {
  const port = await freePort();
  const folder = temporaryFolder('haraka');
  writeFiles(folder, {
    ...files,
    'queue/.keep': '',
    'config/smtp.ini': `listen=127.0.0.1:${port}\nnodes=0\n`,
  });
  const daemon: Daemon = await startDaemon(
    process.execPath,
    [
      '--require',
      fileURLToPath(new URL('nameservers.cjs', import.meta.url)),
      join(PACKAGES, 'Haraka/bin/haraka'),
      '-c',
      folder,
    ],
    isOpen(port),
    { env: { TEST_NAMESERVERS: nameservers.join(','), HOME: folder }, cwd: folder },
  );
  return {
    port,
    folder,
    said: () => daemon.said(),
    async stop() {
      await daemon.stop();
      removeFolder(folder);
    },
  };
}

export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}
