/** `posthorn domain records` and `domain check` beside a running server that signs and serves its own zone. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { removeFolder } from '../kit/folder.ts';
import { finish } from '../kit/launch.ts';
import { freeOffset } from '../kit/ports.ts';
import { makeFolders, startServer, type TestServer } from '../kit/server.ts';

const HEAD = '$TTL 60\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n';

let server: TestServer;
let folders: ReturnType<typeof makeFolders>;
let offset: number;
beforeAll(async () => {
  offset = await freeOffset();
  folders = makeFolders({
    'main.cf':
      'compatibility_level = 3.6\nmyhostname = mail.example.test\nmydestination = example.test\ninet_interfaces = 127.0.0.1\nalias_maps =\n',
    'named.conf':
      'options { listen-on { 127.0.0.1; }; directory "."; };\nzone "example.test" { type master; file "zone"; };\n',
    plugins: 'restrictions\nrewriting\ndkim-sign\n',
    zone: HEAD,
  });
  server = await startServer({ files: {}, folders, portOffset: offset });
});
afterAll(async () => {
  await server?.stop();
  removeFolder(folders.root);
});

const run = (...args: readonly string[]) =>
  finish(['domain', ...args, '--config', folders.config, '--data', folders.data]);

it('S10: what is printed, put into the zone, is what is checked; keys are answered without being written there', async () => {
  const before = await run('check', 'example.test', '--port-offset', String(offset));
  expect(before.code).toBe(1);
  for (const line of [
    /^wrong {3}MX: none\n {8}-> in the zone of example\.test: example\.test\. IN MX 10 mail/m,
    /^wrong {3}DKIM: no keys$/m,
  ])
    expect(before.out).toMatch(line);

  const { out, err } = await run('records', 'example.test', '--make-keys');
  expect(
    out.match(/^(?:rsa|ed)-\d{8}-[0-9a-f]{6}\._domainkey\.example\.test\. 3600 IN TXT "v=DKIM1; k=/gm),
  ).toHaveLength(2);
  expect(err).toMatch(/no address of this machine is a public one/);
  expect((await run('records', 'example.test', '--table')).out).toMatch(/^name +type +data +what for$/m);

  writeFileSync(
    join(folders.config, 'zone'),
    `${HEAD}${out.replace(/^.*_domainkey.*\n/gm, '')}\n`.replace(' 1 3600', ' 2 3600'),
  );
  expect(readFileSync(join(folders.config, 'zone'), 'utf8')).not.toContain('_domainkey');
  await server.command(['reload']);
  const after = JSON.parse((await run('check', 'example.test', '--port-offset', String(offset), '--json')).out);
  const states = (after as { what: string; state: string }[]).map(({ what, state }) => `${what} ${state}`);
  for (const row of ['MX ok', 'address ok', 'SPF ok', 'DMARC ok', 'TLS-RPT ok']) expect(states).toContain(row);
  expect(states.filter((row) => row === 'DKIM ok')).toHaveLength(2);
});

it('S10: a domain that is none is told', async () => {
  expect((await run('records', 'example')).err).toContain('"example" is no name of a domain such as example.com');
});
