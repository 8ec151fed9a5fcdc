/**
 * Reads keys and certificates from PEM files, in the two ways in which Postfix and Dovecot configure them: a
 * certificate file and a key file (possibly the same file), or a list of files in which each key is
 * followed by its certificates (smtpd_tls_chain_files; a key and its certificates may be in different files).
 *
 * Each key is checked against its certificate. Errors name the file and what was expected in it; for a file that
 * cannot be read, `cause` carries the system's error code.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';

/** Paths of PEM files; the certificate file holds the chain, the server's own certificate first. */
export interface CertificateFiles {
  readonly certFile: string;
  /** Equal to `certFile` if one file holds both. */
  readonly keyFile: string;
}

/** Paths of PEM files, read as if concatenated: key, its certificate, issuers; then optionally the next key. */
export interface ChainFiles {
  readonly chainFiles: readonly string[];
}

/** One certificate per algorithm (RSA, ECDSA): the client gets one that it supports. */
export interface AlternativeFiles {
  readonly alternatives: readonly CertificateFiles[];
}

export type CertificateSource = CertificateFiles | ChainFiles | AlternativeFiles;

export interface KeyPair {
  /** PEM. */
  readonly key: string;
  /** PEM, the server's own certificate first. */
  readonly chain: string;
  readonly certificate: X509Certificate;
  /** The file that contains the certificate. */
  readonly file: string;
}

/** Returns at least one. Rejects with an Error that names the file. */
export async function readKeyPairs(source: CertificateSource): Promise<KeyPair[]> {
  if ('chainFiles' in source) return readChains(source.chainFiles);
  return Promise.all(('alternatives' in source ? source.alternatives : [source]).map(readPair));
}

interface Block {
  readonly kind: 'certificate' | 'key';
  readonly pem: string;
  readonly file: string;
}

const BLOCK = /-----BEGIN ((?:[A-Z0-9]+ )*(CERTIFICATE|PRIVATE KEY))-----[\s\S]+?-----END \1-----/g;
const NO_CERTIFICATE = 'contains no PEM certificate (expected -----BEGIN CERTIFICATE-----)';
const NO_KEY = 'contains no usable private key (expected -----BEGIN PRIVATE KEY----- without a passphrase)';

async function readPair({ certFile, keyFile }: CertificateFiles): Promise<KeyPair> {
  const certificates = (await readBlocks(certFile, 'certificate')).filter((block) => block.kind === 'certificate');
  const key = (await readBlocks(keyFile, 'key')).find((block) => block.kind === 'key');
  if (certificates.length === 0) throw new Error(`${certFile}: ${NO_CERTIFICATE}`);
  if (key === undefined) throw new Error(`${keyFile}: ${NO_KEY}`);
  return pairOf(key, certificates);
}

async function readChains(files: readonly string[]): Promise<KeyPair[]> {
  const blocks = (await Promise.all(files.map((file) => readBlocks(file, 'chain')))).flat();
  const [first] = blocks;
  if (first === undefined) throw new Error(`${files[0] ?? ''}: contains neither a PEM key nor a PEM certificate`);
  if (first.kind !== 'key')
    throw new Error(
      `${first.file}: starts with a certificate; in a list of chain files each key precedes its certificates`,
    );
  const starts = blocks.flatMap(({ kind }, index) => (kind === 'key' ? [index] : []));
  return starts.map((start, i) => {
    const [key, ...certificates] = blocks.slice(start, starts[i + 1]);
    if (key === undefined || certificates.length === 0)
      throw new Error(`${key?.file ?? ''}: no certificate follows this key`);
    return pairOf(key, certificates);
  });
}

function pairOf(key: Block, certificates: readonly Block[]): KeyPair {
  const file = certificates[0]?.file ?? key.file;
  const [certificate] = certificates.map((block) =>
    parsed(() => new X509Certificate(block.pem), `${block.file}: ${NO_CERTIFICATE}`),
  );
  const secret: KeyObject = parsed(() => createPrivateKey(key.pem), `${key.file}: ${NO_KEY}`);
  if (certificate === undefined) throw new Error(`${file}: ${NO_CERTIFICATE}`);
  if (!certificate.checkPrivateKey(secret))
    throw new Error(`${key.file}: this key does not belong to the certificate in ${file}`);
  return { key: key.pem, chain: certificates.map((block) => block.pem).join('\n'), certificate, file };
}

function parsed<T>(parse: () => T, message: string): T {
  try {
    return parse();
  } catch (error) {
    throw new Error(message, { cause: error });
  }
}

async function readBlocks(file: string, what: string): Promise<Block[]> {
  const text = await readFile(file, 'latin1').catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new Error(`${file}: the TLS ${what} file cannot be read (${code})`, { cause: error });
  });
  return [...text.matchAll(BLOCK)].map(([pem, , kind]) => ({
    kind: kind === 'CERTIFICATE' ? 'certificate' : 'key',
    pem,
    file,
  }));
}
