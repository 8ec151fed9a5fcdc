/**
 * Which certificate each kind of server shows: the files that the configuration names, or one made in the data
 * folder where it names none. A first start on a machine that does not have the named files yet also makes one
 * (requirement T1); where named files were in use before, an absent one is a fault (app/vanished-files.ts).
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault } from './fault.ts';
import type { PathResolver } from './paths.ts';

/** A file as a setting names it, with the place of the setting. */
export interface NamedFile {
  readonly path: string;
  readonly place: Omit<Fault, 'message'>;
}

export interface NamedPair {
  readonly certificate: NamedFile;
  /** Undefined: the key is in the certificate's file. */
  readonly key: NamedFile | undefined;
}

interface PairFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** Resolved paths, in the shapes of net/certificate-files.ts. */
export type NamedSource = { readonly alternatives: readonly PairFiles[] } | { readonly chainFiles: readonly string[] };

export type CertificateChoice =
  | { readonly kind: 'named'; readonly source: NamedSource; readonly names: readonly NamedFile[] }
  /** To be made at these paths where they do not exist. `instead`: the file that is named, but absent. */
  | { readonly kind: 'made'; readonly files: PairFiles; readonly instead: NamedFile | null };

export interface Choice {
  readonly choice: CertificateChoice;
  readonly faults: readonly Fault[];
}

export interface ChoiceOptions {
  readonly paths: PathResolver;
  readonly dataDirectory: string;
  /** Names the files that are made. */
  readonly hostname: string;
}

/** `smtpd_tls_cert_file` and its like: a pair for each algorithm. */
export function choosePairs(pairs: readonly NamedPair[], options: ChoiceOptions): Choice {
  const named = pairs.flatMap(({ certificate, key }) => [certificate, ...(key === undefined ? [] : [key])]);
  const { paths } = options;
  const files = pairs.map(({ certificate, key = certificate }) => ({
    certFile: paths.resolve(certificate.path),
    keyFile: paths.resolve(key.path),
  }));
  return choose(
    pairs.map(({ certificate }) => certificate),
    named,
    { alternatives: files },
    options,
  );
}

/** `smtpd_tls_chain_files`. */
export function chooseChain(files: readonly NamedFile[], options: ChoiceOptions): Choice {
  return choose(files, files, { chainFiles: files.map(({ path }) => options.paths.resolve(path)) }, options);
}

/** Where none of the certificates exists, one is made; where only some files are missing, each of those is a fault. */
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

/** A folder that only root may enter hides its files after root was given up: those are not absent. */
export function isAbsent(path: string, paths: PathResolver): boolean {
  if (paths.exists(path)) return false;
  try {
    statSync(paths.resolve(path));
    return false;
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'EACCES');
  }
}
