/** Answers what people ask of a list by mail: commands and confirmations. */
import type { PluginMail } from '../../src/bus/plugin.ts';
import { type Address, addressKey } from '../../src/mail/address.ts';
import { type Command, commandOf } from './commands.ts';
import type { Action, Confirmations } from './confirmations.ts';
import { confirmation, done, help, letter, suspended, suspension } from './letters.ts';
import { addressOf, type List, type Place, type Places } from './list.ts';
import { isOn, type Member, type Members } from './members.ts';
import { authorOf, isAutomatic, type Message } from './message.ts';

/** What a member becomes by what its owner has confirmed. */
const BECOMES: Readonly<Record<Action, (member: Member | undefined) => Member | undefined>> = {
  subscribe: (member) => (isOn(member) ? member : {}),
  unsubscribe: (member) => (member === undefined ? member : { left: true }),
  resume: (member) => (isOn(member) ? (member.digest === true ? { digest: true } : {}) : member),
  'digest on': (member) => (isOn(member) ? { ...member, digest: true } : member),
  'digest off': (member) => {
    const { digest: _, ...others } = member ?? {};
    return isOn(member) ? others : member;
  },
};

const MOST_SHOWN = 10_000;

export interface DeskServices {
  readonly places: Places;
  readonly members: Members;
  readonly confirmations: Confirmations;
  readonly send: (mail: PluginMail) => Promise<unknown>;
  readonly clock: () => number;
  /** Told what was done, for the metrics and the log. */
  readonly tell: (what: string, list: List, address: Address) => void;
}

export class Desk {
  readonly #services: DeskServices;

  constructor(services: DeskServices) {
    this.#services = services;
  }

  /** Answers a message to one of a list's addresses for commands. What a program sent is left unanswered. */
  async serve(place: Place, message: Message, reversePath: string): Promise<void> {
    const { places, confirmations, clock, tell } = this.#services;
    const { list } = place;
    const author = authorOf(message)?.address;
    if (isAutomatic(message, reversePath) || author === undefined || places.find(author) !== undefined)
      return tell('ignored', list, author ?? '');
    const command = commandOf(place, message);
    if (command === 'confirm') return this.#confirm(list, place.token);
    if (!(await confirmations.mayAnswer(author, clock()))) return tell('too many', list, author);
    tell(command, list, author);
    await this.#send(author, await this.#answer(list, author, command));
  }

  /** By a member's own link: it is proof enough (RFC 8058). */
  async unsubscribe(list: List, address: Address): Promise<void> {
    await this.#services.members.change(list, address, BECOMES.unsubscribe);
    this.#services.tell('one click', list, address);
  }

  /** Tells the member, who may begin again, and the owners. */
  async suspended(list: List, address: Address): Promise<void> {
    const token = await this.#services.confirmations.ask(list, address, 'resume');
    this.#services.tell('suspended', list, address);
    await this.#send(address, suspended(list, address, token));
    for (const owner of list.ownerKeys) await this.#send(owner, suspension(list, owner, address));
  }

  async #confirm(list: List, token: string): Promise<void> {
    const { members, confirmations, tell } = this.#services;
    const confirmed = await confirmations.peek(list, token);
    if (confirmed === null) return tell('unknown token', list, '');
    const { address, action } = confirmed;
    await members.change(list, address, BECOMES[action]);
    await confirmations.forget(token);
    tell(`confirmed: ${action}`, list, address);
    await this.#send(address, done(list, address, action));
  }

  async #answer(list: List, to: Address, command: Exclude<Command, 'confirm'>): Promise<string> {
    const { members, confirmations } = this.#services;
    const say = (subject: string, ...lines: readonly string[]): string => letter({ list, to, subject, lines });
    if (command === 'help') return say(`About ${list.address}`, ...help(list));
    if (command === 'who') {
      if (!list.ownerKeys.has(addressKey(to))) return say('Only for owners', 'Only owners may ask who is on the list.');
      const all = await members.all(list);
      const lines = all.slice(0, MOST_SHOWN).map(([address, member]) => `${address}${remarks(member)}`);
      return say(`${all.length} members of ${list.address}`, ...lines.sort());
    }
    const isMember = isOn(await members.get(list, to));
    if (command === 'subscribe' && isMember) return say('You are a member', `${to} is on ${list.address} already.`);
    if (command !== 'subscribe' && !isMember) return say('You are no member', `${to} is not on ${list.address}.`);
    if (command === 'subscribe' && list.subscription === 'closed')
      return say('Not open', `${list.address} adds nobody by mail; ask its owners: ${addressOf(list, 'owner')}`);
    return confirmation(list, to, command, await confirmations.ask(list, to, command));
  }

  /** With the null reverse-path: what bounces is not about a post. */
  async #send(to: Address, message: string): Promise<void> {
    await this.#services.send({ from: '', to: [to], message });
  }
}

const remarks = ({ digest, suspended: since }: Member): string =>
  `${digest === true ? ' (digest)' : ''}${since === undefined ? '' : ' (suspended)'}`;
