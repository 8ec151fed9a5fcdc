/** The values of macros (MILTER_README): what a milter may ask about client, login and envelope. */
import type { Connection } from '../../bus/hook.ts';
import type { ParameterReader } from '../../lookup/parameters.ts';
import type { MacroNames } from './settings.ts';

/** An address of the envelope, and by which transport mail for it goes. */
export interface MacroAddress {
  readonly address: string;
  /** Not known of mail by the sendmail command. */
  readonly mailer?: { readonly name: string; readonly host: string };
}

export interface MacroContext {
  /** Null: mail by the sendmail command. */
  readonly connection: Connection | null;
  readonly parameters: ParameterReader;
  /** '' until the message has one. */
  readonly queueId: string;
  readonly sender?: MacroAddress;
  readonly recipient?: MacroAddress;
}

type Value = (context: MacroContext) => string | undefined;

const RESOLVED = { ok: 'OK', notfound: 'FAIL', tempfail: 'TEMP' } as const;
const given = (text: string | undefined): string | undefined => (text === '' ? undefined : text);

const VALUES: Readonly<Record<string, Value>> = {
  _: ({ connection }) => {
    if (connection === null) return 'localhost [127.0.0.1]';
    const { name, reverseName, ip } = connection.remote;
    return `${reverseName} [${ip}]${name.toLowerCase() === reverseName.toLowerCase() ? '' : ' (may be forged)'}`;
  },
  i: ({ queueId }) => given(queueId),
  j: ({ parameters }) => parameters.string('myhostname'),
  v: ({ parameters }) => parameters.string('milter_macro_v'),
  daemon_name: ({ parameters }) => parameters.string('milter_macro_daemon_name'),
  daemon_addr: ({ connection }) => connection?.local.ip ?? '127.0.0.1',
  daemon_port: ({ connection }) => String(connection?.local.port ?? 0),
  client_addr: ({ connection }) => connection?.remote.ip ?? '127.0.0.1',
  client_name: ({ connection }) => connection?.remote.name ?? 'localhost',
  client_port: ({ connection }) => String(connection?.remote.port ?? 0),
  client_ptr: ({ connection }) => connection?.remote.reverseName ?? 'localhost',
  client_resolve: ({ connection }) => (connection === null ? 'OK' : resolution(connection)),
  client_connections: () => '0',
  tls_version: ({ connection }) => connection?.tls?.protocol,
  cipher: ({ connection }) => connection?.tls?.cipher,
  cipher_bits: ({ connection }) => connection?.tls?.bits.toString(),
  auth_type: ({ connection }) => connection?.user?.mechanism,
  auth_authen: ({ connection }) => connection?.user?.login,
  mail_addr: ({ sender }) => sender?.address,
  mail_host: ({ sender }) => sender?.mailer?.host,
  mail_mailer: ({ sender }) => sender?.mailer?.name,
  rcpt_addr: ({ recipient }) => recipient?.address,
  rcpt_host: ({ recipient }) => recipient?.mailer?.host,
  rcpt_mailer: ({ recipient }) => recipient?.mailer?.name,
};

function resolution({ remote, parameters }: Connection): string {
  if (!parameters.boolean('smtpd_peername_lookup')) return 'FAIL';
  const isForged = remote.name === 'unknown' && remote.reverseName !== 'unknown' && remote.nameStatus === 'notfound';
  return isForged ? 'FORGED' : RESOLVED[remote.nameStatus];
}

/** `names` as in main.cf, with or without braces; names without a value are left out. */
export function macroValues(
  names: MacroNames[keyof MacroNames],
  context: MacroContext,
  defaults: ReadonlyMap<string, string>,
): readonly (readonly [string, string])[] {
  const found: (readonly [string, string])[] = [];
  for (const name of names) {
    const plain = name.replace(/^\{|\}$/g, '');
    const value = (Object.hasOwn(VALUES, plain) ? VALUES[plain]?.(context) : undefined) ?? defaults.get(plain);
    if (value !== undefined) found.push([name, value]);
  }
  return found;
}
