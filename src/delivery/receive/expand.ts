/**
 * Expansion of recipients through the `expand` hook (aliases, virtual aliases, forwarding).
 *
 * Every new address is expanded again until no plugin replaces it. An address that expands to itself is final (`root:
 * root, dmtsai`); so is one marked as final (`\name`). A loop over several addresses bounces for the address that
 * closes it, while the other members get the message; `Expanded.onCircle` says how each kind of table handles a loop.
 * Each address is delivered to once.
 *
 * What virtual aliases make of one address is limited as in Postfix (virtual_alias_expansion_limit,
 * virtual_alias_recursion_limit, virtual_alias_address_length_limit): a member of a local alias begins anew. Local aliases
 * may have as many members as they like; their levels, and the members of a message, are limited here.
 */

import type { Expanded, ExpansionSteps, Hooks } from '../../bus/hook.ts';
import { readRefusal } from '../../bus/refusal.ts';
import { localRewriting, type Rewrite } from '../../lookup/address-rewriting.ts';
import type { ParameterReader } from '../../lookup/parameters.ts';
import { type Address, addressKey, localPart } from '../../mail/address.ts';
import type { Recipient } from '../../mail/envelope.ts';
import type { LocalTarget } from '../../mail/local-target.ts';
import { type Reply, reply } from '../../mail/status.ts';
import { trace } from '../../tracing.ts';

export interface ExpansionLimits {
  readonly count: number;
  readonly depth: number;
  /** Characters of an address that a virtual alias may make. */
  readonly length: number;
  /** Completes members. */
  readonly rewrite: Rewrite;
  /** What else becomes of an address to which a local alias sends mail on; nothing if absent. */
  readonly sentOn?: (address: Address) => Promise<Address>;
  /** Told why a message is refused: the client hears less. */
  readonly warn?: (message: string) => void;
  /** Delivered-To: names the address before local aliases (frozen_delivered_to). */
  readonly frozen?: boolean;
  /** The message was delivered to this address before (Delivered-To:): whoever forwards it gets it back for ever. */
  readonly isLoop?: (address: Address) => Promise<boolean>;
  /** All, if absent. */
  readonly steps?: ExpansionSteps;
}

/** Where mail goes after all aliases. */
export interface ExpandedRecipient extends Recipient {
  /** Instead of the message's reverse-path. */
  readonly sender?: Address;
  /** A command or a file that receives on behalf of the address. */
  readonly target?: LocalTarget;
  /** The address for Delivered-To: of a target. */
  readonly delivered?: string;
}

export const expansionLimits = (parameters: ParameterReader): Omit<ExpansionLimits, 'steps'> => ({
  count: parameters.number('virtual_alias_expansion_limit'),
  depth: parameters.number('virtual_alias_recursion_limit'),
  length: parameters.number('virtual_alias_address_length_limit'),
  rewrite: localRewriting(parameters),
  frozen: parameters.boolean('frozen_delivered_to'),
});

export interface Expansion {
  readonly recipients: readonly ExpandedRecipient[];
  /** Replaced by nothing (an alias to /dev/null): accepted and discarded. */
  readonly dropped: readonly Recipient[];
  /** Refused by a plugin during expansion: these bounce or are retried. */
  readonly failed: readonly FailedRecipient[];
}

export interface FailedRecipient {
  readonly recipient: Recipient;
  readonly reply: Reply;
  /** Of a local alias or one of its members (Postfix: local(8) says so). */
  readonly isLocal: boolean;
}

interface Step {
  readonly recipient: ExpandedRecipient;
  /** Virtual aliases in a row that led here, each by its first member. */
  readonly depth: number;
  /** Local aliases that led here. */
  readonly level: number;
  /** What virtual aliases have made of the address that this one comes from. */
  readonly tree: { members: number };
  /** Not to be expanded (aliases(5): `\name`). */
  readonly final: boolean;
  readonly onCircle: Expanded['onCircle'];
  /** The address it was expanded from. */
  readonly parent: Step | null;
}

/** As in local(8). */
const DEEPEST_LEVEL = 100;
/** Of a message: tables of patterns could make as many as they like. */
const MOST_MEMBERS = 100_000;

const EVERYTHING: ExpansionSteps = { maps: true, aliases: true };

/**
 * A Reply refuses the whole message temporarily: the expansion was too large or too deep, or a table was unavailable.
 */
export async function expand(
  recipients: readonly Recipient[],
  hooks: Hooks,
  limits: ExpansionLimits,
): Promise<Expansion | Reply> {
  const { steps: wanted = EVERYTHING } = limits;
  const listening = hooks.has('expand') && (wanted.maps || wanted.aliases);
  const steps: Step[] = [];
  for (let i = recipients.length - 1; i >= 0; i -= 1) {
    const recipient = recipients[i];
    if (recipient !== undefined)
      steps.push({
        recipient,
        depth: 0,
        level: 0,
        tree: { members: 1 },
        final: false,
        onCircle: undefined,
        parent: null,
      });
  }
  const seen = new Set<string>();
  const kept = new Map<string, ExpandedRecipient>();
  const dropped: Recipient[] = [];
  const failed: FailedRecipient[] = [];
  let produced = 0;
  for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
    const { recipient } = step;
    const key = addressKey(recipient.address);
    if (!seen.has(key) && limits.isLoop !== undefined && (await limits.isLoop(recipient.address))) {
      seen.add(key);
      failed.push({
        recipient,
        reply: reply(554, '5.4.6', `mail forwarding loop for ${recipient.address}`),
        isLocal: true,
      });
      continue;
    }
    const circle = step.final ? null : circleOf(step, key);
    if (step.final || circle?.length === 1 || circle?.some(({ onCircle }) => onCircle === 'keep') === true) {
      if (!kept.has(key)) kept.set(key, recipient);
      continue;
    }
    if (circle !== null) {
      if (circle.every(({ onCircle }) => onCircle === 'refuse'))
        return tooMuch(limits, recipient, 'the aliases form a loop (virtual_alias_maps)');
      const closing = step.parent?.recipient ?? recipient;
      failed.push({
        recipient: closing,
        reply: reply(550, '5.4.6', `alias database loop for ${localPart(closing.address)}`),
        isLocal: true,
      });
      continue;
    }
    if (seen.has(key)) continue;
    seen.add(key);
    if (!listening) {
      kept.set(key, recipient);
      continue;
    }
    if (wanted.maps && step.depth >= limits.depth)
      return tooMuch(limits, recipient, `more than ${limits.depth} deep (virtual_alias_recursion_limit)`);
    if (step.level > DEEPEST_LEVEL) {
      const words = `possible alias database loop for ${localPart(recipient.address)}`;
      failed.push({ recipient, reply: reply(550, '5.4.6', words), isLocal: true });
      continue;
    }
    const into: Expanded[] = [];
    const verdict = await hooks.run('expand', { recipient, into, steps: wanted });
    const refusal = readRefusal(verdict);
    if (refusal?.kind === 'permanent') {
      failed.push({
        recipient,
        reply: refusal.reply ?? reply(550, '5.1.1', 'Recipient address rejected'),
        isLocal: false,
      });
    } else if (refusal !== null) {
      return refusal.reply ?? reply(451, '4.3.0', `<${recipient.address}>: Temporary lookup failure`);
    } else if (into.length > 0) {
      tell(recipient, into);
      produced += into.length;
      const { tree } = step;
      if (into.some(isVirtual)) tree.members += into.length - 1;
      if (tree.members > limits.count)
        return tooMuch(limits, recipient, `more than ${limits.count} members (virtual_alias_expansion_limit)`);
      if (produced > MOST_MEMBERS) return tooMuch(limits, recipient, `more than ${MOST_MEMBERS} members`);
      if (into.some((member) => isVirtual(member) && member.address.length > limits.length))
        return tooMuch(
          limits,
          recipient,
          `an address of more than ${limits.length} characters (virtual_alias_address_length_limit)`,
        );
      for (const member of into) {
        const { target, refusal: refused } = member;
        const delivered = limits.frozen === true ? beforeAliases(step) : recipient.address;
        if (refused !== undefined) failed.push({ recipient, reply: refused, isLocal: true });
        else if (target !== undefined)
          keepTarget(kept, memberOf(recipient, member, recipient.address), target, delivered);
      }
      // Pushed in reverse, because they are taken from the end: this keeps the order in which they were written.
      for (let i = into.length - 1; i >= 0; i -= 1) {
        const member = into[i];
        if (member === undefined || member.address === '' || isEnd(member)) continue;
        const written = limits.rewrite(member.address);
        const isSentOn = member.onCircle === undefined && member.final !== true && limits.sentOn !== undefined;
        steps.push({
          recipient: memberOf(recipient, member, isSentOn ? await limits.sentOn(written) : written),
          ...placeOf(step, member, i),
          final: member.final === true,
          onCircle: member.onCircle,
          parent: step,
        });
      }
    } else if (verdict.code === 'OK') {
      tell(recipient, into);
      dropped.push(recipient);
    } else {
      kept.set(key, recipient);
    }
  }
  return { recipients: [...kept.values()], dropped, failed };
}

/** What an owner sends on is its own mail: nothing is known of whom it was for, or of what the sender asked for. */
const memberOf = (recipient: ExpandedRecipient, { sender }: Expanded, address: Address): ExpandedRecipient =>
  sender === undefined ? { ...recipient, address } : { address, original: '', notify: [], orcpt: '', sender };

/** Commands and files are not expanded. */
const isEnd = ({ target, refusal }: Expanded): boolean => target !== undefined || refusal !== undefined;

/** Once for each alias, as in Postfix. */
function keepTarget(
  kept: Map<string, ExpandedRecipient>,
  recipient: ExpandedRecipient,
  target: LocalTarget,
  delivered: string,
): void {
  const key = `${recipient.address}\n${target.user ?? ''}\n${target.text}`;
  if (!kept.has(key)) kept.set(key, { ...recipient, target, delivered });
}

/** The address with which the local aliases began. */
function beforeAliases(step: Step): string {
  let first = step;
  while (first.parent !== null && first.onCircle === undefined) first = first.parent;
  return first.recipient.address;
}

const tell = ({ address }: Recipient, into: readonly Expanded[]): void =>
  trace()?.add({ kind: 'expansion', address, into: into.map((member) => member.target?.text ?? member.address) });

const isVirtual = ({ onCircle }: Expanded): boolean => onCircle === 'refuse';

/** Of the member at an index. */
function placeOf(step: Step, member: Expanded, index: number): Pick<Step, 'depth' | 'level' | 'tree'> {
  const { depth, level, tree } = step;
  if (member.onCircle === undefined) return { depth: 0, level: level + 1, tree: { members: 1 } };
  if (!isVirtual(member)) return { depth, level, tree };
  return { depth: index === 0 ? depth + 1 : 0, level, tree };
}

function tooMuch({ warn }: ExpansionLimits, recipient: Recipient, what: string): Reply {
  warn?.(`<${recipient.address}>: alias expansion error: ${what}: the message is refused for now`);
  return reply(451, '4.6.0', 'Alias expansion error');
}

/** The steps from an earlier step for the same address to this one, this one first; null if there is none. */
function circleOf(step: Step, key: string): Step[] | null {
  const steps = [step];
  for (let at = step.parent; at !== null; at = at.parent) {
    if (addressKey(at.recipient.address) === key) return steps;
    steps.push(at);
  }
  return null;
}
