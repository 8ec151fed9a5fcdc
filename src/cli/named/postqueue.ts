/** `postqueue` and `mailq` (postqueue(1)): list the queue, and try again to deliver what is in it. Requirement P4. */
import type { ListedItem } from '../../admin/queue.ts';
import { callServer, NoServerError } from '../../admin/socket.ts';
import { printJson } from '../output.ts';
import { operate } from '../place.ts';
import { type Call, Fatal, type NamedCommand, UsageFault, warn } from './command.ts';
import { requireQueueUser } from './local-caller.ts';
import { formatQueue, formatQueueJson } from './queue-listing.ts';
import { isQueueId, isSite } from './queue-words.ts';

/** Exit code of sysexits.h: what is needed is not there. */
const EX_UNAVAILABLE = 69;

export const postqueue: NamedCommand = {
  letters: 'fi:jps:vc:',
  folder: 'c',
  usage: 'postqueue -f | postqueue -i queueid | postqueue -j | postqueue -p | postqueue -s site',
  failure: EX_UNAVAILABLE,
  async run(call) {
    const asked = call.options.filter(([letter]) => !'vc'.includes(letter));
    const [[letter, value] = [], ...more] = asked;
    if (letter === undefined || more.length > 0 || call.operands.length > 0) throw new UsageFault();
    await ACTS[letter]?.(call, value ?? '');
    return 0;
  },
};

/** What `mailq` and `sendmail -bp` show. */
export async function showQueue(call: Call): Promise<number> {
  if (call.where.json) printJson(await queueItems(call));
  else await printQueue(call);
  return 0;
}

const ACTS: Readonly<Record<string, (call: Call, value: string) => Promise<void>>> = {
  p: printQueue,
  j: async (call) => void process.stdout.write(formatQueueJson(await queueItems(call))),
  f: (call) => flush(call, {}),
  i: async (call, queueId) => {
    if (!isQueueId(queueId)) throw new Fatal(`Cannot flush queue ID - invalid name: "${queueId}"`);
    await flush(call, { queueIds: [queueId] });
  },
  s: async (call, site) => {
    if (!isSite(site)) throw new Fatal(`Cannot flush mail queue - invalid destination: "${site}"`);
    await flush(call, { destination: site.toLowerCase() });
  },
};

async function printQueue(call: Call): Promise<void> {
  console.log(formatQueue(await queueItems(call)));
}

async function queueItems(call: Call): Promise<readonly ListedItem[]> {
  await requireQueueUser(call, 'authorized_mailq_users');
  const { name, where } = call;
  const direct = (): void =>
    warn(name, `Mail system is down -- accessing queue directly (no server is running on ${where.data})`);
  return (await operate(where, 'queue.list', {}, { direct })) as readonly ListedItem[];
}

/** Makes mail due in the running server, which alone can deliver it. */
export async function flush(call: Call, given: Record<string, unknown>): Promise<void> {
  await requireQueueUser(call, 'authorized_flush_users');
  const { data } = call.where;
  try {
    await callServer(data, 'queue.flush', given);
  } catch (error) {
    if (error instanceof NoServerError)
      throw new Fatal(`Cannot flush mail queue - mail system is down (no server is running on ${data})`);
    throw error;
  }
}
