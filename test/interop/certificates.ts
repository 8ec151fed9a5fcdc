/** Certificates for comparisons: an authority, and certificates of it, as PEM. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { ran } from './program.ts';

/** Name to PEM: `NAME.key`, `NAME.pem`; the authority's are `ca.key` and `ca.pem`. */
export type Certificates = Readonly<Record<string, string>>;

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
const RSA = ['-newkey', 'rsa:2048'];

/** `wanted`: name to host name and algorithm; signed by the authority unless they sign themselves. */
export async function makeCertificates(
  wanted: Readonly<Record<string, { readonly host: string; readonly rsa?: true; readonly selfSigned?: true }>>,
): Promise<Certificates> {
  const folder = temporaryFolder('certificates');
  const at = (name: string): string => join(folder, name);
  const made: Record<string, string> = {};
  const request = ['req', '-x509', '-nodes', '-days', '30'];
  const keep = (name: string): void => {
    for (const ending of ['key', 'pem']) made[`${name}.${ending}`] = readFileSync(at(`${name}.${ending}`), 'utf8');
  };
  try {
    writeFileSync(at('empty'), '');
    await ran('openssl', [...request, ...EC, '-keyout', at('ca.key'), '-out', at('ca.pem'), '-subj', '/CN=Test CA']);
    keep('ca');
    for (const [name, { host, rsa, selfSigned }] of Object.entries(wanted)) {
      const signer = selfSigned === true ? [] : ['-CA', at('ca.pem'), '-CAkey', at('ca.key')];
      const files = ['-keyout', at(`${name}.key`), '-out', at(`${name}.pem`)];
      const names = ['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`];
      await ran('openssl', [...request, ...(rsa === true ? RSA : EC), ...signer, ...files, ...names]);
      keep(name);
    }
    return made;
  } finally {
    removeFolder(folder);
  }
}
