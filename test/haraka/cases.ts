/** Haraka's plugins, and dialogs in which each does its work. */
import type { Dialog, Setting } from './pair.ts';
import {
  BAD_WORDS,
  fakeAvg,
  fakeClamd,
  fakeQmailDeliverable,
  fakeRspamd,
  fakeSpamd,
  redis,
  smtpSink,
} from './peers.ts';

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

/** A plugin of the test's own that sets a note when the transaction begins. */
const noting = (name: string, value: unknown): Record<string, string> => ({
  noting: `exports.hook_mail = (next, connection) => { connection.transaction.notes.${name} = ${JSON.stringify(value)}; next(); };`,
});

const REDIS = { 'redis.ini': '[server]\nhost=127.0.0.1\nport=$PORT\ndb=$SIDE\n[pubsub]\nhost=127.0.0.1\nport=$PORT\n' };
const spam = mail({ body: `Hello.\n${BAD_WORDS}` });
const attached = (name: string): Dialog =>
  mail({
    fields: ['MIME-Version: 1.0', 'Content-Type: multipart/mixed; boundary="b"'],
    body: `--b\nContent-Type: text/plain\n\nHello.\n--b\nContent-Type: application/octet-stream; name="${name}"\nContent-Disposition: attachment; filename="${name}"\nContent-Transfer-Encoding: base64\n\nSGVsbG8=\n--b--`,
  });

const plain = (user: string, password: string): string =>
  `AUTH PLAIN ${Buffer.from(`\0${user}\0${password}`).toString('base64')}`;
const LOCAL_IP = '10.1.2.3';
const FLAT_FILE = { 'auth_flat_file.ini': '[core]\nmethods=PLAIN,LOGIN\n[users]\nuser@example.test=haraka-secret\n' };
const loggedIn = ({ say }: Dialog, login = plain('user@example.test', 'haraka-secret')): Dialog => ({
  ip: LOCAL_IP,
  say: [say[0] ?? '', login, ...say.slice(1)],
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
    does: 'refuses senders, recipients and hosts of its lists',
    files: {
      'access.ini': '[check]\nconn=true\nmail=true\nrcpt=true\n',
      'connect.rdns_access.blacklist': 'other.example.org\n',
      'mail_from.access.blacklist': 'bad@example.org\n',
      'rcpt_to.access.blacklist': 'other@example.test\n',
    },
    dialogs: [
      mail(),
      mail({ ip: '123.125.81.10' }),
      mail({ from: 'bad@example.org' }),
      mail({ to: ['user@example.test', 'other@example.test'] }),
      mail({ to: ['other@example.test', 'user@example.test'] }),
    ],
  },
  {
    plugins: ['mail_from.is_resolvable'],
    does: 'refuses a sender whose domain takes no mail',
    dialogs: [mail(), mail({ from: 'a@nowhere.example' }), mail({ from: 'a@nomail.example' })],
  },
  {
    plugins: ['rcpt_to.in_host_list'],
    does: 'says which domains are here',
    dialogs: [mail(), mail({ from: 'b@example.test' }), mail({ to: ['user+1@example.test', 'user+2@example.test'] })],
  },
  {
    plugins: ['headers'],
    does: 'refuses mail with a faulty header',
    files: {
      'headers.ini':
        '[check]\nduplicate_singular=true\nmissing_required=true\ninvalid_date=true\n[reject]\nduplicate_singular=true\nmissing_required=true\ninvalid_date=true\n',
    },
    dialogs: [
      mail(),
      mail({ header: HEADER.slice(1) }),
      mail({ fields: ['Subject: again'] }),
      mail({ header: ['From: a@example.org', 'Date: Fri, 27 Nov 1998 12:00:00 +0000'] }),
    ],
  },
  {
    plugins: ['aliases'],
    does: 'replaces a recipient, or drops it',
    files: {
      'aliases.json': JSON.stringify({
        '@example.test': { action: 'none' },
        'user+alias@example.test': { action: 'alias', to: 'user+new@example.test' },
        'user+gone@example.test': { action: 'drop' },
      }),
    },
    dialogs: [mail(), mail({ to: ['user+alias@example.test'] }), mail({ to: ['user+gone@example.test'] })],
  },
  {
    plugins: ['attachment'],
    does: 'refuses attachments by their names',
    dialogs: [mail(), attached('notes.txt'), attached('setup.exe')],
  },
  {
    plugins: ['bounce'],
    does: 'refuses bounces to several recipients, and all others where that is set',
    files: {
      'bounce.ini': '[check]\nsingle_recipient=true\nempty_return_path=true\n[reject]\nsingle_recipient=true\n',
    },
    dialogs: [mail(), mail({ from: '' }), mail({ from: '', to: ['user@example.test', 'user+1@example.test'] })],
  },
  {
    plugins: ['clamd'],
    does: 'refuses what the virus scanner (a fake clamd) knows',
    peer: fakeClamd,
    files: { 'clamd.ini': 'clamd_socket=127.0.0.1:$PORT\n' },
    dialogs: [mail(), spam],
  },
  {
    plugins: ['dkim'],
    does: 'verifies signatures',
    dialogs: [
      mail(),
      mail({
        fields: [
          'DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=none; h=from; bh=AAAA; b=AAAA',
        ],
      }),
    ],
  },
  {
    plugins: ['dns-list'],
    does: 'refuses a client that a DNS list has',
    files: { 'dns-list.ini': 'zones[]=bl.example\nsearch=first\nperiodic_checks=0\n[bl.example]\ntype=block\n' },
    dialogs: [mail(), mail({ ip: '123.125.81.10' })],
  },
  {
    plugins: ['early_talker'],
    does: 'refuses a client that speaks before it is greeted',
    files: { 'early_talker.ini': 'pause=1\nreject=true\n' },
    dialogs: [mail(), { ...mail(), early: 'NOOP' }],
  },
  {
    plugins: ['fcrdns'],
    does: 'refuses a client without a name, and says what it found in Authentication-Results',
    files: { 'fcrdns.ini': '[reject]\nno_rdns=true\n' },
    dialogs: [mail(), mail({ ip: '123.125.81.99' })],
  },
  {
    plugins: ['asn'],
    does: 'finds the number of the client’s network, and writes it into the header',
    files: { 'asn.ini': 'providers=asn.rspamd.com\ntest_ip=123.125.81.9\n[header]\nasn=true\nprovider=true\n' },
    dialogs: [mail(), mail({ ip: '123.125.81.99' })],
  },
  {
    plugins: ['redis', 'greylist'],
    does: 'refuses an unknown client for now, and takes the mail when it comes again (Redis)',
    peer: redis,
    files: {
      ...REDIS,
      'greylist.ini': 'text=Come back later.\n[redis]\nhost=127.0.0.1\nport=$PORT\ndb=$SIDE\n[period]\nblack=1\n',
    },
    dialogs: [mail(), { ...mail(), after: 1500 }],
  },
  {
    plugins: ['redis', 'karma'],
    does: 'keeps the score of a client (Redis)',
    peer: redis,
    files: { ...REDIS, 'karma.ini': '[redis]\nhost=127.0.0.1\nport=$PORT\ndbid=$SIDE\n[tarpit]\ndelay=0\nmax=0\n' },
    dialogs: [mail(), mail({ from: 'a@nowhere.example' })],
  },
  {
    plugins: ['redis', 'known-senders'],
    does: 'remembers to whom the users have written (Redis)',
    peer: redis,
    files: { ...REDIS, 'known-senders.ini': '[redis]\nhost=127.0.0.1\nport=$PORT\ndb=$SIDE\n' },
    dialogs: [mail()],
  },
  {
    plugins: ['redis', 'limit'],
    does: 'limits unknown commands and recipients (Redis)',
    peer: redis,
    files: {
      ...REDIS,
      'limit.ini':
        'tarpit_delay=0\n[redis]\nhost=127.0.0.1\nport=$PORT\ndatabase=$SIDE\n[recipients]\nenabled=true\nmax=1\n[unrecognized_commands]\nenabled=true\nmax=1\n',
    },
    dialogs: [
      mail(),
      mail({ to: ['user@example.test', 'user+1@example.test', 'user+2@example.test'] }),
      { say: ['EHLO client.example.org', 'FOO'] },
    ],
  },
  {
    plugins: ['qmail-deliverable'],
    does: 'asks a (fake) qmail-deliverabled about addresses',
    peer: fakeQmailDeliverable,
    files: { 'qmail-deliverable.ini': 'host=127.0.0.1\nport=$PORT\ncheck_mail_from=true\n' },
    dialogs: [mail(), mail({ from: 'user@example.test' })],
  },
  {
    plugins: ['relay'],
    does: 'lets clients of its networks relay',
    files: { 'relay.ini': '[relay]\nacl=true\n', relay_acl_allow: '123.125.81.0/24\n' },
    mainCf: 'smtpd_relay_restrictions = permit_haraka_relaying, reject_unauth_destination',
    dialogs: [
      { say: ['EHLO client.example.org', 'MAIL FROM:<a@example.org>', 'RCPT TO:<b@example.org>', 'QUIT'] },
      mail(),
    ],
  },
  {
    plugins: ['rspamd'],
    does: 'asks a (fake) Rspamd, refuses spam and writes header fields',
    peer: fakeRspamd,
    files: { 'rspamd.ini': 'host=127.0.0.1\nport=$PORT\nadd_headers=always\n[reject]\nspam=true\n' },
    dialogs: [mail(), spam],
  },
  {
    plugins: ['spamassassin'],
    does: 'asks a (fake) spamd, refuses spam, renames old fields and writes its own',
    peer: fakeSpamd,
    files: {
      'spamassassin.ini':
        'spamd_socket=127.0.0.1:$PORT\nreject_threshold=9\nmunge_subject_threshold=0.1\nadd_headers=true\n[check]\nprivate_ip=true\n',
    },
    dialogs: [mail(), mail({ fields: ['X-Spam-Status: No, hits=0'] }), spam],
  },
  {
    plugins: ['spf'],
    does: 'refuses mail that its domain does not send from there, and says in the header what it found',
    files: { 'spf.ini': '[deny]\nmfrom_fail=true\n' },
    dialogs: [mail(), mail({ from: 'a@strict.example' })],
  },
  {
    plugins: ['uribl'],
    does: 'refuses mail with links that a DNS list has',
    files: { 'uribl.ini': '[main]\n[uri.example]\nvalidate=^127\nbody=1\n' },
    dialogs: [
      mail(),
      mail({ fields: ['Content-Type: text/plain'], body: 'Hello.\nSee http://listed.shop.cn/page today' }),
    ],
  },
  {
    plugins: ['data.signatures'],
    does: 'refuses mail with words of its list',
    files: { 'data.signatures': `${BAD_WORDS}\n` },
    dialogs: [mail(), spam],
  },
  {
    plugins: ['delay_deny', 'helo.checks'],
    does: 'delays refusals until the recipients are known',
    files: { 'helo.checks.ini': '[reject]\nbare_ip=true\n' },
    dialogs: [mail(), mail({ helo: '1.2.3.4' })],
  },
  {
    plugins: ['record_envelope_addresses'],
    does: 'writes the envelope into the header',
    dialogs: [mail(), mail({ to: ['user+1@example.test', 'user@example.test'] })],
  },
  {
    plugins: ['noting', 'tarpit'],
    does: 'answers slowly where a plugin wants it',
    own: noting('tarpit', 0.2),
    dialogs: [mail()],
  },
  {
    plugins: ['toobusy'],
    does: 'refuses clients while the event loop is behind (here it never is)',
    files: { 'toobusy.maxlag': '5000\n' },
    dialogs: [mail()],
  },
  {
    plugins: ['process_title'],
    does: 'counts connections, recipients and messages',
    dialogs: [mail()],
  },
  {
    plugins: ['noting', 'queue/discard'],
    does: 'takes a message and drops it',
    own: noting('discard', true),
    dialogs: [mail()],
  },
  {
    plugins: ['queue/test'],
    does: 'takes a message and writes it to a file',
    dialogs: [mail()],
  },
  {
    plugins: ['queue/smtp_forward'],
    does: 'takes a message and sends it on by SMTP',
    peer: smtpSink,
    files: { 'smtp_forward.ini': 'host=127.0.0.1\nport=$PORT\n' },
    dialogs: [mail()],
  },
  {
    plugins: ['queue/smtp_proxy'],
    does: 'says each command to another server first',
    peer: smtpSink,
    files: { 'smtp_proxy.ini': 'host=127.0.0.1\nport=$PORT\n' },
    dialogs: [mail()],
  },
  {
    plugins: ['noting', 'queue/quarantine'],
    does: 'keeps a copy of a message in a folder',
    own: noting('quarantine', 'spam'),
    files: { 'quarantine.ini': 'quarantine_path=/tmp/posthorn-quarantine-$PORT-$SIDE\n' },
    peer: smtpSink,
    dialogs: [mail()],
  },
  {
    plugins: ['auth/flat_file'],
    does: 'checks passwords, and lets the user relay',
    files: FLAT_FILE,
    dialogs: [
      loggedIn(mail({ from: 'user@example.test' })),
      loggedIn(mail()),
      // Only Haraka's own AUTH notes a failure in the session's results.
      {
        ip: LOCAL_IP,
        say: ['EHLO client.example.org', plain('user@example.test', 'wrong'), 'QUIT'],
        except: ['results'],
      },
      loggedIn({
        say: ['EHLO client.example.org', 'MAIL FROM:<user@example.test>', 'RCPT TO:<b@example.org>', 'QUIT'],
      }),
    ],
  },
  {
    plugins: ['auth/flat_file', 'block_me'],
    does: 'lets users forward mail of senders whom they want blocked',
    files: {
      ...FLAT_FILE,
      'block_me.recipient': 'user+block@example.test\n',
      'block_me.senders': 'user@example.test\n',
    },
    dialogs: [
      loggedIn(mail({ from: 'user@example.test' })),
      loggedIn(mail({ from: 'a@example.test', to: ['user+block@example.test'] })),
    ],
  },
  {
    plugins: ['auth/flat_file', 'prevent_credential_leaks'],
    does: 'keeps users from sending their password',
    files: FLAT_FILE,
    dialogs: [
      loggedIn(mail({ from: 'user@example.test' })),
      loggedIn(mail({ from: 'user@example.test', body: 'I am user, my word is haraka-secret' })),
    ],
  },
  {
    plugins: ['avg'],
    does: 'asks a (fake) AVG scanner',
    peer: fakeAvg,
    files: { 'avg.ini': 'host=127.0.0.1\nport=$PORT\n' },
    dialogs: [mail()],
  },
  {
    plugins: ['recipient-routes'],
    does: 'accepts recipients of its routes',
    files: { 'recipient-routes.ini': '[routes]\nuser@example.test=mail.example.test\n' },
    dialogs: [mail()],
  },
];
