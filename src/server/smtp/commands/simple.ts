/** NOOP, RSET and QUIT (RFC 5321 sections 4.1.1.9, 4.1.1.5, 4.1.1.10). */
import type { HookArguments } from '../../../bus/hook.ts';
import { readRefusal } from '../../../bus/refusal.ts';
import type { Reply } from '../../../mail/status.ts';
import * as say from '../../../protocol/smtp/replies.ts';
import type { Answer, SmtpSession } from '../session.ts';

export const noop = (session: SmtpSession, argument: string): Answer | Promise<Answer> =>
  session.service.hooks.has('noop')
    ? ask(session, 'noop', { connection: session.connection, argument: argument.trim() }, say.OK)
    : say.OK;

export function rset(session: SmtpSession, argument: string): Answer | Promise<Answer> {
  if (argument.trim() !== '') return say.syntax('RSET');
  session.resetTransaction();
  return session.service.hooks.has('rset') ? ask(session, 'rset', { connection: session.connection }, say.OK) : say.OK;
}

export function quit(session: SmtpSession): Answer | Promise<Answer> {
  session.endAfterAnswer();
  return session.service.hooks.has('quit')
    ? ask(session, 'quit', { connection: session.connection }, say.BYE)
    : say.BYE;
}

/** Plugins may word the answer. */
async function ask<N extends 'noop' | 'rset' | 'quit'>(
  session: SmtpSession,
  hook: N,
  argument: HookArguments[N],
  usual: Reply,
): Promise<Answer> {
  const verdict = await session.ask(hook, argument);
  const { reply, disconnect = false } = readRefusal(verdict) ?? {};
  if (disconnect) session.endAfterAnswer();
  return reply ?? ('reply' in verdict && verdict.reply !== undefined ? verdict.reply : usual);
}
