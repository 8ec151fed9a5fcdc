/** bin/posthorn.js run by a Node that is too old: a Node that claims to be version 20. */
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { BINARY } from '../kit/launch.ts';
import { freeOffset } from '../kit/ports.ts';

let folder: string;
/** Pretends only once: the process started in its place reports its real version. */
let old: string;
beforeAll(() => {
  folder = temporaryFolder('node');
  old = join(folder, 'old.cjs');
  writeFileSync(
    old,
    `if (process.env.PRETEND === '1') {
      process.env.PRETEND = process.env.STAYS_OLD ?? '';
      Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.0.0' } });
    }`,
  );
});
afterAll(() => removeFolder(folder));

interface Run {
  readonly child: ChildProcess;
  readonly ended: Promise<{
    readonly code: number | null;
    readonly signal: string | null;
    readonly out: string;
    readonly err: string;
  }>;
  shows(text: string): Promise<void>;
}

function run(
  script: string,
  args: readonly string[],
  { input = '', env = {} }: { input?: string; env?: Record<string, string> } = {},
): Run {
  const child = spawn(process.execPath, ['--require', old, script, ...args], {
    env: { ...process.env, PRETEND: '1', ...env },
  });
  const said = { out: '', err: '' };
  child.stdout.on('data', (chunk) => {
    said.out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    said.err += chunk;
  });
  child.stdin.end(input);
  return {
    child,
    ended: new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal, ...said }))),
    shows: async (text) => {
      while (!said.out.includes(text)) await new Promise((resolve) => child.stdout.once('data', resolve));
    },
  };
}

it('the Node of node_modules runs the same command, with its arguments, options, standard streams and exit code', async () => {
  const data = join(folder, 'data');
  expect(
    await run(BINARY, ['user', 'add', 'xixi@example.com', '--password-stdin', '--data', data], { input: 'sesame\n' })
      .ended,
  ).toMatchObject({
    code: 0,
    out: expect.stringContaining('xixi@example.com added.'),
    err: expect.stringMatching(/^Note: there was no mail in .*\n$/),
  });
  symlinkSync(BINARY, join(folder, 'mailq'));
  expect(await run(join(folder, 'mailq'), ['--json', '--data', data]).ended).toMatchObject({ code: 0, out: '[]\n' });
  expect(await run(BINARY, ['nosuch']).ended).toMatchObject({
    code: 1,
    out: '',
    err: expect.stringContaining("unknown command 'nosuch'"),
  });
  const shown = await run(BINARY, ['--version'], {
    env: { NODE_OPTIONS: '--title=posthorn-test', POSTHORN_DATA: data },
  }).ended;
  expect(shown).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
});

it('a signal is forwarded, and the process ends like the one that it started', async () => {
  const server = run(BINARY, ['start', '--data', join(folder, 'served'), '--port-offset', String(await freeOffset())]);
  await server.shows('First account: ');
  server.child.kill('SIGTERM');
  expect(await server.ended).toMatchObject({
    code: 0,
    signal: null,
    err: expect.stringContaining('SIGTERM: finishing'),
  });
});

it('without a suitable Node, the message says what to do', async () => {
  const copy = join(folder, 'package');
  for (const name of ['bin', 'package.json'])
    cpSync(fileURLToPath(new URL(`../../${name}`, import.meta.url)), join(copy, name), { recursive: true });
  const refused = {
    code: 1,
    out: '',
    err: expect.stringMatching(
      /^posthorn needs Node 24\.12 or newer; this is 20\.0\.0 \(.+\)\.\nIn a checkout "npm ci" brings one/,
    ),
  };
  expect(await run(join(copy, 'bin', 'posthorn.js'), ['--version']).ended).toMatchObject(refused);
  // Whatever version that Node reports, no third process is started.
  expect(await run(BINARY, ['--version'], { env: { STAYS_OLD: '1' } }).ended).toMatchObject(refused);
});
