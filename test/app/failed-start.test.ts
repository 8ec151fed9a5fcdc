/** A start that fails at any of its steps closes everything that it opened, so that the next start works. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import type { RunningServer } from '../../src/app/running-server.ts';
import type { ServerOptions } from '../../src/app/server-parts.ts';
import { startServer } from '../../src/app/start-server.ts';
import { removeFolder } from '../kit/folder.ts';
import { freeOffset } from '../kit/ports.ts';
import { makeFolders } from '../kit/server.ts';

const folders: string[] = [];
const occupied: Server[] = [];
afterEach(() => {
  for (const server of occupied.splice(0)) server.close();
  for (const folder of folders.splice(0)) removeFolder(folder);
});

interface Place {
  readonly config: string;
  readonly data: string;
  readonly offset: number;
}

const MAIN = 'myhostname = mail.example.test\ninet_interfaces = 127.0.0.1\nalias_maps =\nalias_database =\n';
const MASTER = 'smtp inet n - n - - smtpd\nsmtps inet n - n - - smtpd\n  -o smtpd_tls_wrappermode=yes\n';
const NAMED = 'options { listen-on port 53 { 127.0.0.1; }; };\nzone "example.test" IN { type master; file "zone"; };\n';
const ZONE = '$TTL 60\n@ IN SOA ns admin 1 1D 1H 1W 60\n  IN NS ns\nns IN A 127.0.0.1\n';
/** Writes to a file when it is closed. */
const PLUGIN = `import { appendFileSync } from 'node:fs';
import { definePlugin } from 'posthorn/plugin';
export default definePlugin({ name: 'witness', register(server) {
  server.onClose(() => appendFileSync(new URL('closed', import.meta.url), 'x'));
} });
`;
const witness = ({ config }: Place): string => join(config, 'plugins.d', 'witness', 'closed');

async function makePlace(): Promise<Place> {
  const files = {
    'main.cf': MAIN,
    'master.cf': MASTER,
    'named.conf': NAMED,
    zone: ZONE,
    plugins: 'witness\n',
    'plugins.d/witness/index.ts': PLUGIN,
  };
  const { root, config, data } = makeFolders(files);
  folders.push(root);
  mkdirSync(join(config, 'www', 'www.example.test'), { recursive: true });
  return { config, data, offset: await freeOffset() };
}

const start = ({ config, data, offset }: Place, more: Partial<ServerOptions> = {}): Promise<RunningServer> =>
  startServer({
    configDirectory: config,
    dataDirectory: data,
    portOffset: offset,
    accounts: [],
    printLog: false,
    onStop: () => {},
    ...more,
  });

/** Number of open resources by kind; each would keep the process alive. */
function handles(): ReadonlyMap<string, number> {
  const kinds = process.getActiveResourcesInfo().filter((kind) => /Server|Pipe|UDP|MessagePort|Worker/.test(kind));
  return new Map([...Map.groupBy(kinds, (kind) => kind)].map(([kind, all]) => [kind, all.length]));
}

/** Kinds of which there are more than before; a closed handle disappears a moment later. */
const left = (before: ReadonlyMap<string, number>): string[] =>
  [...handles()].filter(([kind, count]) => count > (before.get(kind) ?? 0)).map(([kind]) => kind);

function occupy(port: number): Promise<() => void> {
  const server = createServer();
  occupied.push(server);
  return new Promise((resolve) => server.listen({ host: '127.0.0.1', port }, () => resolve(() => server.close())));
}

interface Step {
  readonly step: string;
  /** Makes the step fail; the returned function makes it succeed again. */
  spoil(place: Place): (() => void) | Promise<() => void>;
  readonly message: RegExp;
  readonly options?: Partial<ServerOptions>;
}

/** The path is a folder or file of the wrong kind until it is removed. */
const folderAt = (path: string): (() => void) => {
  mkdirSync(path, { recursive: true });
  return () => rmSync(path, { recursive: true });
};
const textAt = (path: string, text: string, before: string | null): (() => void) => {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
  return () => (before === null ? rmSync(path) : writeFileSync(path, before));
};

const BROKEN_ACCOUNT = {
  password: 'x',
  get address(): string {
    throw new Error('no such account');
  },
};

const STEPS: readonly Step[] = [
  {
    step: 'the configuration',
    spoil: ({ config }) => textAt(join(config, 'main.cf'), `${MAIN}mynetworks = 1.2.3\n`, MAIN),
    message: /mynetworks/,
  },
  {
    step: 'the data folder',
    spoil: ({ data }) => textAt(data, '', null),
    message: /cannot be used as the data folder/,
  },
  {
    step: 'the log',
    spoil: ({ data }) => folderAt(join(data, 'log', 'mail.jsonl')),
    message: /cannot be used as the data folder/,
  },
  { step: 'the certificates', spoil: ({ data }) => textAt(join(data, 'tls'), '', null), message: /tls/ },
  {
    step: 'the store',
    spoil: ({ data }) => folderAt(join(data, 'store.sqlite')),
    message: /store\.sqlite|unable to open/,
  },
  {
    step: 'a table that only sessions read',
    spoil: ({ config }) =>
      textAt(
        join(config, 'main.cf'),
        `${MAIN}smtpd_forbid_bare_newline_exclusions = hash:${join(config, 'www')}\n`,
        MAIN,
      ),
    message: /www/,
  },
  { step: 'an account', spoil: () => () => {}, message: /no such account/, options: { accounts: [BROKEN_ACCOUNT] } },
  { step: 'the name server', spoil: ({ offset }) => occupy(53 + offset), message: /EADDRINUSE/ },
  { step: 'the admin socket', spoil: ({ data }) => folderAt(join(data, 'posthorn.sock')), message: /posthorn\.sock/ },
  {
    step: 'the last of the ports',
    spoil: ({ offset }) => occupy(443 + offset),
    message: /https: cannot listen on 127\.0\.0\.1/,
  },
];

it.each(STEPS)(
  'a start that fails at $step leaves nothing open, and the next one works',
  async ({ spoil, message, options, step }) => {
    const place = await makePlace();
    const mend = await spoil(place);
    const before = handles();
    await expect(start(place, options)).rejects.toThrow(message);
    await expect.poll(() => left(before)).toEqual([]);
    // Closed once; if the configuration itself is refused, the plugin was also registered.
    expect(readFileSync(witness(place), 'utf8')).toBe('x');
    if (step === 'the configuration') expect(existsSync(place.data)).toBe(false);
    mend();
    const server = await start(place);
    expect(server.listeners.map(({ service }) => service).sort()).toEqual([
      'dns',
      'http',
      'https',
      'imap',
      'imaps',
      'pop3',
      'pop3s',
      'smtp',
      'smtps',
    ]);
    await server.close(0);
    expect(readFileSync(witness(place), 'utf8')).toBe('xx');
  },
);

it('says that port 80 is taken by another program and starts without it; http_redirect = no leaves it alone', async () => {
  const place = await makePlace();
  await occupy(80 + place.offset);
  const server = await start(place);
  const services = (): readonly string[] => server.listeners.map(({ service }) => service);
  expect(server.notes).toContainEqual(
    expect.stringMatching(
      /^warning: http: cannot listen on 127\.0\.0\.1:\d+ \(EADDRINUSE\): .*; http:\/\/ does not lead/,
    ),
  );
  expect(services()).toContain('https');
  expect(services()).not.toContain('http');
  writeFileSync(join(place.config, 'main.cf'), `${MAIN}http_redirect = no\n`);
  expect((await server.reload()).join('\n')).not.toContain('http:');
  await server.close(0);
});
