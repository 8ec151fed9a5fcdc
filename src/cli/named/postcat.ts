/** `postcat` (postcat(1)): a message of the queue, with its envelope. Requirement P4. */
import { OperationError } from '../../admin/operation.ts';
import type { ShownItem } from '../../admin/queue.ts';
import { type Call, Fatal, isGiven, type NamedCommand } from './command.ts';
import { ctime } from './queue-listing.ts';
import { isQueueId } from './queue-words.ts';
import { type QueuedMessage, readQueued } from './queued-message.ts';

export const postcat: NamedCommand = {
  letters: 'bc:dehoqv',
  folder: 'c',
  usage:
    'postcat [-b (body text)] [-c config_dir] [-d (decimal record type)] [-e (envelope records)] [-h (header text)] [-q (access queue)] [-v] [file(s)...]',
  failure: 1,
  async run(call) {
    if (!isGiven(call, 'q') || call.operands.length === 0)
      throw new Fatal('messages are in the store, not in files: postcat -q QUEUE_ID');
    for (const queueId of call.operands) await show(call, queueId);
    return 0;
  },
};

async function show(call: Call, queueId: string): Promise<void> {
  if (!isQueueId(queueId)) throw new Fatal(`bad mail queue ID: ${queueId}`);
  const message = await readQueued(call.where, queueId).catch((error: unknown) => {
    if (error instanceof OperationError) throw new Fatal(`open queue file ${queueId}: No such file or directory`);
    throw error;
  });
  const chosen = ['e', 'h', 'b'].filter((letter) => isGiven(call, letter));
  const parts = chosen.length === 0 ? ['e', 'h', 'b'] : chosen;
  const [first] = message.items;
  const mark = (text: string): string => `*** ${text} ${first.queue}/${queueId} ***\n`;
  const envelope = parts.includes('e');
  if (envelope) write([mark('ENVELOPE RECORDS'), ...records(message.items), mark('MESSAGE CONTENTS')].join(''));
  if (parts.includes('h') || parts.includes('b')) await content(message, parts, isGiven(call, 'o'));
  if (envelope) write(`${mark('HEADER EXTRACTED')}${mark('MESSAGE FILE END')}`);
}

const write = (text: string): void => void process.stdout.write(text);

/** The records of Postfix's that have a counterpart here. */
function records(items: QueuedMessage['items']): string[] {
  const [first] = items;
  const line = (name: string, value: string): string => `${name}: ${value}\n`;
  return [
    line('message_size', String(first.size)),
    line('message_arrival_time', `${ctime(first.arrived)} ${new Date(first.arrived).getFullYear()}`),
    ...(first.ret === '' ? [] : [line('named_attribute', `dsn_ret_flags=${first.ret}`)]),
    ...(first.envid === '' ? [] : [line('named_attribute', `dsn_envid=${first.envid}`)]),
    line('sender', first.sender),
    ...items.flatMap((item: ShownItem) => [
      ...(item.orcpt === '' ? [] : [line('named_attribute', `dsn_orig_rcpt=${item.orcpt}`)]),
      ...(item.notify.length === 0 ? [] : [line('named_attribute', `dsn_notify_flags=${item.notify.join(',')}`)]),
      line('original_recipient', item.original),
      line('recipient', item.recipient),
    ]),
  ];
}

/** The lines of the chosen parts, with LF; with offsets, each after that of its first octet. */
async function content({ octets }: QueuedMessage, parts: readonly string[], offsets: boolean): Promise<void> {
  let rest: Buffer[] = [];
  let at = 0;
  let part = 'h';
  const line = (text: Buffer): void => {
    const end = text.at(-1) === 0x0d ? text.subarray(0, -1) : text;
    if (part === 'h' && end.length === 0) part = 'b';
    if (!parts.includes(part)) return;
    if (offsets) write(`${String(at).padStart(9)} `);
    process.stdout.write(end);
    write('\n');
  };
  for await (const piece of octets) {
    let from = 0;
    for (let lf = piece.indexOf(0x0a); lf >= 0; lf = piece.indexOf(0x0a, from)) {
      const text = Buffer.concat([...rest, piece.subarray(from, lf)]);
      line(text);
      at += text.length + 1;
      from = lf + 1;
      rest = [];
    }
    rest.push(piece.subarray(from));
  }
  const last = Buffer.concat(rest);
  if (last.length > 0) line(last);
}
