/** `postsuper` (postsuper(1)): delete, hold, release and requeue messages. Requirement P4. */
import { createInterface } from 'node:readline';
import { counted } from '../output.ts';
import { operate, type PlaceOptions } from '../place.ts';
import { type Call, Fatal, type NamedCommand, UsageFault, warn } from './command.ts';
import { isQueueId } from './queue-words.ts';

interface Act {
  readonly letter: string;
  readonly verb: 'remove' | 'hold' | 'release' | 'requeue' | 'expire';
  /** Of one message, and of all. */
  readonly done: string;
  readonly total: string;
  /** Where it looks if no queue is named. */
  readonly queues: readonly string[];
}

const ALL_QUEUES = ['hold', 'incoming', 'active', 'deferred'];

/** In the order in which they are done. */
const ACTS: readonly Act[] = [
  { letter: 'd', verb: 'remove', done: 'removed', total: 'Deleted', queues: ALL_QUEUES },
  {
    letter: 'h',
    verb: 'hold',
    done: 'placed on hold',
    total: 'Placed on hold',
    queues: ['incoming', 'active', 'deferred'],
  },
  ...['e', 'f'].map(
    (letter): Act => ({ letter, verb: 'expire', done: 'expired', total: 'Force-expired', queues: ALL_QUEUES }),
  ),
  ...['f', 'H'].map(
    (letter): Act => ({
      letter,
      verb: 'release',
      done: 'released from hold',
      total: 'Released from hold',
      queues: ['hold'],
    }),
  ),
  { letter: 'r', verb: 'requeue', done: 'requeued', total: 'Requeued', queues: ALL_QUEUES },
];

/** Queues of Postfix's that are never filled here. */
const EMPTY_QUEUES = ['maildrop', 'bounce', 'defer', 'trace', 'flush', 'corrupt', 'saved'];

export const postsuper: NamedCommand = {
  letters: 'c:d:e:f:h:H:pr:sSv',
  folder: 'c',
  usage:
    'postsuper [-c config_dir] [-d queue_id (delete)] [-e queue_id (expire)] [-f queue_id (expire and/or un-hold)] [-h queue_id (hold)] [-H queue_id (un-hold)] [-p (purge temporary files)] [-r queue_id (requeue)] [-s (structure fix)] [-S (redundant structure fix)][-v (verbose)] [queue...]',
  failure: 1,
  async run(call) {
    for (const queue of call.operands)
      if (![...ALL_QUEUES, ...EMPTY_QUEUES].includes(queue)) throw new Fatal(`invalid directory name: ${queue}`);
    if (call.operands.length > 0 && EMPTY_QUEUES.includes(call.operands[0] ?? '') && call.options.length === 0)
      throw new UsageFault();
    for (const act of ACTS) await perform(call, act);
    return 0;
  },
};

async function perform({ name, where, options, operands }: Call, act: Act): Promise<void> {
  const words = options.flatMap(([given, value]) => (given === act.letter ? [value] : []));
  if (words.length === 0) return;
  const queues = operands.length === 0 ? act.queues : act.queues.filter((queue) => operands.includes(queue));
  let count = 0;
  const change = async (queueIds: readonly string[]): Promise<void> => {
    if (queues.length === 0) return;
    const ids = await changed(where, act.verb, queueIds, queues);
    // Of ALL, Postfix tells the number alone.
    if (queueIds.length > 0) for (const id of ids) console.error(`${name}: ${id}: ${act.done}`);
    count += ids.length;
  };
  for (const word of words) {
    if (word === 'ALL') await change([]);
    else {
      const ids = word === '-' ? await idsFromStdin() : [word];
      const valid = ids.filter(isQueueId);
      for (const id of ids) if (!valid.includes(id)) warn(name, `invalid mail queue id: ${id}`);
      if (valid.length > 0) await change(valid);
    }
  }
  console.error(`${name}: ${act.total}: ${counted(count, 'message')}`);
}

/** Without queue IDs, all messages of the queues. */
async function changed(
  where: PlaceOptions,
  verb: Act['verb'],
  queueIds: readonly string[],
  queues: readonly string[],
): Promise<readonly string[]> {
  const result = await operate(where, 'queue.change', { verb, queueIds, queues });
  return (result as { queueIds: readonly string[] }).queueIds;
}

async function idsFromStdin(): Promise<string[]> {
  const ids: string[] = [];
  for await (const line of createInterface({ input: process.stdin })) ids.push(line);
  return ids;
}
