/** `posthorn mailq`, and the other queue commands of `postqueue` and `postsuper`. */
import type { Command } from 'commander';
import type { ListedItem } from '../admin/queue.ts';
import { printJson } from './output.ts';
import { operate, type PlaceOptions, place, withPlace } from './place.ts';

const MARKS: Readonly<Record<ListedItem['queue'], string>> = { active: '*', hold: '!', incoming: ' ', deferred: ' ' };

/** `Fri Nov 20 22:33:01`, as `mailq` prints the arrival time. */
function arrival(iso: string): string {
  const [weekday, month, day, , time] = new Date(iso).toString().split(' ');
  return `${weekday} ${month} ${(day ?? '').replace(/^0/, ' ')} ${time}`;
}

/** The listing of `postqueue -p`. */
function formatMailq(items: readonly ListedItem[]): string {
  if (items.length === 0) return 'Mail queue is empty';
  const messages = new Map<string, ListedItem[]>();
  for (const item of items) messages.set(item.queueId, [...(messages.get(item.queueId) ?? []), item]);
  const lines = ['-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------'];
  let octets = 0;
  for (const [queueId, recipients] of messages) {
    const first = recipients[0];
    if (first === undefined) continue;
    octets += first.size;
    lines.push(
      `${`${queueId}${MARKS[first.queue]}`.padEnd(11)} ${String(first.size).padStart(8)} ${arrival(first.arrived)}  ${first.sender === '' ? 'MAILER-DAEMON' : first.sender}`,
    );
    let reason = '';
    for (const recipient of recipients) {
      if (recipient.reason !== '' && recipient.reason !== reason) lines.push(`(${recipient.reason})`.padStart(40));
      reason = recipient.reason;
      lines.push(`${' '.repeat(41)} ${recipient.recipient}`);
    }
    lines.push('');
  }
  lines.push(`-- ${Math.ceil(octets / 1024)} Kbytes in ${messages.size} Request${messages.size === 1 ? '' : 's'}.`);
  return lines.join('\n');
}

async function mailq(options: PlaceOptions): Promise<void> {
  const where = place(options);
  const items = (await operate(where, 'queue.list', {})) as ListedItem[];
  if (where.json) printJson(items);
  else console.log(formatMailq(items));
}

interface QueueCommand {
  readonly name: string;
  readonly description: string;
  readonly operation: string;
  readonly say: (result: Record<string, number>) => string;
}

const recipients = (count = 0): string => `${count} recipient${count === 1 ? '' : 's'}`;

const COMMANDS: readonly QueueCommand[] = [
  {
    name: 'flush',
    description: 'try to deliver what is deferred now (all, or the given queue IDs)',
    operation: 'queue.flush',
    say: (r) => `${recipients(r['flushed'])} due now.`,
  },
  {
    name: 'hold',
    description: 'put messages on hold',
    operation: 'queue.hold',
    say: (r) => `${recipients(r['held'])} on hold.`,
  },
  {
    name: 'release',
    description: 'release messages from hold',
    operation: 'queue.release',
    say: (r) => `${recipients(r['released'])} released.`,
  },
  {
    name: 'delete',
    description: 'delete messages from the queue',
    operation: 'queue.remove',
    say: (r) => `${recipients(r['removed'])} removed.`,
  },
];

export function addQueueCommands(program: Command): void {
  withPlace(program.command('mailq').description('the mail queue, as postqueue -p shows it')).action(mailq);
  const queue = program.command('queue').description('the mail queue: list, flush, hold, release, delete');
  withPlace(queue.command('list').description('the same as mailq')).action(mailq);
  for (const { name, description, operation, say } of COMMANDS) {
    const argument = name === 'flush' ? '[queue-ids...]' : '<queue-ids...>';
    withPlace(queue.command(`${name} ${argument}`).description(`${description}; ALL means all`)).action(
      async (queueIds: string[], options: PlaceOptions) => {
        const where = place(options);
        const result = (await operate(where, operation, { queueIds })) as Record<string, number>;
        if (where.json) printJson(result);
        else console.log(say(result));
      },
    );
  }
}
