/**
 * The entry point for every message (delivery/receive/receiver.ts): header processing, plugins, expansion, routing, and
 * one durable transaction.
 *
 * Why nothing is lost: until `Store.accept` resolves, the client has no 250 and keeps the message; from then on it is
 * in a mailbox or in the queue. Nothing that can fail happens in between. Requirements P10, P11, P13, P18.
 */
import type { HookName, Hooks } from '../../bus/hook.ts';
import type { ParameterReader } from '../../lookup/parameters.ts';
import { NO_CHARACTER_RULES } from '../checks/characters.ts';
import { withoutChecks } from '../checks/rules.ts';
import { tellingTransports } from './client-origin.ts';
import { MessageIntake } from './intake.ts';
import { cachedMailDate } from './mail-date.ts';
import type { Incoming, Intake, Receiver } from './receiver.ts';
import { type ReceiverOptions, type ReceiverServices, type ReceiverSettings, readSettings } from './services.ts';

export class MessageReceiver implements Receiver {
  readonly #services: ReceiverServices;
  readonly #internal: ReceiverServices;
  /** For those of internal_mail_filter_classes. */
  readonly #filtered: ReceiverServices;
  readonly #known = new WeakMap<ParameterReader, ReceiverSettings>();

  constructor(options: ReceiverOptions) {
    this.#services = {
      ...options,
      isTrusted: (connection) => options.isTrusted(connection),
      onQueued: () => options.onQueued(),
      settings: (connection) => this.#settings(connection?.parameters ?? options.parameters),
      date: cachedMailDate(),
      telling: tellingTransports(options.transports),
      cleanupLog: options.log.child({ process: 'postfix/cleanup' }),
      queueLog: options.log.child({ process: 'postfix/qmgr' }),
      mailboxLogs: {
        local: options.log.child({ process: 'postfix/local' }),
        virtual: options.log.child({ process: 'postfix/virtual' }),
      },
    };
    this.#filtered = {
      ...this.#services,
      hooks: routingOnly(options.hooks),
      settings: (connection) => ({ ...this.#services.settings(connection), alwaysBcc: '' }),
    };
    this.#internal = {
      ...this.#filtered,
      // Nor are they filtered or looked at (Postfix: CLEANUP_FLAG_MASK_INTERNAL).
      settings: (connection) => {
        const settings = this.#filtered.settings(connection);
        return {
          ...settings,
          content: withoutChecks(settings.content),
          characters: NO_CHARACTER_RULES,
          filter: null,
        };
      },
    };
    // A table that cannot be opened is a fault of the configuration: it is found now.
    this.#settings(options.parameters);
  }

  begin(incoming: Incoming): Intake {
    return new MessageIntake(this.#services, incoming);
  }

  /** A notification of our own: plugins are not asked, so that none can refuse it. */
  beginInternal(incoming: Incoming): Intake {
    const { report } = incoming;
    const isFiltered = report !== undefined && this.#internal.settings(null).filtersOwn.has(report);
    return new MessageIntake(isFiltered ? this.#filtered : this.#internal, incoming);
  }

  #settings(parameters: ParameterReader): ReceiverSettings {
    let settings = this.#known.get(parameters);
    if (settings === undefined) {
      settings = readSettings(parameters, this.#services);
      this.#known.set(parameters, settings);
    }
    return settings;
  }
}

const ROUTING: ReadonlySet<HookName> = new Set(['expand', 'deliver', 'sign']);
/** The hooks that decide where mail goes and sign it, without those that judge it. */
function routingOnly(hooks: Hooks): Hooks {
  return {
    has: (name) => ROUTING.has(name) && hooks.has(name),
    run: (name, argument) => hooks.run(name, argument),
  };
}
