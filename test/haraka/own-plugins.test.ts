/** What plugins of the operator's own may do to a message by Haraka's API, in a real Haraka and here. */
import { expect, test, vi } from 'vitest';
import { differences } from './difference.ts';
import { type Dialog, startPair } from './pair.ts';
import { smtpSink } from './peers.ts';

const HEADER = [
  'From: A <a@example.org>',
  'To: user@example.test',
  'Subject: news',
  'Date: Fri, 27 Nov 2026 12:00:00 +0000',
  'Message-ID: <1@example.org>',
];
const message = (fields: readonly string[], body: string): Dialog => ({
  say: [
    'EHLO client.example.org',
    'MAIL FROM:<a@example.org>',
    'RCPT TO:<user@example.test>',
    'DATA',
    [...HEADER, ...fields, '', body].join('\n'),
    'QUIT',
  ],
});
const PLAIN = message(['Content-Type: text/plain'], 'Hello, old friend.');
const HTML = message(['Content-Type: text/html; charset=utf-8'], '<html><body><p>Hello, old friend.</p></body></html>');
const BASE64 = message(
  ['MIME-Version: 1.0', 'Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: base64'],
  Buffer.from('Hello, old friend. 你好').toString('base64'),
);
const MULTIPART = message(
  ['MIME-Version: 1.0', 'Content-Type: multipart/alternative; boundary="b"'],
  '--b\nContent-Type: text/plain\n\nHello, old friend.\n--b\nContent-Type: text/html\n\n<p>Hello, old friend.</p>\n--b--',
);

/** In both servers. What each dialog's message has then, as it is encoded there. */
const SETTINGS = {
  'a banner': {
    words: [
      '-- read by the house --',
      '<p>read by the house</p>',
      'ZWFkIGJ5IHRoZSBob3VzZSAtLQo',
      '-- read by the house --',
    ],
    text: `exports.hook_data = (next, connection) => {
    connection.transaction.set_banner('-- read by the house --', '<p>read by the house</p>');
    next();
  };`,
  },
  'a body filter': {
    words: ['Hello, new friend.', 'Hello, old friend.', 'SGVsbG8sIG5ldyBmcmllbmQ', 'Hello, new friend.'],
    text: `exports.hook_data = (next, connection) => {
    connection.transaction.add_body_filter('text/plain', (type, encoding, body) =>
      Buffer.from(body.toString().replace('old friend', 'new friend')));
    next();
  };`,
  },
};

for (const [name, { words, text }] of Object.entries(SETTINGS))
  test(name, async () => {
    const pair = await startPair({ plugins: ['changing'], own: { changing: text } });
    try {
      for (const [i, dialog] of [PLAIN, HTML, BASE64, MULTIPART].entries()) {
        const { haraka, ours } = await pair.play(dialog);
        expect(differences(haraka, ours)).toEqual([]);
        expect(ours.message).toContain(words[i]);
      }
    } finally {
      await pair.stop();
    }
  });

/** Here alone: on the other side the test keeps what is to be sent. */
test('a plugin says at get_mx where mail for a domain goes', async () => {
  const pair = await startPair({
    plugins: ['routing'],
    peer: smtpSink,
    files: { 'routing.host': '127.0.0.1:$PORT\n' },
    mainCf: 'defer_transports =\nsmtpd_relay_restrictions = permit_haraka_relaying, reject_unauth_destination',
    own: {
      routing: `exports.hook_connect = (next, connection) => { connection.relaying = true; next(); };
        exports.hook_rcpt = (next) => next(OK);
        exports.hook_get_mx = function (next, hmail, domain) {
          if (domain === 'away.example') return next(OK, this.config.get('routing.host'));
          if (domain === 'lmtp.example') return next(OK, 'lmtp://127.0.0.1:24');
          next(domain === 'nowhere.example' ? DENY : CONT);
        };`,
    },
  });
  try {
    await pair.play({
      ...PLAIN,
      say: PLAIN.say.flatMap((line) =>
        line.startsWith('RCPT') ? ['away', 'nowhere', 'lmtp'].map((name) => `RCPT TO:<b@${name}.example>`) : [line],
      ),
    });
    await vi.waitFor(() => expect(pair.seen()).toContain('RCPT TO:<b@away.example>'), { timeout: 20_000 });
    const said = [
      /to=<b@nowhere\.example>, .*dsn=5\.1\.2, status=bounced \(No MX for nowhere\.example\)/,
      /get_mx .*: get_mx gave a host with LMTP, which is for Haraka's outbound alone/,
    ];
    await vi.waitFor(() => expect(said.filter((line) => !line.test(pair.logs().ours))).toEqual([]), {
      timeout: 20_000,
    });
  } finally {
    await pair.stop();
  }
});
