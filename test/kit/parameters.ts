/** Parameters out of the real table: what a test does not set is what a server has. */
import { MainParameters } from '../../src/config/postfix/parameters-reader.ts';

/** The domain of the tutorials, without tables of the machine. */
const BAIDU: Readonly<Record<string, string>> = {
  myhostname: 'mail.baidu.com',
  mydomain: 'baidu.com',
  myorigin: '$mydomain',
  mydestination: '$myhostname, localhost.$mydomain, localhost, $mydomain',
  mail_name: 'Posthorn',
  alias_maps: '',
};

/** As though main.cf of baidu.com also had these lines. Nothing is read from the machine. */
export const parametersOf = (settings: Readonly<Record<string, string>> = {}): MainParameters =>
  new MainParameters({
    settings: new Map(Object.entries({ ...BAIDU, ...settings }).map(([name, value]) => [name, { value }])),
    overrides: new Map(),
    computed: new Map(),
    readFile: () => '',
  });
