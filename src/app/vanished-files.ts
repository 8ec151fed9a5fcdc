/**
 * Remembers in the data folder whether configured certificates and CA files have been in use.
 *
 * A configured file may be absent at a first start: then a certificate is created, or the platform's CAs are used. Once
 * it has been in use, its absence is an error, at a reload and at the next start: a deleted file or a typo must not
 * replace a good certificate by a self-signed one, nor a single CA by all of the platform's.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { CertificateChoice } from '../config/certificates.ts';
import type { Configuration } from '../config/configuration.ts';
import type { Fault } from '../config/fault.ts';

interface InUse {
  readonly certificates: boolean;
  readonly authorities: boolean;
}

const REMEDY = 'restore the file, or remove the setting';

/** Each once: without its own certificate, dovecot.conf shares the choice of main.cf. */
export const choicesOf = ({ certificates }: Configuration): CertificateChoice[] => [
  ...new Set([certificates.smtpd, certificates.dovecot]),
];

const fileOf = ({ dataDirectory }: Configuration): string => join(dataDirectory, 'tls', 'named-in-use.json');

/** Errors for configured files that do not exist but were in use before. */
export function vanishedFiles(configuration: Configuration): Fault[] {
  const used = readInUse(configuration);
  const faults = choicesOf(configuration).flatMap((choice): Fault[] => {
    if (!used.certificates || choice.kind === 'named' || choice.instead === null) return [];
    const { path, place } = choice.instead;
    return [
      {
        ...place,
        message: `${path}: there is no such file, and a self-signed certificate must not replace the one used before; ${REMEDY}`,
      },
    ];
  });
  const { named, absent } = configuration.authorities;
  if (!used.authorities || named === null || !absent) return faults;
  const message = `${named.path}: there is no such file, and the platform's CAs must not replace those used before; ${REMEDY}`;
  return [...faults, { ...named.place, message }];
}

/** Records the files named by the configuration in use. Throws if that cannot be written. */
export function rememberFiles(configuration: Configuration): void {
  const { named, absent } = configuration.authorities;
  const now: InUse = {
    certificates: choicesOf(configuration).some(({ kind }) => kind === 'named'),
    authorities: named !== null && !absent,
  };
  const before = readInUse(configuration);
  if (now.certificates === before.certificates && now.authorities === before.authorities) return;
  const file = fileOf(configuration);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, `${JSON.stringify(now)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

function readInUse(configuration: Configuration): InUse {
  try {
    const read: unknown = JSON.parse(readFileSync(fileOf(configuration), 'utf8'));
    const is = (name: keyof InUse): boolean =>
      typeof read === 'object' && read !== null && name in read && (read as InUse)[name] === true;
    return { certificates: is('certificates'), authorities: is('authorities') };
  } catch {
    return { certificates: false, authorities: false };
  }
}
