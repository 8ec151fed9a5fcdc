/** What all intakes of one receiver share: the services they use, and the main.cf settings for receiving. */
import type { Connection, Hooks } from '../../bus/hook.ts';
import type { MailboxEvents } from '../../bus/mailbox-events.ts';
import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';
import type { Domains } from '../../lookup/domains.ts';
import { type LogAddress, logAddress } from '../../lookup/log-address.ts';
import type { ParameterReader } from '../../lookup/parameters.ts';
import type { Tables } from '../../lookup/table.ts';
import type { Transports } from '../../lookup/transports.ts';
import { type MailSource, utf8Sources } from '../../lookup/utf8-sources.ts';
import type { MimeFault } from '../../protocol/mime/mime-reader.ts';
import type { Store } from '../../store/store.ts';
import { type CharacterRules, characterRules, NO_CHARACTER_RULES } from '../checks/characters.ts';
import { type ContentRules, type Rule, readContentRules, withoutChecks } from '../checks/rules.ts';
import { Milters } from '../milter/milters.ts';
import { AddressRewriter } from '../rewriting/address-rewriter.ts';
import { localClients } from '../rewriting/local-clients.ts';
import type { MailboxAgent, Router } from '../route/router.ts';
import { type ExpansionLimits, expansionLimits } from './expand.ts';
import type { TraceSettings } from './trace.ts';

export interface ReceiverOptions {
  readonly store: Pick<Store, 'accept'> & { readonly content: Pick<Store['content'], 'spool'> };
  readonly hooks: Hooks;
  readonly events: Pick<MailboxEvents, 'delivered'>;
  readonly parameters: ParameterReader;
  readonly tables: Tables;
  readonly router: Router;
  readonly domains: Pick<Domains, 'classify' | 'resolve'>;
  /** Of master.cf. */
  readonly transports: Pick<Transports, 'all'>;
  /** IP addresses that receive mail. */
  readonly addresses: readonly string[];
  readonly log: Log;
  readonly clock: Clock;
  /** A folder for long messages while plugins read them. */
  readonly temporaryFolder: string;
  /** Whether the client's address is in mynetworks: missing header fields are then added. */
  isTrusted(connection: Connection): boolean | Promise<boolean>;
  /** Called when queue items were created: the runner should look. */
  onQueued(): void;
}

/** The main.cf settings for receiving, read once per service. */
export interface ReceiverSettings extends TraceSettings {
  /** Octets of one header field that are kept (header_size_limit). */
  readonly headerLimit: number;
  /** message_size_limit: octets; 0 is none. */
  readonly sizeLimit: number;
  /** What replaces a CR that is not part of a line end (cleanup_replace_stray_cr_lf). */
  readonly strayCr: 'space' | 'keep';
  readonly hopLimit: number;
  /** delay_logging_resolution_limit */
  readonly delayDigits: number;
  readonly logAddress: LogAddress;
  readonly drop: ReadonlySet<string>;
  readonly alwaysBcc: string;
  /** What looks at header and body. */
  readonly content: ContentRules;
  /** message_strip_characters, message_reject_characters. */
  readonly characters: CharacterRules;
  /** enable_original_recipient */
  readonly namesOriginal: boolean;
  /** content_filter; null for none. */
  readonly filter: string | null;
  /** Addresses are replaced and copied as virtual_alias_maps and the like say (no_address_mappings is not set). */
  readonly maps: boolean;
  /** milter_header_checks */
  readonly milterFields: Rule;
  /** Notifications of our own that are filtered too (internal_mail_filter_classes). */
  readonly filtersOwn: ReadonlySet<string>;
  /** Mail from there is looked at to find whether it needs SMTPUTF8. */
  readonly utf8Sources: ReadonlySet<MailSource>;
  /** Of mail by the sendmail command, and of notifications that are filtered. */
  readonly milters: Milters;
  readonly addressing: AddressRewriter;
  /** local_header_rewrite_clients */
  isLocal(connection: Connection): boolean | Promise<boolean>;
  /** Missing fields are added for mynetworks and logged-in clients too: local_header_rewrite_clients is not set. */
  readonly completesTrusted: boolean;
  /** Missing fields are added for all clients (always_add_missing_headers). */
  readonly completesAll: boolean;
  readonly expansion: Omit<ExpansionLimits, 'steps'>;
}

/** What every intake shares. */
export interface ReceiverServices extends ReceiverOptions {
  settings(connection: Connection | null): ReceiverSettings;
  date(ms: number): string;
  /** The transports for which items keep the client. */
  readonly telling: ReadonlySet<string>;
  readonly cleanupLog: Log;
  readonly queueLog: Log;
  readonly mailboxLogs: Readonly<Record<MailboxAgent, Log>>;
}

/** The faults of a MIME structure for which a message is refused (`strict_7bit_headers` and the like). */
function strictness(parameters: ParameterReader): ReadonlySet<MimeFault> {
  const both = parameters.boolean('strict_8bitmime');
  return new Set<MimeFault>([
    ...(both || parameters.boolean('strict_7bit_headers') ? (['header-8bit'] as const) : []),
    ...(both || parameters.boolean('strict_8bitmime_body') ? (['body-8bit'] as const) : []),
    ...(parameters.boolean('strict_mime_encoding_domain') ? (['encoding'] as const) : []),
  ]);
}

export function readSettings(
  parameters: ParameterReader,
  options: Omit<ReceiverServices, 'settings'>,
): ReceiverSettings {
  const { tables, domains } = options;
  const content = readContentRules('receiving', parameters, tables, strictness(parameters));
  const left = new Set(parameters.list('receive_override_options').map((word) => word.toLowerCase()));
  const maps = !left.has('no_address_mappings');
  return {
    myhostname: parameters.string('myhostname'),
    mailName: parameters.string('mail_name'),
    appendedOrigin: parameters.boolean('append_at_myorigin') ? `@${parameters.string('myorigin')}` : '',
    tlsHeader: parameters.boolean('smtpd_tls_received_header'),
    loginHeader: parameters.boolean('smtpd_sasl_authenticated_header'),
    fromFormat: parameters.string('header_from_format'),
    undisclosed: parameters.string('undisclosed_recipients_header'),
    headerLimit: parameters.number('header_size_limit'),
    sizeLimit: parameters.number('message_size_limit'),
    strayCr: parameters.boolean('cleanup_replace_stray_cr_lf') ? 'space' : 'keep',
    hopLimit: parameters.number('hopcount_limit'),
    delayDigits: parameters.number('delay_logging_resolution_limit'),
    logAddress: logAddress(parameters),
    drop: new Set(parameters.list('message_drop_headers').map((name) => name.toLowerCase())),
    alwaysBcc: maps ? parameters.string('always_bcc') : '',
    content: left.has('no_header_body_checks') ? withoutChecks(content) : content,
    characters: left.has('no_header_body_checks')
      ? NO_CHARACTER_RULES
      : characterRules(parameters.string('message_strip_characters'), parameters.string('message_reject_characters')),
    namesOriginal: parameters.boolean('enable_original_recipient'),
    filter: parameters.string('content_filter') || null,
    maps,
    milterFields: {
      parameter: 'milter_header_checks',
      tables: parameters.list('milter_header_checks').map((table) => tables.open(table)),
    },
    filtersOwn: new Set(parameters.list('internal_mail_filter_classes')),
    utf8Sources: utf8Sources(parameters),
    milters: new Milters({ parameters, tables, log: options.cleanupLog }),
    addressing: new AddressRewriter({
      parameters,
      tables,
      log: options.cleanupLog,
      standardOnly: !maps,
      isLocal: async (domain) => (await domains.classify(domain)) === 'local',
    }),
    isLocal: localClients({ ...options, parameters, isTrusted: (connection) => options.isTrusted(connection) }),
    completesTrusted: parameters.list('local_header_rewrite_clients').join() === 'permit_inet_interfaces',
    completesAll: parameters.boolean('always_add_missing_headers'),
    expansion: expansionLimits(parameters),
  };
}
