/** P23: `posthorn import postfix`, `dovecot`, `bind`: what is copied, what stays, and what is said of it. */
import { cpSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { type ImportReport, importConfiguration, type Program } from '../../src/app/import-configuration.ts';
import { ensureCertificate } from '../../src/net/certificate.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { finish } from '../kit/launch.ts';

const ROOTS: string[] = [];
let disk: string;
let to: string;
beforeEach(() => {
  const root = temporaryFolder('import');
  ROOTS.push(root);
  [disk, to] = [join(root, 'disk'), join(root, 'to')];
});
afterAll(() => ROOTS.forEach(removeFolder));

/** A file of the other machine's disk. */
function file(path: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(join(disk, path)), { recursive: true });
  writeFileSync(join(disk, path), text, { mode });
}

const bring = (program: Program, copyKeys = false): Promise<ImportReport> =>
  importConfiguration({
    program,
    from: join(disk, program === 'bind' ? '/etc/bind' : `/etc/${program}`),
    to,
    root: disk,
    copyKeys,
    dataDirectory: join(to, 'data'),
  });
const statesOf = ({ files }: ImportReport): Record<string, string> =>
  Object.fromEntries(files.map(({ name, state }) => [name, state]));

async function postfix(): Promise<void> {
  const key = join(disk, 'etc/ssl/mail.key');
  mkdirSync(dirname(key), { recursive: true });
  await ensureCertificate({ certFile: join(disk, 'etc/ssl/mail.pem'), keyFile: key }, ['mail.old.test']);
  file(
    '/etc/postfix/main.cf',
    [
      'compatibility_level = 3.6',
      'myhostname = mail.old.test',
      'myorigin = /etc/mailname',
      'inet_interfaces = 127.0.0.1',
      'biff = no',
      'own_list = a',
      'dnssec_probe = ns:example.org',
      'alias_maps = hash:/etc/aliases',
      'virtual_alias_domains = list.test',
      'virtual_alias_maps = hash:/etc/postfix/maps/virtual',
      'smtpd_tls_cert_file = /etc/ssl/mail.pem',
      'smtpd_tls_key_file = /etc/ssl/mail.key',
      'smtpd_recipient_restrictions = check_recipient_access hash:/srv/lists/aliases, permit_mynetworks, reject',
      '',
    ].join('\n'),
  );
  file('/etc/postfix/master.cf', 'smtp inet n - y - - smtpd\n');
  file('/etc/postfix/unused', 'not named\n');
  file('/etc/mailname', 'old.test\n');
  file('/etc/aliases', 'postmaster: root\n');
  file('/etc/postfix/maps/virtual', 'all@list.test root\n', 0o600);
  file('/srv/lists/aliases', 'x@old.test REJECT\n');
}

describe('posthorn import postfix', () => {
  it('P23: copies what the files name, wherever it is, and says what becomes of each setting', async () => {
    await postfix();
    const report = await bring('postfix');
    expect(statesOf(report)).toEqual({
      'main.cf': 'copied',
      'master.cf': 'copied',
      '/etc/mailname': 'copied',
      '/etc/aliases': 'copied',
      '/etc/postfix/maps/virtual': 'copied',
      '/srv/lists/aliases': 'copied',
      '/etc/ssl/mail.pem': 'copied',
      '/etc/ssl/mail.key': 'key',
    });
    expect(existsSync(join(to, 'unused'))).toBe(false);
    // Two files of one name.
    expect(readFileSync(join(to, 'aliases'), 'utf8') + readFileSync(join(to, 'lists/aliases'), 'utf8')).toBe(
      'postmaster: root\nx@old.test REJECT\n',
    );
    expect(statSync(join(to, 'maps/virtual')).mode & 0o777).toBe(0o600);
    const said = Object.fromEntries(report.settings.map(({ name, state }) => [name, state]));
    expect(said).toMatchObject({
      myorigin: 'acts',
      biff: 'no meaning',
      dnssec_probe: 'acts',
      own_list: 'unknown',
    });
  });

  it('copies keys if it is told to, and then nothing is missing', async () => {
    await postfix();
    const report = await bring('postfix', true);
    expect(statesOf(report)['/etc/ssl/mail.key']).toBe('copied');
    expect(report.check.faults).toEqual([]);
    expect(report.check.notes.filter((note) => note.includes('no such file'))).toEqual([]);
  });

  it('leaves what the folder has, whatever the source says now', async () => {
    await postfix();
    await bring('postfix');
    writeFileSync(join(to, 'aliases'), 'postmaster: me\n');
    const again = statesOf(await bring('postfix'));
    expect([again['/etc/aliases'], again['/etc/mailname']]).toEqual(['kept', 'the same']);
    expect(readFileSync(join(to, 'aliases'), 'utf8')).toBe('postmaster: me\n');
  });

  it('refuses a folder that is not of the program', async () => {
    file('/etc/postfix/other', '');
    await expect(bring('postfix')).rejects.toThrow('there is no main.cf; expected the folder of postfix');
  });
});

it('P23: dovecot and bind go into the same folder, with what they include', async () => {
  await postfix();
  file('/etc/dovecot/dovecot.conf', 'protocols = imap\n!include conf.d/*.conf\n');
  file('/etc/dovecot/conf.d/10-ssl.conf', 'ssl = required\n');
  file('/etc/bind/named.conf', 'include "/etc/bind/named.conf.local";\n');
  file('/etc/bind/named.conf.local', 'zone "old.test" { type master; file "/var/lib/bind/db.old"; };\n');
  file('/var/lib/bind/db.old', '$TTL 60\n@ IN SOA ns admin 7 1D 1H 1W 60\n  IN NS ns\nns IN A 127.0.0.1\n');
  await bring('postfix', true);
  const dovecot = await bring('dovecot');
  expect(Object.values(statesOf(dovecot))).toEqual(['copied', 'copied']);
  const bind = await bring('bind');
  expect(Object.keys(statesOf(bind)).sort()).toEqual([
    '/etc/bind/named.conf.local',
    '/var/lib/bind/db.old',
    'named.conf',
  ]);
  expect(bind.check.faults).toEqual([]);
});

it("P23: the exercise's sites are taken over without a fault, by the command", async () => {
  for (const site of ['baidu', 'qq']) {
    const from = join(import.meta.dirname, '../../lab', site);
    cpSync(from, join(disk, site), { recursive: true, dereference: true });
    const folder = join(to, site);
    const words = (program: string): string[] => ['import', program, join(disk, site), '--to', folder, '--json'];
    for (const program of ['postfix', 'dovecot']) {
      const { code, out } = await finish([...words(program), '--data', join(to, 'data')]);
      expect([code, (JSON.parse(out) as ImportReport).check.faults]).toEqual([0, []]);
    }
    const text = await finish(['import', 'postfix', join(disk, site), '--to', folder, '--data', join(to, 'data')]);
    expect(text.out).toMatch(/^virtual_alias_maps +\d+ +taken over$/m);
    expect(text.out).toMatch(/^main\.cf +.*main\.cf, as before$/m);
  }
});
