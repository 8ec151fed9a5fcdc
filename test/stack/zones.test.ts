/** A faulty zone next to good ones and to mail: at startup, at a reload, and when its file is repaired. */
import { Resolver } from 'node:dns/promises';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { removeFolder } from '../kit/folder.ts';
import { jsonLines } from '../kit/json-lines.ts';
import { type Finished, finish, type Launched, launch } from '../kit/launch.ts';
import { freeOffset } from '../kit/ports.ts';
import { type Folders, makeFolders } from '../kit/server.ts';

const zone = (serial: number, more = ''): string =>
  `$TTL 60\n@ IN SOA ns admin ${serial} 1D 1H 1W 60\n  IN NS ns\nns IN A 192.0.2.${serial}\n${more}`;
const FAULT = 'broken IN A 300.1.2.3\n';

let offset: number;
let folders: Folders;
let server: Launched;
const edit = (name: string, text: string): void => writeFileSync(join(folders.config, name), text);
const reload = (): Promise<Finished> => finish(['reload', '--data', folders.data, '--config', folders.config]);
const inFolder = (text: string): string => text.replaceAll(folders.config, 'DIR');
/** An address, or the response code. */
const ask = (name: string): Promise<string> => {
  const resolver = new Resolver({ timeout: 1000, tries: 2 });
  resolver.setServers([`127.0.0.1:${53 + offset}`]);
  return resolver.resolve4(name).then(String, (error: NodeJS.ErrnoException) => error.code ?? '');
};
const errors = (): string[] =>
  jsonLines<{ level: string | number; msg: string }>(join(folders.data, 'log', 'mail.jsonl'))
    .filter(({ level }) => level === 'error' || level === 50)
    .map(({ msg }) => inFolder(msg));

beforeAll(async () => {
  offset = await freeOffset();
  folders = makeFolders({
    'main.cf':
      'compatibility_level = 3.6\nmyhostname = mail.good.test\nmydestination = good.test\ninet_interfaces = 127.0.0.1\nalias_maps =\n',
    'named.conf': [
      'options { listen-on port 53 { 127.0.0.1; }; };',
      'zone "good.test" { type master; file "good"; };',
      'zone "faulty.test" { type master; file "faulty"; };',
      'zone "missing.test" { type master; file "missing"; };',
      '',
    ].join('\n'),
    good: zone(1),
    faulty: zone(1, FAULT),
  });
  server = launch([
    'start',
    '--config',
    folders.config,
    '--data',
    folders.data,
    '--port-offset',
    String(offset),
    '--quiet',
  ]);
  await server.shows(/^Next: /m);
});
afterAll(async () => {
  server.child.kill('SIGTERM');
  await server.exited;
  removeFolder(folders.root);
});

describe('a faulty zone', () => {
  it('does not prevent the start, mail, or other zones, and is reported on the terminal and in the log', async () => {
    const said = [
      "DIR/faulty:5: near '300.1.2.3': bad dotted quad, expected an IPv4 address such as 192.0.2.1",
      'DIR/named.conf:4: zone missing.test/IN: loading from master file DIR/missing failed: file not found',
      'zone faulty.test/IN: not loaded due to errors: questions for it are answered with SERVFAIL',
      'zone missing.test/IN: not loaded due to errors: questions for it are answered with SERVFAIL',
    ];
    for (const line of said) expect(inFolder(server.stdout())).toContain(`- error: ${line}\n`);
    await expect.poll(errors).toEqual(said);
    expect(await ask('ns.good.test')).toBe('192.0.2.1');
    expect([await ask('ns.faulty.test'), await ask('ns.missing.test')]).toEqual(['ESERVFAIL', 'ESERVFAIL']);
    const smtp = await LineClient.connect({
      host: '127.0.0.1',
      port: 25 + offset,
      tls: false,
      localAddress: '127.0.0.1',
    });
    expect((await smtp.smtp()).slice(0, 4)).toBe('220 ');
    smtp.close();
  });

  it('is served once its file is repaired', async () => {
    edit('faulty', zone(2));
    edit('missing', zone(2));
    const { code, out } = await reload();
    expect([code, out.includes('error:')]).toEqual([0, false]);
    expect([await ask('ns.faulty.test'), await ask('ns.missing.test')]).toEqual(['192.0.2.2', '192.0.2.2']);
  });

  it('keeps its last good content at a reload, while the others change', async () => {
    edit('faulty', zone(3, FAULT));
    rmSync(join(folders.config, 'missing'));
    edit('good', zone(3));
    const { code, out } = await reload();
    expect(code).toBe(0);
    expect(inFolder(out)).toMatch(/error: DIR\/faulty:5: near '300\.1\.2\.3': bad dotted quad/);
    expect(inFolder(out)).toMatch(
      /error: zone faulty\.test\/IN: not loaded due to errors: serial 2, loaded before, stays in service/,
    );
    await expect
      .poll(() => errors().at(-1))
      .toBe('zone missing.test/IN: not loaded due to errors: serial 2, loaded before, stays in service');
    expect(await Promise.all(['ns.good.test', 'ns.faulty.test', 'ns.missing.test'].map(ask))).toEqual([
      '192.0.2.3',
      '192.0.2.2',
      '192.0.2.2',
    ]);
  });

  it('a fault of named.conf itself refuses the reload', async () => {
    edit('named.conf', 'options { lisen-on { any; }; };\n');
    const { code, err } = await reload();
    expect(code).toBe(78);
    expect(inFolder(err)).toContain("DIR/named.conf:1: unknown option 'lisen-on': did you mean listen-on?");
    expect(await ask('ns.good.test')).toBe('192.0.2.3');
  });
});
