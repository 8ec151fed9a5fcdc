/**
 * `posthorn check`: reports what a start would report about a configuration, without starting (requirements G8 and P4).
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { removeFolder } from '../kit/folder.ts';
import { type Finished, finish } from '../kit/launch.ts';
import { makeFolders } from '../kit/server.ts';

const MAIL = 'compatibility_level = 3.6\nmyhostname = mail.example.test\ninet_interfaces = 127.0.0.1\nalias_maps =\n';
const NAMED = 'options { listen-on port 53 { 127.0.0.1; }; };\nzone "example.test" IN { type master; file "zone"; };\n';

const roots: string[] = [];
afterEach(() => {
  for (const root of roots.splice(0)) removeFolder(root);
});

/** The result with the folder name removed, and whether a data folder was created. */
async function check(
  files: Readonly<Record<string, string>>,
  ...words: string[]
): Promise<Finished & { readonly made: boolean }> {
  const { root, config, data } = makeFolders(files);
  roots.push(root);
  const { out, err, ...rest } = await finish(['check', '--config', config, '--data', data, ...words]);
  const plain = (text: string): string => text.replaceAll(`${config}/`, '').replaceAll(config, 'CONFIG');
  return {
    ...rest,
    out: plain(out),
    err: plain(err),
    made: existsSync(join(data, 'store.sqlite')) || existsSync(join(data, 'tls')),
  };
}

describe('posthorn check', () => {
  it('reports settings without effect, and creates nothing', async () => {
    expect(await check({ 'main.cf': `${MAIL}biff = no\n` })).toMatchObject({
      code: 0,
      out: '- main.cf:5: biff: no meaning here: there is no comsat service\nCONFIG: no faults.\n',
      err: '',
      made: false,
    });
  });

  it('reports every fault of restrictions, plugins and zones, and exits with 78', async () => {
    const files = {
      'main.cf': `${MAIL}postscreen_dnsbl_sites = zen.example\nsmtpd_recipient_restrictions = reject_unlisted_recipent\n`,
      checks: '/a/ REJECT\n',
      plugins: 'restrictions\nno-such-plugin\n',
      'named.conf': NAMED,
      zone: '@ IN SOA ns admin 7 1D 1H 1W 60\n',
    };
    const { code, err, made } = await check(files);
    expect({ code, made }).toEqual({ code: 78, made: false });
    expect(err).toMatch(/^The configuration has \d faults; a start would be refused\.$/m);
    for (const part of [
      'main.cf:5: postscreen_dnsbl_sites: not supported yet',
      'main.cf:6: ',
      'no-such-plugin',
      'zone',
    ])
      expect(err).toContain(part);
  });

  it('a faulty zone, which alone would not prevent a start, is a fault here', async () => {
    const { code, err } = await check({ 'named.conf': NAMED, zone: '@ IN SOA ns admin 7 1D 1H 1W 60\n' });
    expect(code).toBe(78);
    expect(err).toContain('a start would go on without these zones');
  });

  it('prints JSON with --json', async () => {
    const { code, out } = await check(
      { 'main.cf': `${MAIL}postscreen_dnsbl_sites = zen.example\nbiff = no\n` },
      '--json',
    );
    expect(code).toBe(78);
    expect(JSON.parse(out)).toMatchObject({
      faults: [
        {
          line: 5,
          parameter: 'postscreen_dnsbl_sites',
          text: expect.stringMatching(/^main\.cf:5: postscreen_dnsbl_sites: not supported yet/),
        },
      ],
      notes: ['main.cf:6: biff: no meaning here: there is no comsat service'],
    });
  });
});
