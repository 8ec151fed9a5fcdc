/** A private BIND: its own folder and port on loopback, no control channel. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { freePort, run, startDaemon } from './program.ts';

export interface Named {
  readonly port: number;
  readonly folder: string;
  said(): string;
  stop(): Promise<void>;
}

export interface NamedOptions {
  /** File name to text. */
  readonly files: Readonly<Record<string, string>>;
  /** The zone statements, with files by their names. */
  readonly zones: string;
  readonly port?: number;
  /** It answers questions about other servers' zones, and validates; otherwise about its own alone. */
  readonly recursive?: boolean;
  /** More statements of `options`. */
  readonly options?: string;
  /** A zone that cannot be loaded is what the test checks. */
  readonly mayFail?: boolean;
}

/** Starts it and waits until it answers. */
export async function startNamed({
  files,
  zones,
  port: given,
  recursive = false,
  options = '',
  mayFail = false,
}: NamedOptions): Promise<Named> {
  const port = given ?? (await freePort());
  const folder = temporaryFolder('named');
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const configuration = join(folder, 'named.conf');
  writeFileSync(
    configuration,
    `options {
  directory "${folder}";
  pid-file none;
  session-keyfile none;
  managed-keys-directory "${folder}";
  listen-on port ${port} { 127.0.0.1; };
  listen-on-v6 { none; };
  recursion ${recursive ? 'yes' : 'no'};
  dnssec-validation ${recursive ? 'yes' : 'no'};
  empty-zones-enable no;
  check-names primary ignore;
  check-integrity no;
  max-records-per-type 0;
  notify explicit;
  ${options}
};
controls { };
${zones}`,
  );
  const answers = async (): Promise<boolean> => {
    const { code, out } = await run('dig', [
      '@127.0.0.1',
      '-p',
      String(port),
      '+tries=1',
      '+time=1',
      '+short',
      'version.bind',
      'CH',
      'TXT',
    ]);
    return code === 0 && (out !== '' || mayFail);
  };
  const remove = (): void => removeFolder(folder);
  try {
    const daemon = await startDaemon('named', ['-g', '-n', '1', '-c', configuration], answers, { cwd: folder });
    if (!mayFail && daemon.said().includes('not loaded due to errors')) {
      await daemon.stop();
      throw new Error(`named cannot load a zone:\n${daemon.said()}`);
    }
    return {
      port,
      folder,
      said: daemon.said,
      stop: async () => {
        await daemon.stop();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}
