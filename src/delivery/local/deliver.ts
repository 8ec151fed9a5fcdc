/**
 * Delivery to a command or file of an alias (Postfix: local(8)). An item is `sent` only after the command has ended with
 * 0 or the file is on disk, so a crash repeats the delivery and loses nothing.
 */
import type { Clock } from '../../clock.ts';
import { isPermanent, type Reply, reply } from '../../mail/status.ts';
import type { ContentStore } from '../../store/content.ts';
import type { QueueItem } from '../../store/queue.ts';
import { type Attempt, unanimous } from '../outcome.ts';
import { asctime, loopReply, loops } from '../program/pipe.ts';
import { pipeText } from '../program/pipe-text.ts';
import type { Route } from '../route/router.ts';
import { deliverToCommand } from './command.ts';
import { deliverToFile, isMaildir } from './file.ts';
import { rightsOf } from './rights.ts';
import type { LocalSettings } from './settings.ts';

export interface TargetServices {
  readonly content: ContentStore;
  readonly clock: Clock;
  readonly settings: LocalSettings;
}

/** Rejects only if the store cannot read the content. */
export async function deliverToTarget(
  services: TargetServices,
  route: Route & { kind: 'target' },
  item: QueueItem,
  signal: AbortSignal,
): Promise<Attempt> {
  const began = services.clock();
  const answer = await run(services, route, item, signal);
  const status = answer.code < 300 ? 'sent' : isPermanent(answer) ? 'bounced' : 'deferred';
  return { ...unanimous([item], status, answer, 'local'), sending: services.clock() - began };
}

async function run(
  { content, clock, settings }: TargetServices,
  { target, delivered }: Route & { kind: 'target' },
  item: QueueItem,
  signal: AbortSignal,
): Promise<Reply> {
  const looping = await loops(content, [{ ...item, recipient: delivered }]);
  if (looping[0] !== undefined) return loopReply(looping[0]);
  const rights = await rightsOf(target, settings.defaultPrivs);
  if (typeof rights === 'string') return reply(451, '4.3.0', rights);
  const isMbox = target.kind === 'file' && !isMaildir(target);
  const sender = item.reversePath || 'MAILER-DAEMON';
  const input = pipeText(content.stream(item.content, 0, item.size), {
    flags: new Set(isMbox ? '>B' : ''),
    lineEnd: '\n',
    before: [
      ...(isMbox || target.kind === 'command' ? [`From ${sender}  ${asctime(clock())}`] : []),
      `Return-Path: <${item.reversePath}>`,
      ...(item.original === '' || !settings.namesOriginal ? [] : [`X-Original-To: ${item.original}`]),
      ...(settings.delivered.has(target.kind) ? [`Delivered-To: ${delivered}`] : []),
    ],
  });
  const deliver = target.kind === 'command' ? deliverToCommand : deliverToFile;
  return deliver(target, item, rights, input, settings, signal);
}
