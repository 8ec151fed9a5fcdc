/**
 * A client in a mailbox in which others work too: it does things at random, and believes what it is told. It fails if
 * what it is told cannot be: a UID smaller than one that it saw before a message came, a MODSEQ or a state that goes
 * back, a sequence number that means another message.
 */
import { expect } from 'vitest';
import type { ImapClient } from '../kit/imap-client.ts';

/** A keyword of messages that nobody deletes. */
const KEPT = '$Kept';
/** Octets do not matter here. */
const message = (subject: string): string => `Subject: ${subject}\r\n\r\n${subject}\r\n`;

interface Line {
  /** 0: not known yet. */
  uid: number;
  /** The highest UID that was known when the message came. */
  readonly above: number;
}

interface State {
  readonly modseq: number;
  /** Undefined after a change whose result was not told. */
  readonly flags: string | undefined;
}

export class RacingClient {
  readonly client: ImapClient;
  readonly #name: string;
  readonly #mailbox: string;
  readonly #other: string;
  readonly #random: (below: number) => number;
  readonly #lines: Line[] = [];
  readonly #states = new Map<number, State>();
  #highest = 0;
  /** Subjects of what was appended, and acknowledged. */
  readonly appended: { readonly subject: string; readonly kept: boolean }[] = [];
  readonly done = new Map<string, number>();

  /** Works in `mailbox`, and moves messages to `other`. */
  constructor(client: ImapClient, name: string, mailbox: string, other: string, random: (below: number) => number) {
    this.client = client;
    this.#name = name;
    this.#mailbox = mailbox;
    this.#other = other;
    this.#random = random;
  }

  async select(): Promise<void> {
    await this.#say(`SELECT ${this.#mailbox} (CONDSTORE)`);
    await this.#learn();
  }

  get uids(): readonly number[] {
    return this.#lines.map(({ uid }) => uid);
  }

  /** By UID. */
  get states(): ReadonlyMap<number, State> {
    return this.#states;
  }

  /** Reads what is new. */
  async noop(): Promise<void> {
    await this.#say('NOOP');
    await this.#learn();
  }

  async act(): Promise<void> {
    const what = this.#choose();
    this.done.set(what, (this.done.get(what) ?? 0) + 1);
    const count = this.#lines.length;
    const number = count === 0 ? 0 : this.#random(count) + 1;
    const last = Math.min(count, number + this.#random(3));
    switch (what) {
      case 'APPEND':
        await this.#append();
        break;
      case 'EXPUNGE':
        await this.#say('EXPUNGE');
        break;
      case 'IDLE':
        await this.#idle();
        break;
      case 'STORE':
        if (count > 0) await this.#say(`STORE ${number}:${last} ${this.#sign()}FLAGS (\\Seen \\Flagged)`);
        break;
      case 'SILENT':
        if (count > 0) await this.#say(`STORE ${number} ${this.#sign()}FLAGS.SILENT ($New)`);
        break;
      case 'DELETE':
        if (count > 0 && this.#mayDelete(number)) await this.#say(`STORE ${number} +FLAGS (\\Deleted)`);
        break;
      case 'MOVE':
        if (count > 0) await this.#say(`MOVE ${number}:${last} ${this.#random(3) === 0 ? this.#mailbox : this.#other}`);
        break;
      case 'FETCH':
        if (count > 0) await this.#say('FETCH 1:* (UID FLAGS MODSEQ)');
        break;
      default:
        await this.#say('NOOP');
    }
    await this.#learn();
  }

  #choose(): string {
    // Not so many that the mailbox only grows.
    const most = this.#lines.length > 25 ? 3 : 6;
    const some = ['STORE', 'SILENT', 'DELETE', 'EXPUNGE', 'MOVE', 'FETCH', 'NOOP', 'IDLE', 'STORE', 'DELETE'];
    const choice = this.#random(some.length + most);
    return some[choice] ?? 'APPEND';
  }

  #sign(): string {
    return this.#random(2) === 0 ? '+' : '-';
  }

  #mayDelete(number: number): boolean {
    const flags = this.#states.get(this.uids[number - 1] ?? 0)?.flags;
    return flags !== undefined && !flags.includes(KEPT);
  }

  async #append(): Promise<void> {
    const kept = this.#random(5) === 0;
    const subject = `${this.#name}-${this.appended.length}`;
    const text = message(subject);
    await this.#say(`APPEND ${this.#mailbox} ${kept ? `(${KEPT}) ` : ''}{${text.length}+}\r\n${text}`);
    this.appended.push({ subject, kept });
  }

  async #idle(): Promise<void> {
    this.client.send('I IDLE\r\n');
    this.#hear(await this.client.until(/\+ idling\r\n/));
    await new Promise((resolve) => setTimeout(resolve, this.#random(100)));
    this.client.send('DONE\r\n');
    this.#hear((await this.client.completion('I')).untagged);
  }

  async #say(command: string): Promise<void> {
    const { untagged, completion } = await this.client.command(command);
    expect(completion, `${this.#name}: ${command}`).toMatch(/^(OK|NO \[EXPUNGEISSUED\])/);
    this.#hear(untagged);
  }

  /** UIDs and states of what came. */
  async #learn(): Promise<void> {
    const first = this.#lines.findIndex(({ uid }) => uid === 0);
    if (first >= 0) await this.#say(`FETCH ${first + 1}:* (UID FLAGS MODSEQ)`);
  }

  #hear(untagged: string): void {
    const context = (): string => `${this.#name} was told\n${untagged}`;
    for (const line of untagged.split('\r\n')) {
      const [, digits = '', word] = /^\* (\d+) (EXISTS|EXPUNGE|FETCH)/.exec(line) ?? [];
      const number = Number(digits);
      if (word === 'EXISTS') {
        expect(number, context()).toBeGreaterThanOrEqual(this.#lines.length);
        while (this.#lines.length < number) this.#lines.push({ uid: 0, above: this.#highest });
      } else if (word === 'EXPUNGE') {
        expect(number, context()).toBeLessThanOrEqual(this.#lines.length);
        this.#lines.splice(number - 1, 1);
      } else if (word === 'FETCH') this.#hearState(number, line, context);
    }
  }

  #hearState(number: number, line: string, context: () => string): void {
    const believed = this.#lines[number - 1];
    expect(believed, context()).toBeDefined();
    if (believed === undefined) return;
    const uid = Number(/UID (\d+)/.exec(line)?.[1] ?? believed.uid);
    if (believed.uid === 0) {
      expect(uid, context()).toBeGreaterThan(believed.above);
      expect(uid, context()).toBeGreaterThan(this.#lines[number - 2]?.uid ?? 0);
      believed.uid = uid;
      this.#highest = Math.max(this.#highest, uid);
    }
    expect(uid, context()).toBe(believed.uid);
    const modseq = Number(/MODSEQ \((\d+)\)/.exec(line)?.[1] ?? 0);
    const flags = /FLAGS \(([^)]*)\)/.exec(line)?.[1]?.replace(/ ?\\Recent/, '');
    const before = this.#states.get(uid);
    if (modseq > 0 && before !== undefined) {
      expect(modseq, context()).toBeGreaterThanOrEqual(before.modseq);
      if (modseq === before.modseq) expect(flags ?? before.flags, context()).toBe(before.flags ?? flags);
    }
    this.#states.set(uid, { modseq, flags: flags ?? (modseq === before?.modseq ? before.flags : undefined) });
  }
}
