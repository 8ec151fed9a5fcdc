/** How people log in by dovecot.conf: the mechanisms of auth_mechanisms, and who judges the tokens of OAuth 2.0. */
import { nearest } from '../../nearest.ts';
import type { SaslMechanism } from '../../protocol/sasl/mechanism.ts';
import { findMechanism, MECHANISM_NAMES, USUAL_MECHANISMS } from '../../protocol/sasl/table.ts';
import type { Fault } from '../fault.ts';
import { type DovecotBlock, type DovecotSetting, type Include, settingOf } from './blocks.ts';
import { type OAuth2Settings, readOAuth2 } from './oauth2.ts';
import type { SettingReader } from './reader.ts';

export interface DovecotAuth {
  /** Of IMAP and POP3, in the order in which they are offered. */
  readonly mechanisms: readonly SaslMechanism[];
  /** Of SMTP: where auth_mechanisms is not set, LOGIN too, as with Postfix's own choice. */
  readonly smtpMechanisms: readonly SaslMechanism[];
  /** Null where no passdb judges tokens. */
  readonly oauth2: OAuth2Settings | null;
}

/** Dovecot's, not offered here. */
const OTHERS = new Set([
  'DIGEST-MD5',
  'NTLM',
  'GSSAPI',
  'GSS-SPNEGO',
  'WINBIND',
  'ANONYMOUS',
  'OTP',
  'SKEY',
  'RPA',
  'APOP',
]);
/** Those that a passdb with `driver = oauth2` decides about. */
const BY_TOKEN = new Set(['XOAUTH2', 'OAUTHBEARER']);

export interface AuthSources {
  readonly root: DovecotBlock;
  readonly read: SettingReader;
  readonly include: Include;
  readonly faults: Fault[];
  readonly warnings: Fault[];
  /** Hears of settings that have an effect. */
  readonly uses: (setting: DovecotSetting) => void;
}

export function dovecotAuth(sources: AuthSources): DovecotAuth {
  const { root, read, warnings } = sources;
  const setting = read.setting('auth_mechanisms');
  const passdb = root.blocks.find((block) => block.kind === 'passdb' && settingOf(block, 'driver')?.value === 'oauth2');
  const oauth2 = passdb === undefined ? null : readPassdb(passdb, sources);
  if (setting === undefined)
    return { mechanisms: USUAL_MECHANISMS.slice(0, 1), smtpMechanisms: USUAL_MECHANISMS, oauth2 };
  const place = { file: setting.file, line: setting.line, parameter: setting.key };
  const taken = settingOf(passdb, 'mechanisms')
    ?.value.toUpperCase()
    .split(/[\s,]+/);
  const mechanisms = [...new Set(read.words('auth_mechanisms').map((word) => word.toUpperCase()))].flatMap((name) => {
    const mechanism = findMechanism(name);
    if (mechanism === undefined) {
      if (OTHERS.has(name)) warnings.push({ ...place, message: `${name} is not offered here` });
      else read.fault(setting, unknown(name));
      return [];
    }
    if (!BY_TOKEN.has(name) || (passdb !== undefined && taken?.includes(name) !== false)) return [mechanism];
    warnings.push({
      ...place,
      message: `${name} is not offered: no passdb judges its tokens; expected passdb { driver = oauth2 } with args = /etc/dovecot/dovecot-oauth2.conf.ext`,
    });
    return [];
  });
  if (mechanisms.length === 0)
    warnings.push({ ...place, message: 'no mechanism is left, so that nobody can log in: name plain' });
  return { mechanisms, smtpMechanisms: mechanisms.filter(({ name }) => name !== 'EXTERNAL'), oauth2 };
}

function unknown(name: string): string {
  const hint = nearest(name, MECHANISM_NAMES);
  const known = MECHANISM_NAMES.map((one) => one.toLowerCase()).join(', ');
  return `"${name.slice(0, 40).toLowerCase()}": expected ${known}${hint === undefined ? '' : `; did you mean "${hint.toLowerCase()}"?`}`;
}

/** Null with a fault if its file cannot be used. */
function readPassdb(passdb: DovecotBlock, { include, faults, warnings, uses }: AuthSources): OAuth2Settings | null {
  const args = settingOf(passdb, 'args');
  for (const setting of passdb.settings) if (/^(?:driver|args|mechanisms)$/.test(setting.key)) uses(setting);
  if (args === undefined) {
    faults.push({
      file: passdb.file,
      line: passdb.line,
      parameter: 'passdb',
      message: 'driver = oauth2 needs args, the name of its file: args = /etc/dovecot/dovecot-oauth2.conf.ext',
    });
    return null;
  }
  const [found] = include(args.value, args.file);
  if (found === undefined || !('text' in found)) {
    const problem = found === undefined ? `${args.value}: there is no such file` : found.problem;
    faults.push({ file: args.file, line: args.line, parameter: 'passdb: args', message: problem });
    return null;
  }
  const settings = readOAuth2(found.text, found.file);
  faults.push(...settings.faults);
  warnings.push(...settings.warnings);
  return settings.oauth2;
}
