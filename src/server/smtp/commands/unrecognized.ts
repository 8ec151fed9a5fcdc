/** Unknown commands: noop and forbidden commands of main.cf, then plugins, then the refusal. */
import * as say from '../../../protocol/smtp/replies.ts';
import { clientOf } from '../maillog.ts';
import { tellUnknown } from '../milters.ts';
import type { Answer, SmtpSession } from '../session.ts';

/** A message sent as commands. */
const HEADER_FIELD = /^[\x21-\x39\x3b-\x7e]+\s*:/;

export function unrecognized(session: SmtpSession, verb: string, argument: string): Answer | Promise<Answer> {
  const { settings, service, connection } = session;
  if (verb === '') return say.BAD_SYNTAX;
  if (settings.noopCommands.has(verb)) {
    session.patience.noteJunk();
    return say.OK;
  }
  const line = `${verb} ${argument}`.trimEnd();
  const isForbidden =
    settings.forbiddenCommands.has(verb) || (settings.lettersOnly && !/^[A-Z]/.test(verb)) || HEADER_FIELD.test(line);
  if (isForbidden) {
    // A client that sends HTTP or another protocol is being misused by someone else.
    service.log.warn(
      { session: session.id },
      `non-SMTP command from ${clientOf(connection)}: ${line.slice(0, 100).replace(/[^\x20-\x7e]/g, '?')}`,
    );
    session.endAfterAnswer();
    return say.FORBIDDEN_COMMAND;
  }
  return service.hooks.has('unrecognized_command') || session.milters !== null
    ? ask(session, verb, argument)
    : say.UNRECOGNIZED;
}

async function ask(session: SmtpSession, verb: string, argument: string): Promise<Answer> {
  const refused = await tellUnknown(session, verb);
  if (refused !== undefined) return refused;
  const verdict = await session.ask('unrecognized_command', { connection: session.connection, verb, argument });
  if (verdict.code.endsWith('DISCONNECT')) session.endAfterAnswer();
  if ('reply' in verdict && verdict.reply !== undefined) return verdict.reply;
  return verdict.code === 'OK' ? say.OK : say.UNRECOGNIZED;
}
