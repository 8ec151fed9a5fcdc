/** Posthorn's side: the configuration of the bench with TLS, submission and the accounts of the load. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { callServer } from '../../../src/admin/socket.ts';
import { freeOffset } from '../../kit/ports.ts';
import { type Folders, startServer } from '../../kit/server.ts';
import { benchOptions } from '../configuration.ts';
import { resident } from '../process.ts';
import { MANY, PASSWORD, READER, RECEIVERS } from './corpus.ts';
import { countMessages } from './load/imap.ts';
import { passwordHash } from './password.ts';
import type { Service, Side } from './side.ts';

export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface PosthornSide extends Side {
  readonly pid: number;
  readonly folders: Folders;
  /** `keep`: leaves its folders for a later server. */
  stop(options?: { readonly keep?: boolean }): Promise<void>;
}

export interface PosthornOptions {
  readonly certificate: Certificate;
  /** Folders of a server that was stopped before. */
  readonly folders?: Folders;
  /** Options for Node. */
  readonly nodeOptions?: readonly string[];
}

const PORTS: Readonly<Record<Service, number>> = {
  imap: 143,
  imaps: 993,
  pop3: 110,
  pop3s: 995,
  smtp: 25,
  submission: 587,
  submissions: 465,
  dns: 53,
};

function files({ certFile, keyFile }: Certificate): Readonly<Record<string, string>> {
  const shipped = fileURLToPath(new URL('../../../config/master.cf', import.meta.url));
  const tls = `smtpd_tls_cert_file = ${certFile}\nsmtpd_tls_key_file = ${keyFile}\n`;
  return {
    ...benchOptions.files,
    'main.cf': `${benchOptions.files['main.cf']}${tls}`,
    'dovecot.conf': `${benchOptions.files['dovecot.conf']}ssl_cert = <${certFile}\nssl_key = <${keyFile}\n`,
    'master.cf': readFileSync(shipped, 'utf8'),
  };
}

export async function startPosthorn({
  certificate,
  folders,
  nodeOptions = [],
}: PosthornOptions): Promise<PosthornSide> {
  const room = mkdtempSync(join(tmpdir(), 'posthorn-probe-'));
  const probe = join(room, 'socket');
  // As on every start but the first after a change of the sources: otherwise the compiler of types stays in memory.
  spawnSync(process.execPath, [fileURLToPath(new URL('../../../bin/warm.js', import.meta.url))], { stdio: 'ignore' });
  const options = [...nodeOptions, `--import=${new URL('./probe.js', import.meta.url).href}`];
  const server = await withEnvironment({ NODE_OPTIONS: options.join(' '), BENCH_PROBE: probe }, async () =>
    startServer({
      files: files(certificate),
      portOffset: await freeOffset(),
      ...(folders === undefined ? {} : { folders }),
    }),
  );
  if (folders === undefined)
    for (const address of [READER, MANY, ...RECEIVERS])
      await callServer(server.folders.data, 'user.add', { address, passwordHash: passwordHash() });
  const ports = Object.fromEntries(
    Object.entries(PORTS).map(([service, port]) => [service, server.port(port)]),
  ) as Record<Service, number>;
  return {
    name: 'Posthorn',
    pid: server.pid,
    folders: server.folders,
    ports,
    memory: () => resident(server.pid),
    received: () => countMessages({ port: ports.imap, tls: false }, RECEIVERS, PASSWORD),
    loopDelay: () => asked(probe),
    stop: async ({ keep = false } = {}) => {
      await server.stop({ keep: true });
      if (!keep) rmSync(server.folders.root, { recursive: true, force: true });
      rmSync(room, { recursive: true, force: true });
    },
  };
}

/** Processes started meanwhile have these variables too. */
async function withEnvironment<T>(variables: Readonly<Record<string, string>>, act: () => Promise<T>): Promise<T> {
  const before = new Map(Object.keys(variables).map((name) => [name, process.env[name]]));
  Object.assign(process.env, variables);
  try {
    return await act();
  } finally {
    for (const [name, value] of before)
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
  }
}

/** The answer of probe.js. */
function asked(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    let text = '';
    connect(path)
      .setEncoding('utf8')
      .on('data', (piece: string) => {
        text += piece;
      })
      .on('error', reject)
      .on('end', () => resolve((JSON.parse(text) as { readonly p99: number }).p99));
  });
}
