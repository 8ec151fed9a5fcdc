/**
 * The way in for every message (delivery/receiver.ts): header work, plugins, expansion, routing, and
 * one durable act.
 *
 * Why nothing is lost: until `Store.accept` resolves the client has no 250 and keeps the message;
 * from then on it is in a mailbox or in the queue. Nothing that could fail comes between the two.
 * Requirements P10, P11, P13, P18.
 */
import type { Connection, Hooks } from '../bus/hook.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { ParameterReader } from '../lookup/parameters.ts';
import type { Store } from '../store/store.ts';
import { MessageIntake } from './intake.ts';
import { cachedMailDate } from './mail-date.ts';
import type { Incoming, Intake, Receiver } from './receiver.ts';
import type { Router } from './route.ts';
import type { TraceSettings } from './trace.ts';

export interface ReceiverOptions {
  readonly store: Store;
  readonly hooks: Hooks;
  readonly parameters: ParameterReader;
  readonly router: Router;
  readonly log: Log;
  readonly clock: Clock;
  /** A folder for long messages while plugins read them. */
  readonly temporaryFolder: string;
  /** The client's address is in mynetworks: what its messages lack is added (local_header_rewrite_clients). */
  isTrusted(connection: Connection): boolean | Promise<boolean>;
  /** Queue items were made: the runner should look. */
  onQueued(): void;
}

/** What main.cf says about receiving, read once for each service's view of it. */
export interface ReceiverSettings extends TraceSettings {
  readonly headerLimit: number;
  readonly sizeLimit: number;
  readonly hopLimit: number;
  readonly drop: ReadonlySet<string>;
  readonly alwaysBcc: string;
  /** Strangers' messages are completed too (always_add_missing_headers). */
  readonly completesAll: boolean;
  readonly expansion: { readonly count: number; readonly depth: number; readonly origin: string };
}

/** What every intake shares. */
export interface ReceivingHouse extends ReceiverOptions {
  settings(connection: Connection | null): ReceiverSettings;
  date(ms: number): string;
  readonly cleanupLog: Log;
  readonly queueLog: Log;
  readonly localLog: Log;
}

export interface MessageReceiver extends Receiver {
  /** A notification of our own: plugins are not asked, so that none can refuse it. */
  beginInternal(incoming: Incoming): Intake;
}

function readSettings(parameters: ParameterReader): ReceiverSettings {
  return {
    myhostname: parameters.string('myhostname'),
    mailName: parameters.string('mail_name'),
    myorigin: parameters.string('myorigin'),
    tlsHeader: parameters.boolean('smtpd_tls_received_header'),
    loginHeader: parameters.boolean('smtpd_sasl_authenticated_header'),
    undisclosed: parameters.string('undisclosed_recipients_header'),
    headerLimit: parameters.number('header_size_limit'),
    sizeLimit: parameters.number('message_size_limit'),
    hopLimit: parameters.number('hopcount_limit'),
    drop: new Set(parameters.list('message_drop_headers').map((name) => name.toLowerCase())),
    alwaysBcc: parameters.string('always_bcc'),
    completesAll: parameters.boolean('always_add_missing_headers'),
    expansion: {
      count: parameters.number('virtual_alias_expansion_limit'),
      depth: parameters.number('virtual_alias_recursion_limit'),
      origin: parameters.string('myorigin'),
    },
  };
}

export function createReceiver(options: ReceiverOptions): MessageReceiver {
  const known = new WeakMap<ParameterReader, ReceiverSettings>();
  const house: ReceivingHouse = {
    ...options,
    isTrusted: (connection) => options.isTrusted(connection),
    onQueued: () => options.onQueued(),
    settings: (connection) => {
      const parameters = connection?.parameters ?? options.parameters;
      let settings = known.get(parameters);
      if (settings === undefined) {
        settings = readSettings(parameters);
        known.set(parameters, settings);
      }
      return settings;
    },
    date: cachedMailDate(),
    cleanupLog: options.log.child({ process: 'postfix/cleanup' }),
    queueLog: options.log.child({ process: 'postfix/qmgr' }),
    localLog: options.log.child({ process: 'postfix/local' }),
  };
  const internal: ReceivingHouse = {
    ...house,
    hooks: routingOnly(options.hooks),
    // Nor are they copied (Postfix: CLEANUP_FLAG_MASK_INTERNAL).
    settings: (connection) => ({ ...house.settings(connection), alwaysBcc: '' }),
  };
  return {
    begin: (incoming) => new MessageIntake(house, incoming),
    beginInternal: (incoming) => new MessageIntake(internal, incoming),
  };
}

/** The hooks that decide where mail goes, without those that judge it. */
function routingOnly(hooks: Hooks): Hooks {
  return { has: (name) => (name === 'expand' || name === 'deliver') && hooks.has(name), run: (name, argument) => hooks.run(name, argument) };
}
