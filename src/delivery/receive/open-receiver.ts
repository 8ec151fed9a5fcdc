/**
 * The entry point for every message (delivery/receive/receiver.ts): header processing, plugins, expansion, routing, and
 * one durable transaction.
 *
 * Why nothing is lost: until `Store.accept` resolves, the client has no 250 and keeps the message; from then on it is
 * in a mailbox or in the queue. Nothing that can fail happens in between. Requirements P10, P11, P13, P18.
 */
import type { Hooks } from '../../bus/hook.ts';
import type { ParameterReader } from '../../lookup/parameters.ts';
import { MessageIntake } from './intake.ts';
import { cachedMailDate } from './mail-date.ts';
import type { Incoming, Intake, Receiver } from './receiver.ts';
import { type ReceiverOptions, type ReceiverSettings, type ReceivingHouse, readSettings } from './services.ts';

export interface MessageReceiver extends Receiver {
  /** A notification of our own: plugins are not asked, so that none can refuse it. */
  beginInternal(incoming: Incoming): Intake;
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
    // They are not copied by always_bcc either (Postfix: CLEANUP_FLAG_MASK_INTERNAL).
    settings: (connection) => ({ ...house.settings(connection), alwaysBcc: '' }),
  };
  return {
    begin: (incoming) => new MessageIntake(house, incoming),
    beginInternal: (incoming) => new MessageIntake(internal, incoming),
  };
}

/** The hooks that route mail, without those that filter it. */
function routingOnly(hooks: Hooks): Hooks {
  return {
    has: (name) => (name === 'expand' || name === 'deliver') && hooks.has(name),
    run: (name, argument) => hooks.run(name, argument),
  };
}
