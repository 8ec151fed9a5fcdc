/**
 * Delivery to a command (Postfix: pipe(8)): the message on its standard input, its end as the outcome of all recipients.
 * An item is `sent` only after the command has ended with 0, so a crash repeats the command and loses nothing.
 */

import type { Clock } from '../../clock.ts';
import { addressKey, type Delimiters } from '../../mail/address.ts';
import { isPermanent, type Reply, reply } from '../../mail/status.ts';
import { MAX_HEADER_SIZE, parseHeader } from '../../protocol/mime/header.ts';
import type { ContentStore } from '../../store/content.ts';
import type { QueueItem } from '../../store/queue.ts';
import { readHeaderOctets } from '../../store/stored-header.ts';
import { type Attempt, type Outcome, unanimous } from '../outcome.ts';
import type { Route } from '../route/router.ts';
import { replyTo } from './exit-status.ts';
import { type ArgumentsContext, pipeArguments, senderIn } from './pipe-arguments.ts';
import { pipeText } from './pipe-text.ts';
import { runCommand } from './run-command.ts';

export interface PipeServices {
  readonly content: ContentStore;
  readonly clock: Clock;
  /** recipient_delimiter */
  readonly delimiters: Delimiters;
  /** enable_original_recipient */
  readonly namesOriginal: boolean;
}

const TOO_LARGE = reply(552, '5.2.3', 'message too large');
const MISCONFIGURED = reply(451, '4.3.5', 'mail system configuration error');

/** All items belong to one message. Rejects only if the store cannot read the content. */
export async function deliverToPipe(
  services: PipeServices,
  route: Route & { kind: 'pipe' },
  items: readonly QueueItem[],
  signal: AbortSignal,
): Promise<Attempt> {
  const { command, transport } = route;
  const { content, delimiters } = services;
  const looping = command.flags.has('D') ? await loops(content, items) : [];
  const [first, ...others] = items.filter((item) => !looping.includes(item));
  const loopOutcomes = looping.flatMap(
    (item): readonly Outcome[] => unanimous([item], 'bounced', loopReply(item), transport).outcomes,
  );
  if (first === undefined) return { ...unanimous([], 'bounced', TOO_LARGE, transport), outcomes: loopOutcomes };
  const began = services.clock();
  const context: ArgumentsContext = {
    flags: command.flags,
    nullSender: command.nullSender,
    nexthop: route.nexthop,
    delimiters,
  };
  const answer = await run(services, route, [first, ...others], context, signal);
  const status = answer.code < 300 ? 'sent' : isPermanent(answer) ? 'bounced' : 'deferred';
  const attempt = unanimous([first, ...others], status, answer, transport);
  return { ...attempt, outcomes: [...loopOutcomes, ...attempt.outcomes], sending: services.clock() - began };
}

export const loopReply = ({ recipient }: QueueItem): Reply =>
  reply(554, '5.4.6', `mail forwarding loop for ${recipient}`);

async function run(
  { content, clock, namesOriginal }: PipeServices,
  { command, transport }: Route & { kind: 'pipe' },
  items: readonly [QueueItem, ...QueueItem[]],
  context: ArgumentsContext,
  signal: AbortSignal,
): Promise<Reply> {
  const [item] = items;
  const { flags, sizeLimit } = command;
  if (sizeLimit > 0 && item.size > sizeLimit) return TOO_LARGE;
  const argv = pipeArguments(command.argv, items, context);
  // Their lines are about one recipient.
  const singular = flags.has('D') || flags.has('O');
  if (argv === null || (singular && items.length > 1)) return MISCONFIGURED;
  if (command.obstacle !== null) return reply(451, '4.3.0', command.obstacle);
  const sender = senderIn(item, context);
  const end = await runCommand({
    ...command,
    argv,
    signal,
    input: pipeText(content.stream(item.content, 0, item.size), {
      flags,
      lineEnd: command.lineEnd,
      before: [
        ...(flags.has('F') ? [`From ${sender || 'MAILER-DAEMON'}  ${asctime(clock())}`] : []),
        ...(flags.has('R') ? [`Return-Path: <${sender}>`] : []),
        ...(flags.has('O') && namesOriginal ? [`X-Original-To: ${item.original || item.recipient}`] : []),
        ...(flags.has('D') ? [`Delivered-To: ${item.recipient}`] : []),
      ],
    }),
  });
  return replyTo(end, {
    command: argv[0] ?? '',
    delivered: (said) => `delivered via ${transport} service${said === '' ? '' : ` (${said})`}`,
    notStarted: `pipe: fatal: pipe_command: execvp ${argv[0]}`,
  });
}

/** The recipients to which the message was delivered before, as its Delivered-To: lines say. */
export async function loops(content: ContentStore, items: readonly QueueItem[]): Promise<readonly QueueItem[]> {
  const [first] = items;
  if (first === undefined) return [];
  const header = parseHeader(await readHeaderOctets(content, first.content, first.size, MAX_HEADER_SIZE));
  const delivered = new Set(header.all('delivered-to').map((value) => addressKey(value.trim())));
  return items.filter(({ recipient }) => delivered.has(addressKey(recipient)));
}

/** `Fri Nov 27 12:30:41 2026`, local time, as in the first line of an mbox message. */
export function asctime(ms: number): string {
  const [weekday, month] = new Date(ms).toDateString().split(' ');
  const date = new Date(ms);
  return `${weekday} ${month} ${String(date.getDate()).padStart(2)} ${date.toTimeString().slice(0, 8)} ${date.getFullYear()}`;
}
