/** What `smtp_header_checks` and the like do to a message on its way out, with the log lines of Postfix's smtp(8). */
import type { Log } from '../../log.ts';
import {
  type Act,
  drop,
  type Effect,
  type Finding,
  keep,
  loggedText,
  prepend,
  quoteFor,
  replace,
  textFault,
} from '../checks/action.ts';

interface Action {
  /** The word in the log line; '' for none. */
  readonly logged: string;
  /** The text becomes a part of the message. */
  readonly needsText?: true;
  readonly apply: (finding: Finding) => Effect;
}

const ACTIONS: Readonly<Record<string, Action>> = {
  DUNNO: { logged: '', apply: keep },
  IGNORE: { logged: '', apply: drop },
  INFO: { logged: 'info', apply: keep },
  OK: { logged: '', apply: keep },
  PREPEND: { logged: 'prepend', needsText: true, apply: prepend },
  REPLACE: { logged: 'replace', needsText: true, apply: replace },
  STRIP: { logged: 'strip', apply: drop },
  WARN: { logged: 'warning', apply: keep },
};

const MAX_QUOTED = 60;

export function sendingAct(queueId: string, log: Log): Act {
  const warned = (finding: Finding, message: string): Effect => {
    log.warn({ queueId }, message);
    return keep(finding);
  };
  return (finding) => {
    const { where, text, argument, parameter } = finding;
    const action = Object.hasOwn(ACTIONS, finding.action) ? ACTIONS[finding.action] : undefined;
    if (action === undefined) return warned(finding, `unsupported command in ${parameter} map: ${finding.value}`);
    const fault = action.needsText === true ? textFault(finding) : null;
    if (fault !== null) return warned(finding, fault);
    if (action.logged !== '')
      log.info(
        { queueId },
        `${queueId}: ${action.logged}: ${where} ${quoteFor(text, MAX_QUOTED)}${argument === '' ? '' : `: ${loggedText(argument)}`}`,
      );
    return action.apply(finding);
  };
}
