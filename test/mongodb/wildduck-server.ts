/**
 * A real WildDuck on a MongoDB database: npm's package in a cache folder of the user, Debian's redis-server, its IMAP
 * server and HTTP API on loopback. Where the MongoDB server of the run cannot carry it, the tests say so.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { freePort, startDaemon } from '../interop/program.ts';
import { installPackages } from '../kit/debian-packages.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { ImapClient } from '../kit/imap-client.ts';

const VERSION = '1.46.1';
const REDIS = '/usr/bin/redis-server';

export interface WildDuckServer {
  /** One of WildDuck's own modules, or of its dependencies. */
  load(path: string): unknown;
  /** Of its HTTP API. */
  url(path: string): string;
  /** Asks its HTTP API; throws its error. */
  api(method: string, path: string, body?: object): Promise<Record<string, unknown>>;
  /** An IMAP client that is logged in. */
  login(user: string, password: string): Promise<ImapClient>;
  /** What it logged. */
  said(): string;
  stop(): Promise<void>;
}

/** Why there can be no WildDuck here; null if there can. */
export function whyNoWildDuck(): string | null {
  try {
    wildDuckFolder();
    if (!existsSync(REDIS)) installPackages('npm run test:mongodb', ['redis-server']);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The folder whose node_modules has WildDuck, made once. Throws where npm cannot fetch it. */
export function wildDuckFolder(): string {
  const manifest = JSON.stringify({ private: true, dependencies: { wildduck: VERSION } });
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'posthorn-wildduck');
  const folder = join(cache, `${VERSION}-${createHash('sha256').update(manifest).digest('hex').slice(0, 16)}`);
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  const filling = mkdtempSync(`${folder}.`);
  try {
    writeFileSync(join(filling, 'package.json'), manifest);
    const args = ['install', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'];
    const done = spawnSync('npm', args, { cwd: filling, encoding: 'utf8' });
    if (done.status !== 0) throw new Error(`npm ${args.join(' ')} failed:\n${done.stderr}`);
    renameSync(filling, folder);
  } finally {
    removeFolder(filling);
  }
  return folder;
}

export async function startWildDuck(mongoUri: string): Promise<WildDuckServer> {
  const root = wildDuckFolder();
  const folder = temporaryFolder('wildduck');
  const [redisPort, imapPort, apiPort] = [await freePort(), await freePort(), await freePort()];
  const redis = await startDaemon(
    REDIS,
    ['--bind', '127.0.0.1', '--port', String(redisPort), '--save', '', '--dir', folder],
    () => answers(redisPort),
  );
  const load = createRequire(join(root, 'package.json'));
  const wildDuck = join(root, 'node_modules/wildduck');
  const configuration = join(folder, 'wildduck.toml');
  writeFileSync(configuration, settings({ mongoUri, redisPort, imapPort, apiPort }));
  const daemon = await startDaemon(
    process.execPath,
    [join(wildDuck, 'server.js'), `--config=${configuration}`],
    async () => (await answers(imapPort)) && (await answers(apiPort)),
    // It makes some ninety indexes first.
    { env: { NODE_CONFIG_DIR: join(wildDuck, 'config') }, cwd: folder, timeoutMs: 120_000 },
  ).catch(async (error: unknown) => {
    await redis.stop();
    throw error;
  });
  return {
    load: (path) => load(path),
    url: (path) => `http://127.0.0.1:${apiPort}${path}`,
    api: (method, path, body) => ask(`http://127.0.0.1:${apiPort}${path}`, method, body),
    login: async (user, password) => {
      const client = new ImapClient(connect(imapPort, '127.0.0.1'));
      await client.line();
      await client.ok(`LOGIN "${user}" "${password}"`);
      return client;
    },
    said: daemon.said,
    stop: async () => {
      await daemon.stop();
      await redis.stop();
      removeFolder(folder);
    },
  };
}

interface Ports {
  readonly mongoUri: string;
  readonly redisPort: number;
  readonly imapPort: number;
  readonly apiPort: number;
}

const settings = ({ mongoUri, redisPort, imapPort, apiPort }: Ports): string => `
[log]
level = "error"
[dbs]
mongo = "${mongoUri}"
[dbs.redis]
host = "127.0.0.1"
port = ${redisPort}
[imap]
host = "127.0.0.1"
port = ${imapPort}
secure = false
disableSTARTTLS = true
[api]
host = "127.0.0.1"
port = ${apiPort}
[pop3]
enabled = false
[lmtp]
enabled = false
[acme.agent]
enabled = false
[webhooks]
enabled = false
`;

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function ask(url: string, method: string, body?: object): Promise<Record<string, unknown>> {
  const response = await fetch(url, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = (await response.json()) as Record<string, unknown>;
  if (answer['success'] !== true) throw new Error(`${method} ${url}: ${JSON.stringify(answer)}`);
  return answer;
}
