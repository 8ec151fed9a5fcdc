/**
 * The appliance as Docker builds and runs it, without Docker: buildah builds docker/Dockerfile over a Debian made by
 * debootstrap, with this test's own Node and npm in it, and runs containers in a chroot (their network and process
 * numbers are the host's). All of it lies in one temporary folder and is gone in the end. Needs root.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { type Ran, ran, run } from './program.ts';

const CHECKOUT = fileURLToPath(new URL('../../', import.meta.url));
const SUITE = 'bookworm';
const AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt';
const SLOW_MS = 300_000;

/** How this machine reaches mirrors and registries. */
const NETWORK = Object.fromEntries(
  Object.entries(process.env).flatMap(([name, value]) =>
    /^(https?|no|ftp)_proxy$/i.test(name) && value !== undefined ? [[name, value]] : [],
  ),
);

/** The metadata of an image, as in Docker. */
export interface ImageSettings {
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly Healthcheck: { readonly Test: readonly string[] };
  readonly Volumes: Readonly<Record<string, object>>;
  readonly ExposedPorts: Readonly<Record<string, object>>;
  readonly StopSignal: string;
  readonly User: string;
}

export class ImageYard {
  /** Contains everything. */
  readonly root = temporaryFolder('image');
  readonly #running = new Set<ChildProcess>();

  buildah(args: readonly string[]): Promise<string> {
    return ran('/usr/bin/buildah', this.#arguments(args), this.#options());
  }

  /** A Debian with Node and npm, as the image `base`. */
  async makeBase(): Promise<void> {
    const debian = join(this.root, 'debian');
    const options = { timeoutMs: SLOW_MS, env: NETWORK };
    await ran('/usr/sbin/debootstrap', ['--variant=minbase', SUITE, debian, await mirror()], options);
    for (const folder of ['var/cache/apt', 'var/lib/apt/lists']) rmSync(join(debian, folder), { recursive: true });
    cpSync(process.execPath, join(debian, 'usr/local/bin/node'));
    cpSync(npmFolder(), join(debian, 'usr/local/lib/npm'), { recursive: true, dereference: true });
    symlinkSync('../lib/npm/bin/npm-cli.js', join(debian, 'usr/local/bin/npm'));
    mkdirSync(join(debian, dirname(AUTHORITIES)), { recursive: true });
    cpSync(AUTHORITIES, join(debian, AUTHORITIES), { dereference: true });
    const container = (await this.buildah(['from', 'scratch'])).trim();
    await this.buildah(['add', container, debian, '/']);
    rmSync(debian, { recursive: true });
    const environment = { NODE_EXTRA_CA_CERTS: AUTHORITIES, npm_config_cafile: AUTHORITIES };
    await this.buildah([
      'config',
      ...Object.entries(environment).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
      container,
    ]);
    await this.buildah(['commit', '--format', 'docker', '--rm', container, 'base']);
  }

  /** docker/Dockerfile on `base`, as the image `posthorn`. */
  async makeImage(): Promise<ImageSettings> {
    const from = ['--build-arg', 'BASE=localhost/base', '--file', join(CHECKOUT, 'docker/Dockerfile')];
    await this.buildah(['bud', '--isolation', 'chroot', '--format', 'docker', ...from, '--tag', 'posthorn', CHECKOUT]);
    const { Docker } = JSON.parse(await this.buildah(['inspect', '--type', 'image', 'posthorn'])) as {
      Docker: { config: ImageSettings };
    };
    return Docker.config;
  }

  /** The sizes of the images in octets, by name. */
  async sizes(): Promise<ReadonlyMap<string, number>> {
    const lines = (await this.buildah(['images', '--format', '{{.Name}} {{.Size}}'])).trim().split('\n');
    return new Map(
      lines.map((line) => {
        const [name = '', count, unit = ''] = line.split(/ +/);
        return [name, Number(count) * (UNITS[unit] ?? Number.NaN)];
      }),
    );
  }

  /** A container with empty volumes: folders of the host, by their path inside. */
  async makeContainer(settings: ImageSettings, hostname: string): Promise<Container> {
    const name = (await this.buildah(['from', 'posthorn'])).trim();
    const volumes = Object.keys(settings.Volumes);
    // buildah would mount its own volumes over ours.
    await this.buildah(['config', ...volumes.flatMap((path) => ['--volume', `${path}-`]), name]);
    const mounts = volumes.map((path) => {
      const folder = join(this.root, 'volumes', path);
      mkdirSync(folder, { recursive: true });
      return `${folder}:${path}`;
    });
    const place = [
      'run',
      '--isolation',
      'chroot',
      '--hostname',
      hostname,
      ...mounts.flatMap((mount) => ['--volume', mount]),
    ];
    return {
      volume: (path) => join(this.root, 'volumes', path),
      execute: (command) =>
        run('/usr/bin/buildah', this.#arguments([...place, name, '--', ...command]), this.#options()),
      start: (args, environment = {}) => {
        const variables = Object.entries(environment).flatMap(([key, value]) => ['--env', `${key}=${value}`]);
        return this.#start([
          ...place,
          ...variables,
          name,
          '--',
          ...settings.Entrypoint,
          ...(args.length === 0 ? settings.Cmd : args),
        ]);
      },
    };
  }

  /** Ends everything that still runs and removes all files. */
  async close(): Promise<void> {
    for (const child of this.#running) if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    const store = join(this.root, 'store');
    if (existsSync(store)) {
      await run('/usr/bin/buildah', this.#arguments(['rm', '--all']), this.#options());
      await run('/usr/bin/buildah', this.#arguments(['rmi', '--all', '--force']), this.#options());
    }
    // Mounts left by a killed debootstrap or buildah belong to the host: unmount them before the folder is removed.
    for (const point of mountsBelow(this.root).reverse()) await ran('/usr/bin/umount', ['--lazy', point]);
    const left = mountsBelow(this.root);
    if (left.length > 0) throw new Error(`${this.root} is kept, for these are still mounted: ${left.join(' ')}`);
    removeFolder(this.root);
  }

  #arguments(args: readonly string[]): string[] {
    return [
      '--storage-driver',
      'vfs',
      '--root',
      join(this.root, 'store'),
      '--runroot',
      join(this.root, 'run'),
      ...args,
    ];
  }

  #options() {
    return { timeoutMs: SLOW_MS, env: { ...NETWORK, TMPDIR: this.root } };
  }

  #start(args: readonly string[]): Promise<RunningContainer> {
    // Its own process group, so that nothing of it can remain.
    const child = spawn('/usr/bin/buildah', this.#arguments(args), {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    this.#running.add(child);
    let said = '';
    let look = (): void => {};
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        look();
      });
    }
    const exited = new Promise<number | null>((resolve) =>
      child.once('close', (code) => {
        this.#running.delete(child);
        resolve(code);
      }),
    );
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      void exited.then((code) => reject(new Error(`the container ended with code ${code}:\n${said.slice(-4000)}`)));
      look = () => {
        if (!/^Next: /m.test(said)) return;
        look = () => {};
        resolve({ pid: innermost(child.pid ?? 0), said: () => said, exited });
      };
    });
  }
}

export interface Container {
  /** The path on the host of that path inside. */
  volume(path: string): string;
  /** Like `docker exec`: a second process, as root, in the same container. */
  execute(command: readonly string[]): Promise<Ran>;
  /** Like `docker run`, until the server reports that it is up. Without arguments, the command of the image. */
  start(args: readonly string[], environment?: Readonly<Record<string, string>>): Promise<RunningContainer>;
}

export interface RunningContainer {
  /** The server's. */
  readonly pid: number;
  /** Like `docker logs`. */
  said(): string;
  readonly exited: Promise<number | null>;
}

const UNITS: Readonly<Record<string, number>> = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9 };

/** The process that buildah's own processes run. */
function innermost(pid: number): number {
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const children = `/proc/${pid}/task/${task}/children`;
    const child = existsSync(children) ? Number(readFileSync(children, 'utf8').split(' ')[0]) : 0;
    if (child > 0) return innermost(child);
  }
  return pid;
}

function mountsBelow(folder: string): string[] {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .flatMap((line) => line.split(' ')[1] ?? [])
    .filter((point) => point.startsWith(`${folder}/`));
}

/** The mirror that apt uses on this machine, if it has the suite. */
async function mirror(): Promise<string> {
  const { out } = await run('/usr/bin/apt-get', [
    'indextargets',
    '--format',
    '$(CODENAME) $(COMPONENT) $(REPO_URI)',
    'Created-By: Packages',
  ]);
  const own = out.split('\n').find((line) => line.startsWith(`${SUITE} main http`));
  return own?.split(' ')[2] ?? 'http://deb.debian.org/debian';
}

/** npm is plain JavaScript: that of the host works in the base as well. */
function npmFolder(): string {
  for (const folder of (process.env['PATH'] ?? '').split(':')) {
    const npm = join(folder, 'npm');
    const program = existsSync(npm) ? realpathSync(npm) : '';
    if (program.endsWith('/bin/npm-cli.js')) return dirname(dirname(program));
  }
  throw new Error('npm is not on the PATH');
}
