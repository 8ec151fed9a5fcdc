/**
 * mongo-java-server: what tests run against where no `mongod` is. Maven fetches it into a cache folder of the user, and
 * javac compiles its launcher beside it, each only once.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { removeFolder } from '../folder.ts';
import type { MongoProgram } from '../mongo-process.ts';

const inThisFolder = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const POM = inThisFolder('pom.xml');
const SOURCES = ['Launcher.java', 'Changes.java', 'PartialIndex.java', 'RangedCollection.java'].map(inThisFolder);

/** Throws where a program is missing, or Maven cannot fetch. */
export function javaProgram(): MongoProgram {
  const missing = missingPrograms();
  if (missing.length > 0)
    throw new Error(
      `a MongoDB server is needed: name one in POSTHORN_TEST_MONGODB, or install mongod, or what is missing for ` +
        `mongo-java-server: ${missing.join(', ')} (Debian: default-jdk-headless maven)`,
    );
  const pom = readFileSync(POM, 'utf8');
  const version = /<version>(\d+\.\d+\.\d+)<\/version>/.exec(pom)?.[1] ?? '';
  const lib = cached('lib', pom, (folder) =>
    run('mvn', ['-q', '-B', '-f', POM, 'dependency:copy-dependencies', `-DoutputDirectory=${folder}`]),
  );
  const sources = SOURCES.map((file) => readFileSync(file, 'utf8'));
  const classes = cached('classes', [pom, ...sources].join('\0'), (folder) =>
    run('javac', ['--release', '17', '-cp', `${lib}/*`, '-d', folder, ...SOURCES]),
  );
  return {
    name: `mongo-java-server ${version}`,
    command: (folder, port) => [
      'java',
      // A start in less than a second, and little memory.
      ...['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xmx1g'],
      // It would say that it has nowhere to log to.
      '-Dslf4j.internal.verbosity=ERROR',
      ...['-cp', `${lib}/*:${classes}`, 'Launcher', join(folder, 'data.mv'), String(port)],
    ],
    ready: /^port \d+$/m,
    uri: (port) => `mongodb://127.0.0.1:${port}/`,
    initiate: async () => {},
  };
}

/** A folder that is filled once for each source; whole, even if several processes fill it at the same time. */
function cached(name: string, source: string, fill: (folder: string) => void): string {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'posthorn-mongo-java');
  const folder = join(cache, `${name}-${createHash('sha256').update(source).digest('hex').slice(0, 16)}`);
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  const filling = mkdtempSync(`${folder}.`);
  try {
    fill(filling);
    renameSync(filling, folder);
  } catch (error) {
    removeFolder(filling);
    if (!existsSync(folder)) throw error;
  }
  return folder;
}

/** Those of the programs it takes that are not on PATH. */
export function missingPrograms(): string[] {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return ['java', 'javac', 'mvn'].filter((program) => !folders.some((folder) => existsSync(join(folder, program))));
}

function run(program: string, args: readonly string[]): void {
  const done = spawnSync(program, args, { encoding: 'utf8' });
  if (done.error !== undefined)
    throw new Error(`${program} cannot be run: ${done.error.message}`, { cause: done.error });
  if (done.status !== 0)
    throw new Error(`${program} ${args.join(' ')} failed:\n${done.stderr}${done.stdout.slice(-2000)}`);
}
