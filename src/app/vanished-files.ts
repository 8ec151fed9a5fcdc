/**
 * Whether named certificates and named authorities have been in use, remembered in the data folder.
 *
 * A named file may be absent at a first start: then a certificate is made, or the platform's authorities are used.
 * Once a named one was in use, an absent file is a fault, at a reload and at the next start: a file that vanished or
 * a misspelt path must not replace a good certificate by a self-made one, nor one authority by all of the platform's.
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

const REMEDY = 'put the file back, or remove the setting';

/** Each once: dovecot.conf without a certificate of its own has the choice of main.cf. */
export const choicesOf = ({ certificates }: Configuration): CertificateChoice[] => [
  ...new Set([certificates.smtpd, certificates.dovecot]),
];

const fileOf = ({ dataDirectory }: Configuration): string => join(dataDirectory, 'tls', 'named-in-use.json');

/** Faults for named files that do not exist, where named ones were in use before. */
export function vanishedFiles(configuration: Configuration): Fault[] {
  const used = readInUse(configuration);
  const faults = choicesOf(configuration).flatMap((choice): Fault[] => {
    if (!used.certificates || choice.kind === 'named' || choice.instead === null) return [];
    const { path, place } = choice.instead;
    return [
      {
        ...place,
        message: `${path}: there is no such file, and a self-made certificate must not replace the one in use before; ${REMEDY}`,
      },
    ];
  });
  const { named, absent } = configuration.authorities;
  if (!used.authorities || named === null || !absent) return faults;
  const message = `${named.path}: there is no such file, and the platform's authorities must not replace those in use before; ${REMEDY}`;
  return [...faults, { ...named.place, message }];
}

/** Remembers what a configuration that is in use names. Throws where that cannot be written. */
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
