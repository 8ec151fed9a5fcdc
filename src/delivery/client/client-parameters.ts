/**
 * main.cf as one client reads it (Postfix: smtp(8), which is lmtp(8) too): `connect_timeout` is smtp_connect_timeout or
 * lmtp_connect_timeout.
 */
import type {
  BooleanName,
  ListName,
  NumberName,
  ParameterReader,
  StringName,
  TimeName,
} from '../../lookup/parameters.ts';

export type ClientProtocol = 'smtp' | 'lmtp';

/** Those of LHLO, which is EHLO elsewhere. */
const OF_LMTP = {
  helo_name: 'lhlo_name',
  helo_timeout: 'lhlo_timeout',
  discard_ehlo_keywords: 'discard_lhlo_keywords',
  discard_ehlo_keyword_address_maps: 'discard_lhlo_keyword_address_maps',
} as const;

type OfLmtp<S extends string> = `lmtp_${S extends keyof typeof OF_LMTP ? (typeof OF_LMTP)[S] : S}`;

/** What both clients have. */
type Shared<N extends string> = {
  readonly [M in N]: M extends `smtp_${infer S}` ? (OfLmtp<S> extends N ? S : never) : never;
}[N];

export interface ClientParameters {
  readonly protocol: ClientProtocol;
  /** The whole name, for messages. */
  nameOf(name: string): string;
  string(name: Shared<StringName>): string;
  boolean(name: Shared<BooleanName>): boolean;
  number(name: Shared<NumberName>): number;
  /** Milliseconds. */
  time(name: Shared<TimeName>): number;
  list(name: Shared<ListName>): readonly string[];
  /** What both clients read under one name. */
  readonly all: ParameterReader;
}

export function clientParameters(protocol: ClientProtocol, all: ParameterReader): ClientParameters {
  const nameOf = (name: string): string =>
    protocol === 'smtp'
      ? `smtp_${name}`
      : `lmtp_${Object.hasOwn(OF_LMTP, name) ? OF_LMTP[name as keyof typeof OF_LMTP] : name}`;
  const { untyped } = all;
  return {
    protocol,
    all,
    nameOf,
    string: (name) => untyped.string(nameOf(name)),
    boolean: (name) => untyped.boolean(nameOf(name)),
    number: (name) => untyped.number(nameOf(name)),
    time: (name) => untyped.time(nameOf(name)),
    list: (name) => untyped.list(nameOf(name)),
  };
}
