/** `posthorn queue`: the mail queue, with a choice of messages by sender, recipient or domain. */
import type { Command } from 'commander';
import { OperationError } from '../admin/operation.ts';
import type { ListedItem, ShownItem } from '../admin/queue.ts';
import { formatQueue } from './named/queue-listing.ts';
import { readQueued } from './named/queued-message.ts';
import { counted, printJson, table } from './output.ts';
import { operate, type PlaceOptions, place, withPlace } from './place.ts';

interface Choice extends PlaceOptions {
  readonly sender?: string;
  readonly recipient?: string;
  readonly domain?: string;
}

const withChoice = (command: Command): Command =>
  withPlace(command)
    .option('--sender <address>', 'only messages of this sender')
    .option('--recipient <address>', 'only messages with this recipient')
    .option('--domain <domain>', 'only messages from or to addresses of this domain');

const isChoice = ({ sender, recipient, domain }: Choice): boolean =>
  sender !== undefined || recipient !== undefined || domain !== undefined;

interface QueueCommand {
  readonly name: string;
  readonly verb: string;
  readonly description: string;
  /** What happened to so many recipients. */
  readonly done: string;
  /** The name of the count in JSON. */
  readonly counted: string;
}

const COMMANDS: readonly QueueCommand[] = [
  {
    name: 'flush',
    verb: 'flush',
    description: 'try to deliver what is deferred now (all, or the given queue IDs)',
    done: 'due now',
    counted: 'flushed',
  },
  { name: 'hold', verb: 'hold', description: 'put messages on hold', done: 'on hold', counted: 'held' },
  {
    name: 'release',
    verb: 'release',
    description: 'release messages from hold',
    done: 'released',
    counted: 'released',
  },
  {
    name: 'requeue',
    verb: 'requeue',
    description: 'release messages and try them now, with the routes of the present configuration',
    done: 'due now',
    counted: 'requeued',
  },
  {
    name: 'bounce',
    verb: 'bounce',
    description: 'return messages to their senders now, with the reason of the last attempt',
    done: 'returned to the sender',
    counted: 'bounced',
  },
  {
    name: 'delete',
    verb: 'remove',
    description: 'delete messages from the queue',
    done: 'removed',
    counted: 'removed',
  },
];

export function addQueueCommands(program: Command): void {
  const queue = program
    .command('queue')
    .description('the mail queue: list, show, flush, hold, release, requeue, bounce, delete');
  withChoice(
    queue.command('list').description('the queue as mailq shows it, and when each recipient is tried again'),
  ).action(async (options: Choice) => {
    const where = place(options);
    const items = (await operate(where, 'queue.list', choiceOf(options))) as ListedItem[];
    if (where.json) printJson(items);
    else console.log(formatQueue(items, { next: true }));
  });
  withPlace(
    queue.command('show <queue-id>').description('a message of the queue: who, why it waits, and its text'),
  ).action(async (queueId: string, options: PlaceOptions) => {
    const where = place(options);
    const { items, octets } = await readQueued(where, queueId);
    if (where.json) {
      printJson(items);
      return;
    }
    console.log(describe(items));
    for await (const piece of octets) process.stdout.write(piece);
  });
  for (const command of COMMANDS) {
    const description = `${command.description}; ALL means all`;
    withChoice(queue.command(`${command.name} [queue-ids...]`).description(description)).action(
      async (queueIds: string[], options: Choice) => {
        const where = place(options);
        if (queueIds.length === 0 && !isChoice(options) && command.verb !== 'flush')
          throw new OperationError(
            `posthorn queue ${command.name}: name the messages by queue ID, ALL, --sender, --recipient or --domain`,
          );
        const operation = command.verb === 'flush' ? 'queue.flush' : 'queue.change';
        const given = { verb: command.verb, strict: true, queueIds, ...choiceOf(options) };
        const { recipients: count } = (await operate(where, operation, given)) as { recipients: number };
        if (where.json) printJson({ [command.counted]: count });
        else console.log(`${counted(count, 'recipient')} ${command.done}.`);
      },
    );
  }
}

const choiceOf = ({ sender, recipient, domain }: Choice): Record<string, unknown> => ({ sender, recipient, domain });

function describe(items: readonly [ShownItem, ...ShownItem[]]): string {
  const [first] = items;
  return [
    `Message ${first.queueId} of ${first.sender === '' ? 'MAILER-DAEMON' : first.sender}: ${first.size} octets, arrived ${first.arrived}.`,
    '',
    table(
      ['recipient', 'queue', 'destination', 'attempts', 'next attempt', 'reason'],
      items.map((item) => [
        item.recipient,
        item.queue,
        item.destination,
        String(item.attempts),
        item.queue === 'hold' ? '' : item.due,
        item.reason,
      ]),
    ),
    '',
  ].join('\n');
}
