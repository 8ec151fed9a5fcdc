/** What probes found out about addresses: written by the writer, read by whoever is faster. */
import type { ProbeResults } from '../../../probe-results.ts';
import type { Read, WriterCalls } from '../calls.ts';
import type { Link } from './link.ts';

export const createProbeResults = (writer: Pick<Link<WriterCalls>, 'call'>, read: Read): ProbeResults => ({
  find: (address) => read('findProbeResult', { address }),
  async put(address, result) {
    await writer.call('putProbeResult', { address, ...result });
  },
  async clean(expiry) {
    // In steps: between two of them the writer does what is waiting.
    for (let dropped = 0; ; ) {
      const step = await writer.call('cleanProbeResults', expiry);
      dropped += step.dropped;
      if (step.dropped === 0) return { retained: step.retained, dropped };
    }
  },
});
