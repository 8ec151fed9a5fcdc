/** The extensions offered by EHLO (RFC 5321 section 4.1.1.1), in Postfix's order. An extension is a row. */

import type { SaslMechanism } from '../../protocol/sasl/mechanism.ts';
import { allowedMechanisms } from '../../protocol/sasl/table.ts';
import { XCLIENT, XFORWARD } from '../../protocol/smtp/client-attributes.ts';
import type { SmtpSession } from './session.ts';
import type { SmtpSettings } from './settings.ts';

interface Extension {
  /** Its name in smtpd_discard_ehlo_keywords. */
  readonly keyword: string;
  /** The lines to offer now; none if the extension is off. */
  lines(session: SmtpSession): readonly string[];
}

const always = (keyword: string): Extension => ({ keyword, lines: () => [keyword] });

const named = (keyword: string, attributes: object): string => [keyword, ...Object.keys(attributes)].join(' ');

const EXTENSIONS: readonly Extension[] = [
  always('PIPELINING'),
  {
    keyword: 'SIZE',
    lines: ({ settings }) => [settings.messageSizeLimit > 0 ? `SIZE ${settings.messageSizeLimit}` : 'SIZE'],
  },
  { keyword: 'VRFY', lines: ({ settings }) => (settings.vrfyDisabled ? [] : ['VRFY']) },
  { keyword: 'ETRN', lines: ({ service }) => (service.lmtp ? [] : ['ETRN']) },
  { keyword: 'STARTTLS', lines: (session) => (offersStartTls(session) ? ['STARTTLS'] : []) },
  { keyword: 'AUTH', lines: authLines },
  { keyword: 'XVERP', lines: ({ rights }) => (rights.verp ? ['XVERP'] : []) },
  { keyword: 'XCLIENT', lines: ({ rights }) => (rights.xclient ? [named('XCLIENT', XCLIENT)] : []) },
  { keyword: 'XFORWARD', lines: ({ rights }) => (rights.xforward ? [named('XFORWARD', XFORWARD)] : []) },
  always('ENHANCEDSTATUSCODES'),
  always('8BITMIME'),
  always('DSN'),
  { keyword: 'SMTPUTF8', lines: ({ settings }) => (settings.smtputf8 ? ['SMTPUTF8'] : []) },
  always('CHUNKING'),
];

/** SMTPUTF8 is offered: its parameters are known. */
export const takesSmtputf8 = ({ settings, discardedKeywords }: SmtpSession): boolean =>
  settings.smtputf8 && !discardedKeywords.has('SMTPUTF8');

export function offeredKeywords(session: SmtpSession): readonly string[] {
  const { discardedKeywords } = session;
  return EXTENSIONS.filter((extension) => !discardedKeywords.has(extension.keyword)).flatMap((extension) =>
    extension.lines(session),
  );
}

const offersStartTls = ({ settings, service, connection }: SmtpSession): boolean =>
  settings.tls !== 'none' && service.tls !== null && connection.tls === null;

/** The mechanisms that this client may use now (S1). */
export function offeredMechanisms({
  settings: { sasl, tls: level },
  connection: { tls },
  mechanisms,
}: {
  readonly settings: Pick<SmtpSettings, 'sasl' | 'tls'>;
  readonly connection: Pick<SmtpSession['connection'], 'tls'>;
  readonly mechanisms: readonly SaslMechanism[];
}): readonly SaslMechanism[] {
  if (!sasl.enabled || (tls === null && (sasl.tlsOnly || level === 'encrypt'))) return [];
  return allowedMechanisms(mechanisms, tls === null ? sasl.securityOptions : sasl.tlsSecurityOptions);
}

/** Those that it is told of. */
export function announcedMechanisms(session: SmtpSession): readonly SaslMechanism[] {
  const { hearsOfAuth, announcedMechanisms: announced } = session.rights;
  return offeredMechanisms(session).filter(({ name }) => hearsOfAuth && announced?.has(name) !== false);
}

function authLines(session: SmtpSession): readonly string[] {
  const names = announcedMechanisms(session).map(({ name }) => name);
  if (names.length === 0) return [];
  const list = names.join(' ');
  // Outlook Express 4 looks for `AUTH=` (broken_sasl_auth_clients).
  return session.settings.sasl.brokenClients ? [`AUTH ${list}`, `AUTH=${list}`] : [`AUTH ${list}`];
}
