/** Which certificates are used: those named, where they are there, else ones to be made in the data folder. Requirement T1. */
import { basename, join } from 'node:path';
import type { CertificateFiles } from './configuration.ts';
import type { PathResolver } from './paths.ts';

export interface CertificateChoice {
  /** As the configuration names them; '' or undefined where it does not. */
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  readonly paths: PathResolver;
  readonly dataDirectory: string;
  /** Names the made files. */
  readonly hostname: string;
}

export interface ChosenCertificate {
  readonly files: CertificateFiles;
  /** What to tell people; undefined where all is as they wrote it. */
  readonly note: string | undefined;
  /** A certificate without its key. */
  readonly fault: string | undefined;
}

export function chooseCertificate({ certificate = '', key = '', paths, dataDirectory, hostname }: CertificateChoice): ChosenCertificate {
  const made: CertificateFiles = {
    certificate: join(dataDirectory, 'tls', `${hostname}.pem`),
    key: join(dataDirectory, 'tls', `${hostname}.key`),
    toBeMade: true,
  };
  if (certificate === '') return { files: made, note: undefined, fault: undefined };
  const keyFile = key === '' ? certificate : key;
  if (!paths.exists(certificate)) {
    return { files: made, note: `${certificate}: not there, to be made as ${join('tls', basename(made.certificate))} in the data folder`, fault: undefined };
  }
  const files = { certificate: paths.resolve(certificate), key: paths.resolve(keyFile), toBeMade: false };
  return { files, note: undefined, fault: paths.exists(keyFile) ? undefined : `the certificate ${files.certificate} is there, its key ${keyFile} is not` };
}
