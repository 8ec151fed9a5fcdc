/** Parameters from the real table: what a test does not set has the default of a server. */
import type { Service } from '../../src/config/configuration.ts';
import { MainParameters } from '../../src/config/postfix/parameters-reader.ts';
import { delimitersOf } from '../../src/lookup/delimiters.ts';
import type { ParameterReader } from '../../src/lookup/parameters.ts';
import type { Delimiters } from '../../src/mail/address.ts';

/** The domain of the tutorials, without tables of the machine. */
const BAIDU: Readonly<Record<string, string>> = {
  myhostname: 'mail.baidu.com',
  mydomain: 'baidu.com',
  myorigin: '$mydomain',
  mydestination: '$myhostname, localhost.$mydomain, localhost, $mydomain',
  mail_name: 'Posthorn',
  alias_maps: '',
};

/** Parameters as if main.cf of baidu.com also had these lines. Reads nothing from the machine. */
export const parametersOf = (settings: Readonly<Record<string, string>> = {}): MainParameters =>
  new MainParameters({
    settings: new Map(Object.entries({ ...BAIDU, ...settings }).map(([name, value]) => [name, { value }])),
    overrides: new Map(),
    computed: new Map(),
    readFile: () => '',
  });

/** Addresses are divided at these characters, as by default. */
export const dividedAt = (characters: string): Delimiters =>
  delimitersOf(parametersOf({ recipient_delimiter: characters }));

/** A port of master.cf with these parameters, which is not opened. */
export const serviceOf = (parameters: ParameterReader, setAt: Service['setAt']): Service => ({
  name: 'smtp',
  lmtp: false,
  socket: null,
  addresses: [],
  port: 25,
  wrapperMode: false,
  proxied: null,
  maxSessions: 0,
  parameters,
  setAt,
});
