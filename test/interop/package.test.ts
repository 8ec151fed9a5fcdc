/** The package: made by `npm pack`, installed into an empty folder as a user would install it, and run from there. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { freeOffset } from '../kit/ports.ts';
import { type Ran, ran, run, startDaemon, until } from './program.ts';

const CHECKOUT = fileURLToPath(new URL('../../', import.meta.url));
const MAIN = `compatibility_level = 3.6
myhostname = mail.package.example
mydomain = package.example
myorigin = $mydomain
mydestination = $myhostname, $mydomain
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
`;

/** In JavaScript and in TypeScript: both import the API by the name of the package. */
const PLUGINS = {
  'no-bears': {
    file: 'index.js',
    text: `import { definePlugin, deny, NEXT, reply } from 'posthorn/plugin';
export default definePlugin({
  name: 'no-bears',
  register: (server) => server.on('mail', ({ reversePath }) => (reversePath.startsWith('bear@') ? deny(reply(550, '5.7.1', 'No bears')) : NEXT)),
});
`,
  },
  'no-foxes': {
    file: 'index.ts',
    text: `import { definePlugin, deny, NEXT, reply, type Server } from 'posthorn/plugin';
export default definePlugin({
  name: 'no-foxes',
  register(server: Server): void {
    server.on('mail', ({ reversePath }) => (reversePath.startsWith('fox@') ? deny(reply(550, '5.7.1', 'No foxes')) : NEXT));
  },
});
`,
  },
} as const;

describe('the package', () => {
  const root = temporaryFolder('package');
  const home = join(root, 'home');
  const installed = join(home, 'node_modules/posthorn');
  let offset = 0;
  /** The Node of these tests first, then the programs of the machine; registry access as configured on the machine. */
  const environment = {
    ...Object.fromEntries(
      Object.entries(process.env).flatMap(([name, value]) =>
        value === undefined || /^npm_/i.test(name) ? [] : [[name, value]],
      ),
    ),
    PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
    XDG_CACHE_HOME: join(root, 'cache'),
  };
  const npm = (args: readonly string[], cwd: string): Promise<string> =>
    ran('npm', args, { cwd, env: environment, timeoutMs: 300_000 });
  const posthorn = (...args: string[]): Promise<Ran> =>
    run(join(home, 'node_modules/.bin/posthorn'), args, { cwd: home, env: environment });

  beforeAll(async () => {
    offset = await freeOffset();
    mkdirSync(home);
    await npm(['pack', '--pack-destination', root], CHECKOUT);
    const file = readdirSync(root).find((name) => name.endsWith('.tgz')) ?? '';
    await npm(['install', '--no-audit', '--no-fund', join(root, file)], home);
    console.log(`${file}: ${(statSync(join(root, file)).size / 1e3).toFixed(0)} kB packed`);
  });

  afterAll(() => removeFolder(root));

  it('contains JavaScript with types, the configuration and the lab, and no sources, tests or leftovers', () => {
    const files = readdirSync(installed, { recursive: true, encoding: 'utf8' });
    expect(files).toEqual(
      expect.arrayContaining([
        'dist/src/main.js',
        'dist/src/bus/plugin.d.ts',
        'dist/plugins/restrictions/index.js',
        'config/main.cf',
        'dist/lab/README.md',
      ]),
    );
    expect(files.filter((file) => (file.endsWith('.ts') && !file.endsWith('.d.ts')) || /\.test\./.test(file))).toEqual(
      [],
    );
    expect(statSync(join(installed, 'bin/posthorn.js')).mode & 0o111).not.toBe(0);
    const { allowScripts } = JSON.parse(readFileSync(join(CHECKOUT, 'package.json'), 'utf8')) as {
      allowScripts: object;
    };
    expect(allowScripts).toEqual({ node: true });
    expect(existsSync(join(CHECKOUT, 'dist'))).toBe(false);
  });

  it('npx posthorn --help shows the commands; a Node that is too old gets a clear message', async () => {
    const help = await run('npx', ['posthorn', '--help'], { cwd: home, env: environment });
    expect(help).toMatchObject({ code: 0, out: expect.stringContaining('start the server') });
    const old = spawnSync('/usr/bin/node', ['-p', 'process.versions.node'], { encoding: 'utf8' });
    if (old.error !== undefined || Number.parseInt(old.stdout, 10) >= 24) return;
    const refused = await run('/usr/bin/node', [join(installed, 'bin/posthorn.js'), 'start'], { cwd: home });
    expect(refused.code).toBe(1);
    expect(refused.err).toBe(
      `posthorn needs Node 24.12 or newer; this is ${old.stdout.trim()} (/usr/bin/node).\nIn a checkout "npm ci" brings one, which is then used by itself; otherwise install Node 24 (LTS).\n`,
    );
  });

  it('a server runs from it: mail arrives, plugins in JavaScript and TypeScript are called, the store works in its threads', async () => {
    const config = join(home, 'config');
    mkdirSync(config);
    writeFileSync(join(config, 'main.cf'), MAIN);
    writeFileSync(join(config, 'plugins'), `restrictions\nrewriting\n${Object.keys(PLUGINS).join('\n')}\n`);
    for (const [name, { file, text }] of Object.entries(PLUGINS)) {
      mkdirSync(join(config, 'plugins.d', name), { recursive: true });
      writeFileSync(join(config, 'plugins.d', name, file), text);
    }
    const daemon = await startDaemon(
      join(home, 'node_modules/.bin/posthorn'),
      ['start', '--port-offset', String(offset)],
      async () => (await posthorn('status')).code === 0,
      { cwd: home, env: environment },
    );
    try {
      await until('the password', async () => daemon.said().includes('Next:'));
      const password = /shown only once: (\S+)/.exec(daemon.said())?.[1] ?? '';
      const smtp = await LineClient.connect({ host: '127.0.0.1', port: offset + 25 });
      await smtp.smtp();
      await smtp.smtp('EHLO client.example');
      expect(await smtp.smtp('MAIL FROM:<bear@forest.example>')).toBe('550 5.7.1 No bears');
      expect(await smtp.smtp('MAIL FROM:<fox@forest.example>')).toBe('550 5.7.1 No foxes');
      for (const command of ['MAIL FROM:<owl@forest.example>', 'RCPT TO:<admin@package.example>', 'DATA'])
        expect(await smtp.smtp(command)).toMatch(/^[23]/);
      expect(await smtp.smtp('Subject: From a package\r\n\r\nText.\r\n.')).toMatch(/^250 2\.0\.0 /);
      smtp.close();
      const imap = await LineClient.connect({ host: '127.0.0.1', port: offset + 993, tls: true });
      await imap.line();
      await imap.imap('a', `LOGIN admin@package.example ${password}`);
      await imap.imap('b', 'SELECT INBOX');
      expect((await imap.imap('c', 'SEARCH SUBJECT "From a package"'))[0]).toBe('* SEARCH 1');
      imap.close();
    } finally {
      await daemon.stop();
    }
    expect(daemon.said()).not.toMatch(/ExperimentalWarning|ERR_/);
  });

  it('a plugin in TypeScript is checked against its types', async () => {
    const options = [
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2024',
      '--lib',
      'es2024',
      '--ignoreConfig',
    ];
    const types = ['--typeRoots', join(CHECKOUT, 'node_modules/@types'), '--types', 'node'];
    const check = (file: string): Promise<Ran> =>
      run(process.execPath, [join(CHECKOUT, 'node_modules/typescript/bin/tsc'), ...options, ...types, file], {
        cwd: home,
        env: environment,
      });
    expect(await check('config/plugins.d/no-foxes/index.ts')).toMatchObject({ code: 0, out: '' });
    const wrong = join(home, 'wrong.ts');
    writeFileSync(wrong, PLUGINS['no-foxes'].text.replace("'mail'", "'male'"));
    expect((await check(wrong)).out).toMatch(/"male"|'male'/);
  });

  it('the lab is included: nine points', async () => {
    const lab = await posthorn('lab', '--json');
    const { results } = JSON.parse(lab.out) as { results: { id: string; ok: boolean; seen: string }[] };
    expect(results.filter(({ ok }) => !ok)).toEqual([]);
    expect(results).toHaveLength(9);
  });
});
