/** The terms of TLS of an SMTP service: protocols, ciphers, client certificates (postconf(5), smtpd_tls_…). */
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { messageOf } from '../../errors.ts';
import type { ParameterReader } from '../../lookup/parameters.ts';
import { faultyParameter, type TlsWordNames, tlsWords } from '../../lookup/tls-words.ts';
import { MODERN, type ServerTerms, TermFault, termsOf } from '../../protocol/tls/terms.ts';
import { type NamedAuthorities, readAuthorities } from '../authorities.ts';
import { isAbsent, type NamedFile } from '../certificates.ts';
import type { Service } from '../configuration.ts';
import type { Fault } from '../fault.ts';
import type { PathResolver } from '../paths.ts';

const OPTIONAL: TlsWordNames = {
  protocols: 'smtpd_tls_protocols',
  ciphers: 'smtpd_tls_ciphers',
  exclusions: ['smtpd_tls_exclude_ciphers'],
};
const MANDATORY: TlsWordNames = {
  protocols: 'smtpd_tls_mandatory_protocols',
  ciphers: 'smtpd_tls_mandatory_ciphers',
  exclusions: ['smtpd_tls_exclude_ciphers', 'smtpd_tls_mandatory_exclude_ciphers'],
};

/** A hundred days, in seconds: OpenSSL takes no more than an integer of 32 bits. */
const LONGEST_SESSION = 8_640_000;

export interface ServerTermsRead {
  readonly terms: ServerTerms;
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
  readonly notes: readonly Fault[];
}

/** `unset` is where a parameter is reported that is not set. */
export function readServerTerms(
  service: Service,
  paths: PathResolver,
  unset: Pick<Fault, 'file' | 'line'>,
): ServerTermsRead {
  const { parameters } = service;
  const faults: Fault[] = [];
  const warnings: Fault[] = [];
  const notes: Fault[] = [];
  const placeOf = (parameter: string): NamedFile['place'] => ({
    ...(service.setAt(parameter, '') ?? unset),
    parameter,
  });
  const named = (
    parameter: 'smtpd_tls_CAfile' | 'smtpd_tls_CApath' | 'smtpd_tls_dh1024_param_file',
  ): NamedFile | undefined => {
    const path = parameters.string(parameter);
    return path === '' ? undefined : { path, place: placeOf(parameter) };
  };
  const isMandatory = service.wrapperMode || demandsTls(parameters);
  const asks = asksForCertificates(parameters, isMandatory);
  const names = isMandatory ? MANDATORY : OPTIONAL;
  const words = tlsWords(parameters, names);
  let terms = MODERN;
  try {
    terms = { ...MODERN, ...termsOf(asks ? { ...words, exclusions: [...words.exclusions, 'aNULL'] } : words) };
  } catch (error) {
    if (!(error instanceof TermFault)) throw error;
    const parameter = faultyParameter(error.about, names, (name) => service.setAt(name, '') !== undefined);
    faults.push({ ...placeOf(parameter), message: error.message });
  }
  const authorities: NamedAuthorities = {
    file: named('smtpd_tls_CAfile'),
    folder: named('smtpd_tls_CApath'),
    withSystem: parameters.boolean('tls_append_default_CA'),
  };
  if (!asks && parameters.boolean('smtpd_tls_req_ccert'))
    warnings.push({
      ...placeOf('smtpd_tls_req_ccert'),
      message:
        'client certificates are required only where TLS is (smtpd_tls_security_level = encrypt): nobody is asked for one',
    });
  if (!asks)
    warnings.push(
      ...unanswerable(parameters).map((found) => ({ ...placeOf(found.parameter), message: found.message })),
    );
  const isNeeded = (file: NamedFile | undefined): boolean =>
    file !== undefined && (asks || !isAbsent(file.path, paths));
  const { file, folder, withSystem } = authorities;
  for (const unused of [file, folder])
    if (unused !== undefined && !isNeeded(unused))
      notes.push({
        ...unused.place,
        message: `${unused.path}: there is no such file; it is needed with smtpd_tls_ask_ccert only`,
      });
  const trusted = readAuthorities(
    {
      file: isNeeded(file) ? file : undefined,
      folder: asks ? folder : undefined,
      withSystem: asks && withSystem,
    },
    paths,
  );
  faults.push(...trusted.faults);
  return {
    terms: {
      ...terms,
      honorCipherOrder: parameters.boolean('tls_preempt_cipherlist'),
      dhparam: dhParameters(named('smtpd_tls_dh1024_param_file'), paths, warnings),
      sessionTimeout: Math.min(LONGEST_SESSION, Math.floor(parameters.time('smtpd_tls_session_cache_timeout') / 1000)),
      authorities: trusted.certificates,
      clientCertificates: asks
        ? { depth: parameters.number('smtpd_tls_ccert_verifydepth'), revocationLists: null }
        : null,
    },
    faults,
    warnings,
    notes,
  };
}

/** smtpd_tls_security_level, or the older smtpd_enforce_tls. */
function demandsTls(parameters: ParameterReader): boolean {
  const level = parameters.string('smtpd_tls_security_level');
  return level === '' ? parameters.boolean('smtpd_enforce_tls') : level === 'encrypt';
}

const asksForCertificates = (parameters: ParameterReader, isMandatory: boolean): boolean =>
  parameters.boolean('smtpd_tls_ask_ccert') || (isMandatory && parameters.boolean('smtpd_tls_req_ccert'));

const LISTS = [
  'smtpd_client_restrictions',
  'smtpd_helo_restrictions',
  'smtpd_sender_restrictions',
  'smtpd_relay_restrictions',
  'smtpd_recipient_restrictions',
] as const;
const ABOUT_CERTIFICATES = ['permit_tls_clientcerts', 'permit_tls_all_clientcerts', 'check_ccert_access'];

/** Restrictions that no client can meet without being asked for a certificate. */
const unanswerable = (parameters: ParameterReader): { readonly parameter: string; readonly message: string }[] =>
  LISTS.flatMap((parameter) =>
    ABOUT_CERTIFICATES.filter((word) => parameters.list(parameter).includes(word)).map((word) => ({
      parameter,
      message: `${word} has no effect, because clients are not asked for certificates; set smtpd_tls_ask_ccert = yes`,
    })),
  );

/** PEM; those of OpenSSL (`auto`) where the file cannot be used, as in Postfix. */
function dhParameters(file: NamedFile | undefined, paths: PathResolver, warnings: Fault[]): string {
  if (file === undefined || file.path === 'auto') return 'auto';
  const path = paths.resolve(file.path);
  try {
    const pem = readFileSync(path, 'latin1');
    if (!pem.includes('-----BEGIN DH PARAMETERS-----')) throw new Error('expected "-----BEGIN DH PARAMETERS-----"');
    createSecureContext({ ca: [], dhparam: pem });
    return pem;
  } catch (error) {
    warnings.push({
      ...file.place,
      message: `${path}: ${messageOf(error)}; the parameters of OpenSSL are used instead`,
    });
    return 'auto';
  }
}
