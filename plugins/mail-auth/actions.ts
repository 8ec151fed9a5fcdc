/** What follows from what was found. */
import { addressSet } from '../../src/mail/address-set.ts';
import type { Findings } from './results.ts';
import { ACTIONS, type Action, REASONS, type Reason } from './settings.ts';

export type Actions = Readonly<Record<Reason, Action>>;

interface Rule {
  readonly recipients: readonly string[];
  readonly actions: Readonly<Record<Reason, Action | undefined>>;
}

/** The results of a message that something may follow, in the order of `REASONS`. */
export function reasonsOf({ spf, dkim, dmarc, arc, iprev }: Findings): readonly Reason[] {
  const found = new Set<string>();
  for (const { identity, result } of spf) found.add(`${identity === 'helo' ? 'helo' : 'spf'}_${result}`);
  // One signature that holds is what the others only add to.
  if (!dkim.some(({ result }) => result === 'pass')) for (const { result } of dkim) found.add(`dkim_${result}`);
  if (dmarc !== null && !(dmarc.result === 'fail' && dmarc.isOverridden))
    found.add(dmarc.result === 'fail' ? `dmarc_${dmarc.policy}` : `dmarc_${dmarc.result}`);
  if (arc !== null) found.add(`arc_${arc.result}`);
  if (iprev !== null) found.add(`iprev_${iprev}`);
  return REASONS.filter((reason) => found.has(reason));
}

const stricter = (one: Action, another: Action): Action =>
  ACTIONS.indexOf(one) >= ACTIONS.indexOf(another) ? one : another;
export const strictestOf = (actions: readonly Action[]): Action => actions.reduce(stricter, 'none');

/** What is to happen to mail for someone of these addresses: the first rule that names one of them says so, for each reason. */
export function deciding(
  actions: Actions,
  rules: readonly Rule[],
): (reasons: readonly Reason[], addresses: readonly string[]) => Action {
  const own = rules.map((rule) => ({ isFor: addressSet(rule.recipients), actions: rule.actions }));
  return (reasons, addresses) => {
    const mine = own.filter(({ isFor }) => addresses.some(isFor));
    const of = (reason: Reason): Action =>
      mine.map((rule) => rule.actions[reason]).find((one) => one !== undefined) ?? actions[reason];
    return strictestOf(reasons.map(of));
  };
}

/**
 * What happens to the message at its end: only a refusal that all recipients want is one, because there is one reply. For
 * those who wanted it beside others it is quarantined: a bounce would go to a sender who is probably not the sender.
 */
export function together(wanted: readonly Action[]): Action {
  const strictest = strictestOf(wanted);
  if (strictest !== 'reject' || wanted.every((one) => one === 'reject')) return strictest;
  return wanted.some((one) => one === 'defer') ? 'defer' : 'quarantine';
}

/** The reasons that brought this about, those of the strictest action first; without those that nothing follows from. */
export function tellingOf(reasons: readonly Reason[], actionOf: (reason: Reason) => Action): readonly Reason[] {
  const rank = (reason: Reason): number => ACTIONS.indexOf(actionOf(reason));
  return reasons.filter((reason) => rank(reason) > 0).toSorted((one, another) => rank(another) - rank(one));
}
