/**
 * Which certificate each kind of server shows: the configured files, or a self-signed one in the data folder if none
 * are configured. A first start on a machine where the configured files do not exist yet also creates one (requirement
 * T1); if configured files were in use before, an absent one is an error (app/vanished-files.ts).
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault } from './fault.ts';
import type { PathResolver } from './paths.ts';

/** A file named by a setting, with the setting's location. */
export interface NamedFile {
  readonly path: string;
  readonly place: Omit<Fault, 'message'>;
}

export interface NamedPair {
  readonly certificate: NamedFile;
  /** Undefined: the key is in the certificate file. */
  readonly key: NamedFile | undefined;
}

interface PairFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** Resolved paths, in the shapes of net/certificate-files.ts. */
export type NamedSource = { readonly alternatives: readonly PairFiles[] } | { readonly chainFiles: readonly string[] };

export interface NamedCertificate {
  readonly kind: 'named';
  readonly source: NamedSource;
  readonly names: readonly NamedFile[];
}

export type CertificateChoice =
  | NamedCertificate
  /** To be created at these paths if they do not exist. `instead`: the configured but absent file. */
  | { readonly kind: 'made'; readonly files: PairFiles; readonly instead: NamedFile | null };

export interface Choice {
  readonly choice: CertificateChoice;
  readonly faults: readonly Fault[];
}

export interface ChoiceOptions {
  readonly paths: PathResolver;
  readonly dataDirectory: string;
  /** The names of the created files contain it. */
  readonly hostname: string;
}

/** `smtpd_tls_cert_file` and related: a pair for each algorithm. */
export function choosePairs(pairs: readonly NamedPair[], options: ChoiceOptions): Choice {
  return choose(
    pairs.map(({ certificate }) => certificate),
    filesOf(pairs),
    pairSource(pairs, options),
    options,
  );
}

const filesOf = (pairs: readonly NamedPair[]): NamedFile[] =>
  pairs.flatMap(({ certificate, key }) => [certificate, ...(key === undefined ? [] : [key])]);

const pairSource = (pairs: readonly NamedPair[], { paths }: Pick<ChoiceOptions, 'paths'>): NamedSource => ({
  alternatives: pairs.map(({ certificate, key = certificate }) => ({
    certFile: paths.resolve(certificate.path),
    keyFile: paths.resolve(key.path),
  })),
});

const chainSource = (files: readonly NamedFile[], { paths }: Pick<ChoiceOptions, 'paths'>): NamedSource => ({
  chainFiles: files.map(({ path }) => paths.resolve(path)),
});

/** A client's own certificate: `smtp_tls_chain_files`, else `smtp_tls_cert_file` and related. */
export interface ClientFiles {
  readonly chain: readonly NamedFile[];
  readonly pairs: readonly NamedPair[];
}

/** None is made for it: an absent file is an error. */
export function chooseClient(
  { chain, pairs }: ClientFiles,
  options: ChoiceOptions,
): { readonly choice: NamedCertificate | null; readonly faults: readonly Fault[] } {
  const names = chain.length > 0 ? chain : filesOf(pairs);
  if (names.length === 0) return { choice: null, faults: [] };
  // By default the key is in the file of the certificate.
  const faults = [...new Map([...names].reverse().map((name) => [name.path, name])).values()]
    .filter(({ path }) => isAbsent(path, options.paths))
    .map(({ path, place }) => ({ ...place, message: `${path}: there is no such file` }));
  const source = chain.length > 0 ? chainSource(chain, options) : pairSource(pairs, options);
  return { choice: { kind: 'named', source, names }, faults };
}

/** `smtpd_tls_chain_files`. */
export function chooseChain(files: readonly NamedFile[], options: ChoiceOptions): Choice {
  return choose(files, files, chainSource(files, options), options);
}

/** If none of the certificates exists, one is created; if only some files are missing, each is an error. */
function choose(
  certificates: readonly NamedFile[],
  named: readonly NamedFile[],
  source: NamedSource,
  { paths, dataDirectory, hostname }: ChoiceOptions,
): Choice {
  const absent = named.filter(({ path }) => isAbsent(path, paths));
  if (certificates.every((file) => absent.includes(file))) {
    const made = (ending: string): string => join(dataDirectory, 'tls', `${hostname}.${ending}`);
    const files = { certFile: made('pem'), keyFile: made('key') };
    return { choice: { kind: 'made', files, instead: certificates[0] ?? null }, faults: [] };
  }
  const faults = absent.map(({ path, place }) => ({
    ...place,
    message: `${path}: there is no such file, although the other files of the certificate exist`,
  }));
  return { choice: { kind: 'named', source, names: named }, faults };
}

/** A folder that only root may enter hides its files after root was dropped: those do not count as absent. */
export function isAbsent(path: string, paths: PathResolver): boolean {
  if (paths.exists(path)) return false;
  try {
    statSync(paths.resolve(path));
    return false;
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'EACCES');
  }
}
