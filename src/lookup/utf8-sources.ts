/** Which mail is looked at to find whether it needs SMTPUTF8 (smtputf8_autodetect_classes). */
import type { ParameterReader } from './parameters.ts';

const SOURCES = ['smtpd', 'sendmail', 'bounce', 'notify', 'verify'] as const;
/** Where a message comes from: a session, the sendmail command, a notification of our own, or a probe. */
export type MailSource = (typeof SOURCES)[number];

export function utf8Sources(parameters: ParameterReader): ReadonlySet<MailSource> {
  const classes = parameters.list('smtputf8_autodetect_classes');
  const isEnabled = parameters.boolean('smtputf8_enable');
  return new Set(SOURCES.filter((source) => isEnabled && (classes.includes(source) || classes.includes('all'))));
}
