/**
 * The log that a plugin is lent. Whatever it is given becomes one line: a message that is no text, fields whose
 * getters throw, text without end. It never throws, so that a plugin's log line is never its failure.
 */
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Server } from './plugin.ts';

const LONGEST_MESSAGE = 8_000;
const MOST_FIELDS = 50;

export function pluginLog(log: Log, plugin: string): Server['log'] {
  const own = log.child({ plugin });
  const write = (level: 'info' | 'warn') => (fields: unknown, message: unknown) => {
    // A plugin may give the message alone.
    if (typeof fields === 'string' && message === undefined) own[level]({}, fields.slice(0, LONGEST_MESSAGE));
    else own[level](plainFields(fields), messageOf(message).slice(0, LONGEST_MESSAGE));
  };
  return { info: write('info'), warn: write('warn') };
}

/** The own fields as data properties; what cannot be read is said so. */
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
