/** The queue as `postqueue -p` prints it with long queue IDs, and as `postqueue -j` does: a line of JSON a message. */
import type { ListedItem } from '../../admin/queue.ts';

const MARKS: Readonly<Record<ListedItem['queue'], string>> = { active: '*', hold: '!', incoming: ' ', deferred: ' ' };
const ORDER: readonly ListedItem['queue'][] = ['incoming', 'active', 'deferred', 'hold'];

/** Columns: where a reason ends, and where a recipient begins. */
const REASON_END = 76;
const RECIPIENT = 47;

/** The recipients of each message, which is in the queue of the first of them. */
function messagesOf(items: readonly ListedItem[]): [ListedItem, ...ListedItem[]][] {
  const messages = new Map<string, [ListedItem, ...ListedItem[]]>();
  for (const item of items) {
    const known = messages.get(item.queueId);
    if (known === undefined) messages.set(item.queueId, [item]);
    else known.push(item);
  }
  const rank = ([first]: readonly [ListedItem, ...ListedItem[]]): number => ORDER.indexOf(first.queue);
  return [...messages.values()].sort((a, b) => rank(a) - rank(b));
}

/** `Fri Nov 20 22:33:01`, as ctime(3) prints it. */
export function ctime(iso: string): string {
  const [weekday, month, day, , time] = new Date(iso).toString().split(' ');
  return `${weekday} ${month} ${(day ?? '').replace(/^0/, ' ')} ${time}`;
}

export interface ListingOptions {
  /** When each recipient that waits is tried again; Postfix does not tell. */
  readonly next: boolean;
}

export function formatQueue(items: readonly ListedItem[], { next }: ListingOptions = { next: false }): string {
  if (items.length === 0) return 'Mail queue is empty';
  const lines = ['----Queue ID----- --Size-- ---Arrival Time---- --Sender/Recipient------'];
  let octets = 0;
  const messages = messagesOf(items);
  for (const recipients of messages) {
    const [{ queueId, queue, size, arrived, sender }] = recipients;
    octets += size;
    const mark = recipients.some(({ expired }) => expired) ? `${MARKS[queue].trim()}#` : MARKS[queue];
    const id = `${queueId}${mark}`.padEnd(17);
    lines.push(`${id} ${String(size).padStart(8)} ${ctime(arrived)} ${sender === '' ? 'MAILER-DAEMON' : sender}`);
    let told = '';
    for (const { reason, recipient, queue: state, due } of recipients) {
      if (reason !== '' && reason !== told)
        lines.push(`${' '.repeat(Math.max(0, REASON_END - reason.length))}(${reason})`);
      told = reason;
      lines.push(`${' '.repeat(RECIPIENT)}${recipient}`);
      if (next && state === 'deferred') lines.push(`${' '.repeat(RECIPIENT)}next attempt ${ctime(due)}`);
    }
    lines.push('');
  }
  lines.push(
    `-- ${Math.floor(octets / 1024)} Kbytes in ${messages.length} Request${messages.length === 1 ? '' : 's'}.`,
  );
  return lines.join('\n');
}

export function formatQueueJson(items: readonly ListedItem[]): string {
  const lines = messagesOf(items).map((recipients) => {
    const [{ queueId, queue, size, arrived, sender }] = recipients;
    const expired = recipients.some((one) => one.expired);
    const list = recipients.map(({ recipient, reason }) => {
      const why = reason === '' ? '' : `, "delay_reason": ${JSON.stringify(reason)}`;
      return `{"address": ${JSON.stringify(recipient)}${why}}`;
    });
    const seconds = Math.floor(Date.parse(arrived) / 1000);
    return `{"queue_name": "${queue}", "queue_id": "${queueId}", "arrival_time": ${seconds}, "message_size": ${size}, "forced_expire": ${expired}, "sender": ${JSON.stringify(sender)}, "recipients": [${list.join(', ')}]}\n`;
  });
  return lines.join('');
}
