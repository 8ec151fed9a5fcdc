/** What plugins remember: written by the writer, read by whoever is faster. */
import type { PluginStates } from '../../../plugin-states.ts';
import type { Read, WriterCalls } from '../calls.ts';
import type { Link } from './link.ts';

export const createPluginStateReads = (read: Read): Pick<PluginStates, 'get' | 'keys' | 'entries'> => ({
  get: (of, now) => read('pluginState', { ...of, now }),
  keys: (of, limit, now) => read('pluginStateKeys', { ...of, limit, now }),
  entries: (after) => read('pluginStateEntries', { after }),
});

export const createPluginStates = (writer: Pick<Link<WriterCalls>, 'call'>, read: Read): PluginStates => ({
  ...createPluginStateReads(read),
  put: (of, change, now) => writer.call('putPluginState', { ...of, change, now }),
  async sweep(now) {
    // In steps: between two of them the writer does what is waiting.
    while ((await writer.call('sweepPluginStates', { now })) > 0);
  },
});
