import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { afterAll, describe, expect, it } from 'vitest';
import { readAuthorities } from '../../src/config/authorities.ts';
import { createPathResolver } from '../../src/config/paths.ts';

const folder = mkdtempSync(join(tmpdir(), 'posthorn-authorities-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const paths = createPathResolver(folder);

describe('T1: smtp_tls_CAfile', () => {
  it('T1: names the authorities, each certificate of the file one', async () => {
    const { cert } = await generate([{ name: 'commonName', value: 'ca.example' }], { keyType: 'ec', algorithm: 'sha256' });
    writeFileSync(join(folder, 'cacert.pem'), `words before\n${cert}\nand between\n${cert}`);
    const { certificates, note, fault } = readAuthorities('/etc/postfix/cacert.pem', paths);
    expect([certificates.length, note, fault]).toEqual([2, undefined, undefined]);
    expect(certificates[1]?.trim()).toBe(cert.trim());
  });

  it('T1: not named, and named but not there: the platform’s, with a note', () => {
    expect(readAuthorities('', paths)).toEqual({ certificates: [] });
    expect(readAuthorities('/nowhere/ca.pem', paths)).toEqual({ certificates: [], note: expect.stringContaining('/nowhere/ca.pem: not there') });
  });

  it.each([
    ['empty', '', 'no certificate in it'],
    ['broken', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', ''],
  ])('T1: a file that is %s is a fault', (name, text, words) => {
    writeFileSync(join(folder, name), text);
    expect(readAuthorities(name, paths).fault).toContain(join(folder, name));
    expect(readAuthorities(name, paths).fault).toContain(words);
  });
});
