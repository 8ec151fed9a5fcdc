import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { afterAll, describe, expect, it } from 'vitest';
import { type Authorities, readAuthorities } from '../../src/config/authorities.ts';
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

const read = (file?: NamedFile, folder?: NamedFile, withSystem = false): Authorities =>
  readAuthorities({ file, folder, withSystem }, paths);

describe('T1: certificate authorities', () => {
  it('T1: those of a file, each once, and of the hashed names of a folder', async () => {
    const [one, other] = await Promise.all(
      ['ca.example', 'other.example'].map((value) =>
        generate([{ name: 'commonName', value }], { keyType: 'ec', algorithm: 'sha256' }),
      ),
    );
    writeFileSync(join(folder, 'cacert.pem'), `words before\n${one?.cert}\nand between\n${one?.cert}`);
    expect(read(named('/etc/postfix/cacert.pem'))).toEqual({ certificates: [one?.cert.trim()], faults: [] });
    mkdirSync(join(folder, 'certs'));
    writeFileSync(join(folder, 'certs', '0123abcd.0'), other?.cert ?? '');
    writeFileSync(join(folder, 'certs', 'README'), 'nothing');
    expect(read(named('cacert.pem'), named('certs')).certificates).toHaveLength(2);
  });

  it('T1: without any, nobody is trusted; with tls_append_default_CA those of the system too', () => {
    expect(read()).toEqual({ certificates: [], faults: [] });
    expect(read(undefined, undefined, true).certificates.length).toBeGreaterThan(10);
  });

  it.each([
    ['empty', '', 'no certificate in it'],
    ['broken', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', ''],
    ['absent', null, 'there is no such file'],
  ])('T1: a file that is %s is a fault', (name, text, words) => {
    if (text !== null) writeFileSync(join(folder, name), text);
    const [fault] = read(named(name)).faults;
    expect(fault).toMatchObject({ file: 'main.cf', line: 3, parameter: 'smtp_tls_CAfile' });
    expect(fault?.message).toContain(join(folder, name));
    expect(fault?.message).toContain(words);
  });
});
