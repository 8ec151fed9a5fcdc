/**
 * The names of parameters by type, so that a misspelt or wrongly typed read does not compile. Types only: modules below
 * config (lookup) import this file and nothing else of config.
 *
 * Large groups of names without effect (postscreen, tlsproxy) are left out.
 */
import type { addressesParameters } from './addresses.ts';
import type { elsewhereParameters } from './elsewhere.ts';
import type { lmtpParameters, transportParameters } from './families.ts';
import type { identityParameters } from './identity.ts';
import type { localParameters } from './local.ts';
import type { milterParameters } from './milters.ts';
import type { posthornParameters } from './posthorn.ts';
import type { queueParameters } from './queue.ts';
import type { restrictionsParameters } from './restrictions.ts';
import type { ParameterType } from './row.ts';
import type { saslParameters } from './sasl.ts';
import type { smtpParameters } from './smtp.ts';
import type { smtpdParameters } from './smtpd.ts';
import type { tlsParameters } from './tls.ts';
import type { virtualParameters } from './virtual.ts';

type Table = typeof addressesParameters &
  typeof elsewhereParameters &
  typeof identityParameters &
  typeof localParameters &
  typeof milterParameters &
  typeof posthornParameters &
  typeof queueParameters &
  typeof restrictionsParameters &
  typeof saslParameters &
  typeof smtpParameters &
  typeof smtpdParameters &
  typeof tlsParameters &
  typeof virtualParameters &
  typeof transportParameters &
  ReturnType<typeof lmtpParameters<typeof smtpParameters>>;

/** The names of the parameters of these types. */
export type NameOf<T extends ParameterType> = {
  [N in keyof Table & string]: Table[N]['type'] extends T ? N : never;
}[keyof Table & string];

export type BooleanName = NameOf<'boolean'>;
export type NumberName = NameOf<'number' | 'code'>;
export type TimeName = NameOf<'time'>;
type ListType =
  | 'list'
  | 'words'
  | 'tlsversions'
  | 'ciphers'
  | 'ssloptions'
  | 'sslworkarounds'
  | 'tables'
  | 'restrictions'
  | 'domains'
  | 'networks'
  | 'names'
  | 'interfaces'
  | 'nexthops'
  | 'milters'
  | 'transports'
  | 'rawlist';
export type ListName = NameOf<ListType>;
/** Single values other than numbers and booleans; also lists read as one text (`forward_path`). */
export type StringName = NameOf<Exclude<ParameterType, 'boolean' | 'number' | 'time' | ListType>>;
