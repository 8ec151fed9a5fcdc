/** Fills the mailboxes that rows need, once per side, and waits until all background work caused by that is done. */
import { setTimeout as delay } from 'node:timers/promises';
import { cpuSeconds } from '../process.ts';
import { corpus, MANY, PASSWORD, READER, smallMessages } from './corpus.ts';
import { countMessages, duplicate, fill, type ImapLogin } from './load/imap.ts';
import type { PeerRow } from './row.ts';
import { at, type Side } from './side.ts';

/** For the logins. */
const SMALL_MESSAGES = 10_000;

export async function fillMailboxes(
  side: Side,
  rows: readonly Pick<PeerRow, 'needs'>[],
  messages: number,
  say: (text: string) => void,
): Promise<void> {
  const needs = new Set(rows.map((row) => row.needs));
  const imported = async (user: string, count: number, act: (login: ImapLogin) => Promise<void>): Promise<void> => {
    const began = performance.now();
    const login = { user, password: PASSWORD };
    await act(login);
    const there = await countMessages(at(side, 'imap'), [user], PASSWORD);
    if (there !== count) throw new Error(`${side.name}: ${count} messages were appended, ${there} are there`);
    say(`${side.name}: ${count} messages for ${user} in ${((performance.now() - began) / 1000).toFixed(1)} s`);
  };
  if (needs.has('corpus')) await imported(READER, messages, (login) => fill(at(side, 'imap'), login, corpus(messages)));
  // Only their number matters: an eighth is appended, then the mailbox is doubled three times.
  if (needs.has('many'))
    await imported(MANY, SMALL_MESSAGES, async (login) => {
      await fill(at(side, 'imap'), login, smallMessages(SMALL_MESSAGES / 8));
      for (let doubled = 0; doubled < 3; doubled += 1) await duplicate(at(side, 'imap'), login);
    });
}

/** Less processor time than this in a second counts as rest, in s. */
const REST = 0.05;
const PATIENCE = 60;

/** Waits until a process is at rest. */
export async function settle(pid: number): Promise<void> {
  for (let seconds = 0; seconds < PATIENCE; seconds += 1) {
    const before = cpuSeconds(pid);
    await delay(1_000);
    if (cpuSeconds(pid) - before < REST) return;
  }
}
