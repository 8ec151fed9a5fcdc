import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { afterAll, describe, expect, it } from 'vitest';
import { readAuthorities } from '../../src/config/authorities.ts';
import type { NamedFile } from '../../src/config/certificates.ts';
import { PathResolver } from '../../src/config/paths.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';

const folder = temporaryFolder('authorities');
afterAll(() => removeFolder(folder));
const paths = new PathResolver(folder);
const named = (path: string): NamedFile => ({
  path,
  place: { file: 'main.cf', line: 3, parameter: 'smtp_tls_CAfile' },
});

describe('T1: smtp_tls_CAfile', () => {
  it('T1: names the authorities, one per certificate of the file', async () => {
    const { cert } = await generate([{ name: 'commonName', value: 'ca.example' }], {
      keyType: 'ec',
      algorithm: 'sha256',
    });
    writeFileSync(join(folder, 'cacert.pem'), `words before\n${cert}\nand between\n${cert}`);
    const { certificates, absent, fault } = readAuthorities(named('/etc/postfix/cacert.pem'), paths);
    expect([certificates.length, absent, fault]).toEqual([2, false, undefined]);
    expect(certificates[1]?.trim()).toBe(cert.trim());
  });

  it('T1: the authorities of the platform are used if no file is set, or if the file does not exist', () => {
    expect(readAuthorities(null, paths)).toEqual({ certificates: [], named: null, absent: false });
    expect(readAuthorities(named('/nowhere/ca.pem'), paths)).toEqual({
      certificates: [],
      named: named('/nowhere/ca.pem'),
      absent: true,
    });
  });

  it.each([
    ['empty', '', 'no certificate in it'],
    ['broken', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', ''],
  ])('T1: a file that is %s is a fault', (name, text, words) => {
    writeFileSync(join(folder, name), text);
    const { fault } = readAuthorities(named(name), paths);
    expect(fault).toMatchObject({ file: 'main.cf', line: 3, parameter: 'smtp_tls_CAfile' });
    expect(fault?.message).toContain(join(folder, name));
    expect(fault?.message).toContain(words);
  });
});
