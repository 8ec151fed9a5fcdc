/** VRFY (RFC 5321 section 3.5): reveals no more than RCPT would. */
import { reply } from '../../../mail/status.ts';
import { parsePath } from '../../../protocol/smtp/path.ts';
import * as say from '../../../protocol/smtp/replies.ts';
import { takesSmtputf8 } from '../extensions.ts';
import type { Answer, SmtpSession } from '../session.ts';
import { judge } from './rcpt.ts';
import { refuseUndeclared } from './unicode.ts';

const USAGE = say.syntax('VRFY address');
const UTF8_USAGE = say.syntax('VRFY address [SMTPUTF8]');

export function vrfy(session: SmtpSession, argument: string): Answer | Promise<Answer> {
  const { settings, connection } = session;
  if (settings.vrfyDisabled) return say.VRFY_DISABLED;
  if (settings.heloRequired && connection.helo === null) return say.HELO_FIRST;
  const asked = argument.trim();
  const unicode = takesSmtputf8(session);
  const given = unicode ? asked.replace(/\s+smtputf8$/i, '') : asked;
  if (given === '') return settings.smtputf8 ? UTF8_USAGE : USAGE;
  const path = parsePath(given, { ...settings.paths, strict: false });
  if (path === null || path.address === '' || path.rest.trim() !== '') return say.BAD_RECIPIENT;
  const undeclared = refuseUndeclared(path, asked !== given, settings.strictSmtputf8, say.BAD_RECIPIENT);
  if (undeclared !== undefined) return undeclared;
  return verify(session, given, path.address);
}

async function verify(session: SmtpSession, given: string, address: string): Promise<Answer> {
  const { connection, settings } = session;
  await session.nameKnown();
  const verdict = await session.ask('vrfy', { connection, address });
  if (verdict.code === 'OK' && verdict.reply !== undefined) return verdict.reply;
  const refusal = session.refuses('vrfy', verdict, 'VRFY', address);
  if (refusal !== undefined) return refusal;
  return (
    (await judge(session, await session.service.domains.resolve(settings.rewrite(address)), address, verdict)) ??
    reply(252, '2.0.0', given)
  );
}
