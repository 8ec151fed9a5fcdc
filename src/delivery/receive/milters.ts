/** Asks the milters about a whole message, and does what they say, with the log lines of Postfix's cleanup(8). */
import { formatReply, type Reply, reply } from '../../mail/status.ts';
import { type Act, type Effect, parseAction } from '../checks/action.ts';
import { findAction, type Rule } from '../checks/rules.ts';
import type { Judgement } from '../milter/judgement.ts';
import type { MilterSession } from '../milter/session.ts';
import { introduce } from '../milter/submission.ts';
import { type Checked, envelopeWords, originOf } from './content-actions.ts';
import { type MilterMessageOptions, ReceivedMilterMessage } from './milter-message.ts';

const HELD = 'milter triggers HOLD action';
const DISCARDED = 'milter triggers DISCARD action';
const NOT_ACCEPTED = reply(451, '4.3.0', 'Error: queue file write error');

export interface MilterInspection extends Omit<MilterMessageOptions, 'check' | 'transaction' | 'log'> {
  readonly session: MilterSession;
  /** The sendmail command submitted it: the milters have not heard of it yet. */
  readonly isSubmission: boolean;
  readonly checked: Checked;
  /** milter_header_checks */
  readonly fields: Rule;
  readonly act: Act;
}

/** The refusal, or null. `discard` and `hold` are noted in the transaction. */
export async function inspect(inspection: MilterInspection): Promise<Reply | null> {
  const { session, checked, isSubmission } = inspection;
  const { transaction, envelope, log } = checked;
  const { queueId } = transaction;
  if (isSubmission) {
    const said = await introduce(session, envelope, queueId);
    if (said !== null) {
      const refused = obey(checked, said.judgement, said.stage, said.recipient);
      if (refused !== null && said.recipient !== null) {
        log.warn(
          { queueId },
          `${queueId}: milter configuration error: can't reject recipient in non-smtpd(8) submission`,
        );
        log.warn({ queueId }, `${queueId}: message not accepted, try again later`);
        return NOT_ACCEPTED;
      }
      if (refused !== null || said.judgement.kind === 'discard') return refused;
    }
  }
  const message = new ReceivedMilterMessage({
    ...inspection,
    transaction,
    log,
    check: (field) => checkField(inspection, field),
  });
  for (const judgement of await session.message(message, queueId)) {
    const refused = obey(checked, judgement, 'END-OF-MESSAGE', null);
    if (refused !== null) return refused;
  }
  return null;
}

/** What milter_header_checks makes of a field that a milter adds. */
async function checkField({ fields, act }: MilterInspection, field: string): Promise<readonly string[]> {
  const text = field.replaceAll('\r\n', '\n');
  const value = await findAction(fields, text);
  if (value === undefined) return [field];
  const effect: Effect = act({ where: 'header', text, parameter: fields.parameter, ...parseAction(value) });
  return [effect.text, effect.before ?? null].filter((one) => one !== null).map((one) => one.replaceAll('\n', '\r\n'));
}

function obey(checked: Checked, judgement: Judgement, stage: string, recipient: string | null): Reply | null {
  const { transaction, log, connection } = checked;
  const { queueId } = transaction;
  const say = (action: string, words: string): void =>
    log.info(
      { queueId },
      `${queueId}: ${action}: ${stage} from ${originOf(connection, 'localhost[127.0.0.1]')}: ${words}; ${envelopeWords(checked, recipient)}`,
    );
  switch (judgement.kind) {
    case 'hold':
      say('milter-hold', HELD);
      transaction.hold ??= HELD;
      return null;
    case 'discard':
      say('milter-discard', DISCARDED);
      transaction.discard = DISCARDED;
      return null;
    case 'refuse':
      say('milter-reject', formatReply(judgement.reply).slice(4));
      return judgement.reply;
  }
}
