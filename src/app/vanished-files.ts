/**
 * Remembers in the data folder whether configured certificates have been in use.
 *
 * A configured file may be absent at a first start: then a certificate is created. Once it has been in use, its absence
 * is an error, at a reload and at the next start: a deleted file or a typo must not replace a good certificate by a
 * self-signed one.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { CertificateChoice } from '../config/certificates.ts';
import type { Configuration } from '../config/configuration.ts';
import type { Fault } from '../config/fault.ts';

const REMEDY = 'restore the file, or remove the setting';

/** Each once: without its own certificate, dovecot.conf shares the choice of main.cf. */
export const choicesOf = ({ certificates }: Configuration): CertificateChoice[] => [
  ...new Set([certificates.smtpd, certificates.dovecot]),
];

const fileOf = ({ dataDirectory }: Configuration): string => join(dataDirectory, 'tls', 'named-in-use.json');

/** Errors for configured files that do not exist but were in use before. */
export function vanishedFiles(configuration: Configuration): Fault[] {
  if (!wereInUse(configuration)) return [];
  return choicesOf(configuration).flatMap((choice): Fault[] => {
    if (choice.kind === 'named' || choice.instead === null) return [];
    const { path, place } = choice.instead;
    return [
      {
        ...place,
        message: `${path}: there is no such file, and a self-signed certificate must not replace the one used before; ${REMEDY}`,
      },
    ];
  });
}

/** Records whether the configuration in use names certificates. Throws if that cannot be written. */
export function rememberFiles(configuration: Configuration): void {
  const certificates = choicesOf(configuration).some(({ kind }) => kind === 'named');
  if (certificates === wereInUse(configuration)) return;
  const file = fileOf(configuration);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, `${JSON.stringify({ certificates })}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

function wereInUse(configuration: Configuration): boolean {
  try {
    const read: unknown = JSON.parse(readFileSync(fileOf(configuration), 'utf8'));
    return typeof read === 'object' && read !== null && 'certificates' in read && read.certificates === true;
  } catch {
    return false;
  }
}
