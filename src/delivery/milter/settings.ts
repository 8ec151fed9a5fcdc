/** The milters of a service, and what main.cf says about all of them. */
import { resolve } from 'node:path';
import type { ListName, ParameterReader } from '../../lookup/parameters.ts';
import { type Options, optionsOf, type SymbolStage } from '../../protocol/milter/options.ts';
import {
  type DefaultAction,
  type MilterEndpoint,
  parseMilter,
  parseProtocol,
} from '../../protocol/milter/specification.ts';

export interface MilterSettings {
  readonly name: string;
  readonly endpoint: MilterEndpoint;
  /** Milliseconds. */
  readonly connectTimeout: number;
  readonly commandTimeout: number;
  readonly contentTimeout: number;
  readonly defaultAction: DefaultAction;
  readonly offer: Options;
  /** It does not answer header fields, whatever it says. */
  readonly silentHeader: boolean;
}

/** Postfix's: a path that is not absolute begins there, as milters' own documentation has it. */
const QUEUE_DIRECTORY = '/var/spool/postfix';

export type MacroNames = Readonly<Record<SymbolStage | 'unknown', readonly string[]>>;

const MACROS = {
  connect: 'milter_connect_macros',
  helo: 'milter_helo_macros',
  mail: 'milter_mail_macros',
  rcpt: 'milter_rcpt_macros',
  data: 'milter_data_macros',
  endOfHeader: 'milter_end_of_header_macros',
  endOfMessage: 'milter_end_of_data_macros',
  unknown: 'milter_unknown_command_macros',
} as const satisfies Readonly<Record<keyof MacroNames, ListName>>;

export function readMacroNames(parameters: ParameterReader): MacroNames {
  const names = Object.entries(MACROS).map(([stage, name]) => [stage, parameters.list(name)] as const);
  return Object.fromEntries(names) as Record<keyof MacroNames, readonly string[]>;
}

/** milter_macro_defaults, by the name as it is sent. */
export function readMacroDefaults(parameters: ParameterReader): ReadonlyMap<string, string> {
  const defaults = new Map<string, string>();
  for (const item of parameters.list('milter_macro_defaults')) {
    const [, name = '', value = ''] = /^\{?\s*(\S+?)\s*=\s*([\s\S]*?)\s*\}?$/.exec(item) ?? [];
    if (name !== '') defaults.set(name.replace(/^\{|\}$/g, ''), value);
  }
  return defaults;
}

/** Throws for an item that is none: the start checks those of main.cf, but a table may have others. */
export function readMilters(items: readonly string[], parameters: ParameterReader): readonly MilterSettings[] {
  return items.map((item) => {
    const own = parseMilter(item);
    if (typeof own === 'string') throw new Error(own);
    const protocol = parseProtocol(own.protocol ?? parameters.list('milter_protocol').join(' '));
    const offer = protocol === null ? undefined : optionsOf(protocol.version);
    if (protocol === null || offer === undefined) throw new Error('milter_protocol: expected 2, 3, 4 or 6');
    const { name, endpoint } = own;
    return {
      name,
      endpoint: 'path' in endpoint ? { path: resolve(QUEUE_DIRECTORY, endpoint.path) } : endpoint,
      connectTimeout: own.connectTimeout ?? parameters.time('milter_connect_timeout'),
      commandTimeout: own.commandTimeout ?? parameters.time('milter_command_timeout'),
      contentTimeout: own.contentTimeout ?? parameters.time('milter_content_timeout'),
      defaultAction: own.defaultAction ?? (parameters.string('milter_default_action') as DefaultAction),
      offer,
      silentHeader: protocol.silentHeader,
    };
  });
}
