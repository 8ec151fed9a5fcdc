/** Haraka's plugins, and dialogs in which each does its work. */
import type { Dialog, Setting } from './pair.ts';

export interface Case extends Setting {
  /** What the plugin is seen to do. */
  readonly does: string;
  readonly dialogs: readonly Dialog[];
}

const HEADER = [
  'From: A <a@example.org>',
  'To: user@example.test',
  'Subject: news',
  'Date: Fri, 27 Nov 2026 12:00:00 +0000',
  'Message-ID: <1@example.org>',
];

interface Mail {
  readonly ip?: string;
  readonly helo?: string;
  readonly from?: string;
  readonly to?: readonly string[];
  /** More header fields. */
  readonly fields?: readonly string[];
  readonly header?: readonly string[];
  readonly body?: string;
}

/** A whole transaction. */
const mail = ({
  helo = 'client.example.org',
  from = 'a@example.org',
  to = ['user@example.test'],
  fields = [],
  header = HEADER,
  body = 'Hello.',
  ip,
}: Mail = {}): Dialog => ({
  ...(ip === undefined ? {} : { ip }),
  say: [
    `EHLO ${helo}`,
    `MAIL FROM:<${from}>`,
    ...to.map((address) => `RCPT TO:<${address}>`),
    'DATA',
    [...header, ...fields, '', body].join('\n'),
    'QUIT',
  ],
});

export const CASES: readonly Case[] = [
  {
    plugins: ['helo.checks'],
    does: 'refuses a client by its HELO name',
    files: { 'helo.checks.ini': '[reject]\nbare_ip=true\nmatch_re=true\n', 'helo.checks.regexps': '^bad\n' },
    dialogs: [mail(), mail({ helo: '1.2.3.4' }), mail({ helo: 'bad.example' })],
  },
  {
    plugins: ['access'],
    does: 'refuses senders and recipients of its lists',
    files: {
      'access.ini': '[check]\nmail=true\nrcpt=true\n',
      'mail_from.access.blacklist': 'bad@example.org\n',
      'rcpt_to.access.blacklist': 'other@example.test\n',
      'mail_from.access.blocklist': 'bad@example.org\n',
      'rcpt_to.access.blocklist': 'other@example.test\n',
    },
    dialogs: [mail(), mail({ from: 'bad@example.org' }), mail({ to: ['other@example.test', 'user@example.test'] })],
  },
  {
    plugins: ['mail_from.is_resolvable'],
    does: 'refuses a sender whose domain takes no mail',
    dialogs: [mail(), mail({ from: 'a@nowhere.example' }), mail({ from: 'a@nomail.example' })],
  },
  {
    plugins: ['rcpt_to.in_host_list'],
    does: 'says which domains are here',
    dialogs: [mail(), { say: ['EHLO client.example.org', 'MAIL FROM:<>', 'RCPT TO:<user@example.test>', 'QUIT'] }],
  },
  {
    plugins: ['headers'],
    does: 'refuses mail with a faulty header',
    files: { 'headers.ini': '[reject]\nmissing=true\nduplicate=true\ninvalid_date=true\n' },
    dialogs: [mail(), mail({ header: HEADER.slice(1) }), mail({ fields: ['Subject: again'] })],
  },
];
