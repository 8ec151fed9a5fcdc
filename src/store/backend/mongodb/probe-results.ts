/** What probes found out about addresses: a document for each, the same for all processes. */
import { MOST_RESULTS, type ProbeResults, STATUSES } from '../../probe-results.ts';
import type { Context } from './context.ts';

export function createProbeResults({ database: { probeResults } }: Context): ProbeResults {
  return {
    find: async (address) =>
      probeResults.findOne({ _id: address }, { projection: { _id: 0, status: 1, text: 1, updatedAt: 1, probedAt: 1 } }),
    async put(address, result) {
      await probeResults.replaceOne({ _id: address }, result, { upsert: true });
    },
    async clean(expiry) {
      let dropped = 0;
      const drop = async (status: (typeof STATUSES)[number], before: object): Promise<number> => {
        const { deletedCount } = await probeResults.deleteMany({ status, updatedAt: before });
        dropped += deletedCount;
        return deletedCount;
      };
      for (const status of STATUSES)
        await drop(status, { $lt: status === 'deliverable' ? expiry.deliverable : expiry.failed });
      let retained = await probeResults.countDocuments();
      for (const status of STATUSES) {
        if (retained <= MOST_RESULTS) break;
        // As many as are too many, or all of them.
        const [last] = await probeResults
          .find({ status }, { sort: { updatedAt: 1 }, skip: retained - MOST_RESULTS - 1, limit: 1 })
          .toArray();
        retained -= await drop(status, last === undefined ? { $gt: 0 } : { $lte: last.updatedAt });
      }
      return { retained, dropped };
    },
  };
}
