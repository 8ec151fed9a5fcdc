/**
 * Creates the certificate on the first start: self-signed, EC P-256, SHA-256, valid for two years, with a
 * subject alternative name for every host name and address in use. The key is never readable by others:
 * it is written under a temporary name with mode 0600 and then renamed.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { access, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { isIP } from 'node:net';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { CertificateFiles } from './certificate-files.ts';

const YEAR = 365.25 * 86_400_000;

/** PEM texts. */
export interface CertificatePem {
  readonly certificate: string;
  readonly key: string;
}

/** `hosts`: DNS names and IP addresses; the first one is the subject. */
export async function makeCertificate(hosts: readonly string[], now = Date.now()): Promise<CertificatePem> {
  const [subject = 'localhost'] = hosts;
  const names = hosts.length === 0 ? [subject] : [...new Set(hosts)];
  const { generate } = await import('selfsigned');
  const pems = await generate([{ name: 'commonName', value: subject.slice(0, 64) }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    // Valid from yesterday, so that a client whose clock is slow accepts it.
    notBeforeDate: new Date(now - 86_400_000),
    notAfterDate: new Date(now + 2 * YEAR),
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
      {
        name: 'subjectAltName',
        altNames: names.map((name) =>
          isIP(name) === 0 ? { type: 2 as const, value: name } : { type: 7 as const, ip: name },
        ),
      },
    ],
  });
  return { certificate: pems.cert, key: pems.private };
}

/** Chooses among the proposals of several servers, so that all show the same certificate. */
export type Agree = (propose: () => Promise<CertificatePem>) => Promise<CertificatePem>;

const ownProposal: Agree = (propose) => propose();

/**
 * Creates and writes a certificate if neither file exists; returns false if both exist, with what was agreed on.
 * Throws if only one of them exists: then nothing is overwritten.
 */
export async function ensureCertificate(
  files: CertificateFiles,
  hosts: readonly string[],
  agree: Agree = ownProposal,
): Promise<boolean> {
  const [haveCert, haveKey] = await Promise.all([exists(files.certFile), exists(files.keyFile)]);
  if (haveCert && haveKey) {
    const own = await readPem(files);
    const agreed = await agree(async () => own);
    if (agreed.certificate === own.certificate) return false;
    await writePem(files, agreed);
    return true;
  }
  if (haveCert !== haveKey) {
    const [there, missing] = haveCert ? [files.certFile, files.keyFile] : [files.keyFile, files.certFile];
    throw new Error(
      `${missing}: missing, while ${there} exists; put the missing file in place, or remove the other to have both created again`,
    );
  }
  await writePem(files, await agree(() => makeApart(hosts)));
  return true;
}

async function readPem({ certFile, keyFile }: CertificateFiles): Promise<CertificatePem> {
  const [certificate, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')]);
  return { certificate, key };
}

async function writePem(files: CertificateFiles, { certificate, key }: CertificatePem): Promise<void> {
  if (files.certFile === files.keyFile) {
    await replaceFile(files.keyFile, key + certificate, 0o600);
  } else {
    await replaceFile(files.keyFile, key, 0o600);
    await replaceFile(files.certFile, certificate, 0o644);
  }
}

/** In a separate process: loading the library would cost the server 5 MB for good. */
async function makeApart(hosts: readonly string[]): Promise<CertificatePem> {
  const program = new URL(
    import.meta.url.endsWith('.ts') ? './certificate-process.ts' : './certificate-process.js',
    import.meta.url,
  );
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(program), ...hosts], {
    timeout: 60_000,
  });
  return JSON.parse(stdout) as CertificatePem;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function replaceFile(path: string, text: string, mode: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      await file.writeFile(text.endsWith('\n') ? text : `${text}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
