/** What an author types, in an empty folder outside of the checkout whose package.json `npm init -y` made. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { BINARY, finish } from '../kit/launch.ts';
import { freeOffset } from '../kit/ports.ts';
import { startServer } from '../kit/server.ts';

const TSC = new URL('../../node_modules/.bin/tsc', import.meta.url).pathname;
const folder = temporaryFolder('author');
const posthorn = (...args: string[]): string =>
  execFileSync(process.execPath, [BINARY, ...args], { cwd: folder, encoding: 'utf8', stdio: 'pipe' });

beforeAll(() => writeFileSync(join(folder, 'package.json'), '{ "name": "x", "main": "index.js", "type": "commonjs" }'));
afterAll(() => removeFolder(folder));

const SLOW = 120_000;

it.each([
  ['ts', []],
  ['js', ['--js']],
])(
  'a new plugin in %s passes its tests',
  (ending, options) => {
    const name = `no-lottery-${ending}`;
    expect(posthorn('plugin', 'new', name, ...options)).toBe(
      `Made ${name}: index.${ending}, index.test.${ending}, package.json, tsconfig.json, README.md.\nNow: posthorn plugin test ${name}, and read ${name}/README.md.\n`,
    );
    expect(() => posthorn('plugin', 'new', name)).toThrow(/exists already; choose another name or remove it/);
    expect(posthorn('plugin', 'test', name)).toMatch(/ tests 2$.* pass 2$/ms);
  },
  SLOW,
);

/** Every line behind an expected error is one. */
const TYPED = `import { definePlugin, NEXT, noteKey, setting } from 'posthorn/plugin';
const COUNT = noteKey<number>('strict.count');
export default definePlugin({
  name: 'strict',
  config: {
    most: setting.number({ default: 1 }),
    mode: setting.oneOf(['a', 'b'], { default: 'a' }),
    names: setting.list(setting.object({ name: setting.text() }), { default: [] }),
    remark: setting.optional(setting.text()),
  },
  register(server) {
    const most: number = server.config.most;
    const mode: 'a' | 'b' = server.config.mode;
    const names: readonly string[] = server.config.names.map(({ name }) => name);
    // @ts-expect-error
    const wrong: string = server.config.most;
    // @ts-expect-error
    const missing = server.config.other;
    // @ts-expect-error
    const remark: string = server.config.remark;
    const seen = server.metrics.counter('seen_total', 'Seen.', ['kind']);
    seen.count('x');
    // @ts-expect-error
    seen.count();
    server.on('mail', ({ connection }) => {
      connection.notes.set(COUNT, 1);
      // @ts-expect-error
      connection.notes.set(COUNT, '1');
      const count: number | undefined = connection.notes.get(COUNT);
      server.log.info({ count, other: connection.notes.get('other'), most, mode, names, wrong, missing, remark }, 'counted');
      return NEXT;
    });
  },
});
/** As of zod: https://standardschema.dev */
declare const schema: { '~standard': { version: 1; vendor: string; validate(value: unknown): { value: { size: number } } | { issues: readonly { message: string }[] }; types?: { input: unknown; output: { size: number } } } };
export const other = definePlugin({
  name: 'other',
  config: schema,
  register(server) {
    const size: number = server.config.size;
    // @ts-expect-error
    const none = server.config.none;
    server.log.info({ size, none }, 'read');
  },
});
`;

it(
  'a plugin passes the compiler without anything installed beside it, with the types of its configuration and notes',
  () => {
    posthorn('plugin', 'new', 'typed');
    writeFileSync(join(folder, 'typed/strict.ts'), TYPED);
    execFileSync(process.execPath, [TSC, '-p', 'typed'], { cwd: folder, stdio: 'pipe' });
  },
  SLOW,
);

it.each(['no-mondays', 'reputation', 'junk-news'])(
  'the test of %s in plugins/README.md passes with the plugin there',
  (name) => {
    const readme = readFileSync(new URL('../../plugins/README.md', import.meta.url), 'utf8');
    mkdirSync(join(folder, name));
    for (const [, file = '', text = ''] of readme.matchAll(/```ts\n\/\/ plugins\.d\/(\S+)\n(.*?)```/gs))
      if (file.startsWith(`${name}/`)) writeFileSync(join(folder, file), text);
    expect(posthorn('plugin', 'test', name)).toMatch(/ tests 1$.* pass 1$/ms);
  },
);

it('a test that fails ends the command with an error', () => {
  mkdirSync(join(folder, 'bad'));
  writeFileSync(
    join(folder, 'bad/bad.test.js'),
    "import { test } from 'node:test'; test('x', () => { throw new Error('no'); });",
  );
  expect(() => posthorn('plugin', 'test', 'bad')).toThrow(/Command failed/);
  expect(() => posthorn('plugin', 'test', 'nothing')).toThrow(/there is no plugin nothing: neither /);
  expect(() => posthorn('plugin', 'new', 'No Name')).toThrow(/"No Name" cannot be a plugin's name; expected /);
});

it('`plugin check` shows what plugins register, `plugin list` what a running server did with them', async () => {
  posthorn('plugin', 'new', 'config/plugins.d/watch');
  const text = readFileSync(join(folder, 'config/plugins.d/watch/index.ts'), 'utf8');
  const portOffset = await freeOffset();
  const server = await startServer({
    files: {
      'main.cf':
        'compatibility_level = 3.6\nmyhostname = mail.example.test\ninet_interfaces = 127.0.0.1\nalias_maps =\n',
      plugins: 'restrictions\nwatch\n',
      'plugins.d/watch.ts': text.replace("onError: 'pass'", "onError: 'defer'"),
      'plugins.d/watch.json': '{ "deadline": 2 }',
    },
    portOffset,
    accounts: { 'maomao@mail.example.test': 'maomao' },
  });
  try {
    const checked = await server.command(['plugin', 'check']);
    expect(checked).toMatch(/^restrictions +connect helo mail /m);
    expect(checked).toMatch(/^watch +data_post +2 s, then defer +plugins\.d\/watch\.ts$/m);
    const where = ['--data', server.folders.data];
    expect((await finish(['plugin', 'list', ...where])).out).toMatch(/^watch +data_post +0 +0\.00 s +0$/m);
    const listed = JSON.parse((await finish(['plugin', 'list', '--json', ...where])).out) as { name: string }[];
    expect(listed.find(({ name }) => name === 'watch')).toMatchObject({
      policy: { deadline: 2000, onError: 'defer' },
      hooks: [{ hook: 'data_post', priority: 0, calls: 0, seconds: 0, failures: 0 }],
    });
    writeFileSync(join(server.folders.config, 'plugins.d/watch.ts'), 'export default 1;\n');
    await expect(server.command(['plugin', 'check'])).rejects.toThrow(
      /exit code 78$.*^.*plugin watch: the default export of /ms,
    );
  } finally {
    await server.stop();
  }
});
