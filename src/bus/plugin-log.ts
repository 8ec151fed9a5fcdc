/**
 * The log passed to plugins. Any input becomes one line: a message that is not a string, fields whose getters throw,
 * overlong text. It never throws, so logging cannot make a plugin fail.
 */
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { trace } from '../tracing.ts';
import type { Server } from './plugin.ts';

const LONGEST_MESSAGE = 8_000;
const MOST_FIELDS = 50;

export function pluginLog(log: Log, plugin: string): Server['log'] {
  const own = log.child({ plugin });
  const write = (level: 'info' | 'warn') => (fields: unknown, message: unknown) => {
    // A plugin may pass only the message.
    const isMessage = typeof fields === 'string' && message === undefined;
    const text = (isMessage ? fields : messageOf(message)).slice(0, LONGEST_MESSAGE);
    const watcher = trace();
    // What did not happen must not be in the log.
    if (watcher?.hypothetical === true) watcher.add({ kind: 'log', text });
    else own[level](isMessage ? {} : plainFields(fields), text);
  };
  return { info: write('info'), warn: write('warn') };
}

/** The own fields as data properties; unreadable ones are marked as such. */
function plainFields(fields: unknown): object {
  if (typeof fields !== 'object' || fields === null) return {};
  try {
    const plain: Record<string, unknown> = {};
    for (const key of Object.keys(fields).slice(0, MOST_FIELDS)) plain[key] = readField(fields, key);
    return plain;
  } catch (error) {
    return { fields: messageOf(error) };
  }
}

function readField(fields: object, key: string): unknown {
  try {
    return (fields as Readonly<Record<string, unknown>>)[key];
  } catch (error) {
    return messageOf(error);
  }
}
