/** What people are written by a list. Everything is US-ASCII but what they are quoted. */
import type { Address } from '../../src/mail/address.ts';
import type { Action } from './confirmations.ts';
import { addressOf, type List } from './list.ts';

/** What is asked of the owner of an address: `to …`. */
const ASKED: Readonly<Record<Action, string>> = {
  subscribe: 'be added to',
  unsubscribe: 'be removed from',
  resume: 'get mail again from',
  'digest on': 'get one message a day, with all posts, from',
  'digest off': 'get each post at once from',
};

const DONE: Readonly<Record<Action, string>> = {
  subscribe: 'was added to',
  unsubscribe: 'was removed from',
  resume: 'gets mail again from',
  'digest on': 'gets one message a day, with all posts, from',
  'digest off': 'gets each post at once from',
};

interface Letter {
  readonly list: List;
  readonly to: Address;
  readonly from?: Address;
  readonly subject: string;
  readonly lines: readonly string[];
}

/** RFC 3834: it answers a message, and nobody may answer it automatically. */
export const letter = ({ list, to, from = addressOf(list, 'owner'), subject, lines }: Letter): string =>
  [
    `From: <${from}>`,
    `To: <${to}>`,
    `Subject: ${subject}`,
    'Auto-Submitted: auto-replied',
    'Precedence: list',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    '',
    ...lines,
    '',
  ].join('\n');

export function confirmation(list: List, to: Address, action: Action, token: string): string {
  const from = addressOf(list, 'confirm', token);
  const lines = [
    `Somebody, perhaps you, asked for ${to} to ${ASKED[action]} ${list.address}.`,
    '',
    'If you want that, answer this message, or write to',
    `  ${from}`,
    'Otherwise do nothing, and nothing changes.',
  ];
  return letter({ list, to, from, subject: `Please confirm: ${action}`, lines });
}

export function done(list: List, to: Address, action: Action): string {
  const how = action === 'unsubscribe' ? [] : ['', ...help(list)];
  return letter({
    ...{ list, to },
    subject: action === 'subscribe' ? `Welcome to ${list.address}` : `Done: ${action}`,
    lines: [`${to} ${DONE[action]} ${list.address}.`, ...how],
  });
}

export function help(list: List): readonly string[] {
  return [
    `${list.address}${list.description === '' ? '' : `: ${list.description}`}`,
    '',
    `To join, write to   ${addressOf(list, 'subscribe')}`,
    `To leave, write to  ${addressOf(list, 'unsubscribe')}`,
    `Its owners are at   ${addressOf(list, 'owner')}`,
    '',
    `Mail to ${addressOf(list, 'request')} may have one of these as its subject, or as the first line of its text:`,
    '  subscribe, unsubscribe, help',
    '  set digest on    one message a day with all posts',
    '  set digest off   each post at once',
  ];
}

export const suspended = (list: List, to: Address, token: string): string =>
  letter({
    ...{ list, to },
    from: addressOf(list, 'confirm', token),
    subject: `Mail from ${list.address} does not reach you`,
    lines: [
      `Messages of ${list.address} to ${to} came back, so you get none for now.`,
      '',
      'To get them again, answer this message, or write to',
      `  ${addressOf(list, 'confirm', token)}`,
    ],
  });

export const suspension = (list: List, to: Address, member: Address): string =>
  letter({
    ...{ list, to },
    subject: `${member} is suspended from ${list.address}`,
    lines: [
      `Messages of ${list.address} to ${member} came back too often: it gets none for now.`,
      'It was sent a letter by which it can begin again.',
    ],
  });
