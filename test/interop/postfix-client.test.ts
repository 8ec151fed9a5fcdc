/**
 * Compares our SMTP client with that of Postfix: a scripted peer sends the same to both (scripted-peer.ts), and both
 * got the same message. The commands, the octets of the message and the log lines of each recipient are equal.
 */
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { jsonLines } from '../kit/json-lines.ts';
import { CASES, type Case, type Profile } from './client-cases.ts';
import { SETTING_PROFILES } from './client-settings.ts';
import { startInteropHouse } from './house.ts';
import { startPostfix } from './postfix.ts';
import { until } from './program.ts';
import { type Certificate, openPeer, type Peer } from './scripted-peer.ts';

const LOGIN = [
  'smtp_tls_security_level = may',
  'smtp_sasl_auth_enable = yes',
  'smtp_sasl_password_maps = static:me:secret',
];
const PROFILES: Readonly<Record<Profile, readonly string[]>> = {
  plain: [],
  may: ['smtp_tls_security_level = may'],
  fallback: [
    'smtp_tls_security_level = may',
    'minimal_backoff_time = 1s',
    'maximal_backoff_time = 1s',
    'queue_run_delay = 1s',
  ],
  login: [...LOGIN, 'smtp_sasl_tls_security_options = noanonymous'],
  clear: [...LOGIN, 'smtp_sasl_security_options = noanonymous'],
  ...SETTING_PROFILES,
  raw: ['disable_mime_output_conversion = yes', 'smtp_line_length_limit = 0'],
};
const COMMON = [
  'myhostname = client.example',
  ...['helo', 'starttls', 'mail', 'rcpt', 'data_init', 'data_done'].map((stage) => `smtp_${stage}_timeout = 3s`),
  // A kept session sends QUIT later than one of a Postfix with an empty queue.
  'smtp_connection_cache_on_demand = no',
  'default_destination_concurrency_limit = 100',
  'always_add_missing_headers = no',
  'notify_classes =',
  'local_header_rewrite_clients =',
];
const SHORT = [
  'From: <sender@src.example>',
  'To: <you@src.example>',
  'Subject: s',
  'Date: Mon, 1 Jan 2024 00:00:00 +0000',
  'Message-ID: <1@src.example>',
  '',
  'body',
  '',
].join('\r\n');

/** One of the two servers with one set of settings. */
interface Client {
  readonly port: number;
  said(): string;
  stop(): Promise<void>;
}

/** What a client did in one case. */
interface Seen {
  readonly sessions: readonly (readonly string[])[];
  readonly bodies: readonly string[];
  /** `b dsn=5.1.1 bounced (…)` */
  readonly log: readonly string[];
}

interface Run {
  readonly one: Case;
  readonly domain: string;
  readonly peers: Readonly<Record<'postfix' | 'ours', Peer>>;
}

/** Sends the message; returns the refusal, or ''. */
async function submit(port: number, { one, domain }: Run): Promise<string> {
  const client = await LineClient.connect({ host: '127.0.0.1', port, timeoutMs: 30_000 });
  let refused = '';
  const say = async (line: string, expected: string): Promise<void> => {
    if (refused !== '') return;
    const answer = await client.smtp(line);
    if (!answer.startsWith(expected)) refused = `${line}: ${answer}`;
  };
  try {
    await client.smtp();
    await say('EHLO client.example', '250');
    await say(`MAIL FROM:<${one.from ?? 'sender@src.example'}> ${one.parameters ?? ''}`.trimEnd(), '250');
    for (const local of one.to ?? ['rcpt']) await say(`RCPT TO:<${local}@${domain}>`, '250');
    await say('DATA', '354');
    const text = one.text ?? SHORT;
    await say(`${text.replace(/^\./gm, '..')}${text.endsWith('\r\n') ? '' : '\r\n'}.`, '250');
    return refused;
  } finally {
    client.close();
  }
}

/** The log about recipients at this domain, without ports and queue IDs. */
function statusLines(log: string, domain: string): string[] {
  const line = new RegExp(`to=<([^\\n]*)@${domain}>, [^\\n]*dsn=([^,]*), status=(\\w+) \\(([^\\n]*)$`, 'gm');
  const lines = [...log.matchAll(line)].map(([, local, dsn, status, words]) =>
    `${local} dsn=${dsn} ${status} (${words}`
      .slice(0, 600)
      .replace(/(127\.0\.0\.1\]):\d+/g, '$1')
      .replace(/message size \d+/, 'message size n'),
  );
  // The order in which recipients are logged does not matter; the sequence for each one does.
  return lines.sort((a, b) => (localOf(a) < localOf(b) ? -1 : localOf(a) > localOf(b) ? 1 : 0));
}

const localOf = (line: string): string => line.slice(0, line.indexOf(' dsn='));

/** Without the lines that each server prepends, and the sizes that depend on them. */
const withoutTrace = (body: string): string => body.replace(/^Received: [^\r]*\r\n(?:[ \t][^\r]*\r\n)*/, '');
const withoutSize = (command: string): string => command.replace(/ SIZE=\d+/, ' SIZE=n');

function look(one: Case, peer: Peer, log: readonly string[]): Seen {
  const sessions = peer.sessions.map(({ commands }) =>
    (one.quitsWhenDone === false ? commands.filter((line) => line !== 'QUIT') : commands).map(withoutSize),
  );
  return {
    sessions: one.anyOrder === true ? sessions.toSorted((a, b) => (a.join() < b.join() ? -1 : 1)) : sessions,
    bodies: peer.sessions.flatMap(({ bodies }) => bodies.map(withoutTrace)),
    log,
  };
}

async function startOurs(main: readonly string[]): Promise<Client> {
  const house = await startInteropHouse({ main: ['mynetworks = 127.0.0.0/8', 'mydestination =', ...main], names: [] });
  return {
    port: house.port(25),
    said: () =>
      jsonLines<{ readonly msg?: unknown }>(join(house.folders.data, 'log', 'mail.jsonl'))
        .map(({ msg }) => String(msg))
        .join('\n'),
    stop: () => house.stop(),
  };
}

async function makeCertificate(): Promise<Certificate> {
  const pems = await generate([{ name: 'commonName', value: 'peer.example' }], { keyType: 'ec' });
  return { key: pems.private, cert: pems.cert };
}

describe('P17: our SMTP client and that of Postfix', () => {
  const results = new Map<string, Readonly<Record<'postfix' | 'ours', Seen>>>();
  const closers: (() => Promise<void>)[] = [];

  async function play(profile: Profile, runs: readonly Run[]): Promise<void> {
    const transports = (who: 'postfix' | 'ours'): string =>
      [
        'src.example = discard:',
        ...runs.map(
          ({ domain, peers }) =>
            `{ ${domain} = ${profile === 'lmtp' ? 'lmtp:inet' : 'smtp'}:[127.0.0.1]:${peers[who].port} }`,
        ),
      ]
        .map((entry, i) => (i === 0 ? `{ ${entry} }` : entry))
        .join(', ');
    const main = (who: 'postfix' | 'ours'): string[] => [
      ...COMMON,
      ...PROFILES[profile],
      `transport_maps = inline:{ ${transports(who)} }`,
    ];
    const [postfix, ours] = await Promise.all([
      startPostfix({ main: main('postfix'), services: ['lmtp unix - - n - - lmtp'] }),
      startOurs(main('ours')),
    ]);
    closers.push(
      () => postfix.stop(),
      () => ours.stop(),
    );
    await Promise.all(
      (
        [
          ['postfix', postfix],
          ['ours', ours],
        ] as const
      ).map(async ([who, client]) => {
        for (const run of runs) {
          const refused = await submit(client.port, run);
          if (refused !== '') throw new Error(`${who}, "${run.one.name}": ${refused}`);
        }
        for (const { one, domain } of runs) {
          const wanted = (one.to?.length ?? 1) * (profile === 'fallback' ? 2 : 1);
          await until(
            `${who} to try "${one.name}"`,
            async () => statusLines(client.said(), domain).length >= wanted,
            40_000,
          ).catch(() => {});
        }
      }),
    );
    // QUIT is sent after the recipients are logged.
    await new Promise((resolve) => setTimeout(resolve, 300));
    for (const { one, domain, peers } of runs)
      results.set(one.name, {
        postfix: look(one, peers.postfix, statusLines(postfix.said(), domain)),
        ours: look(one, peers.ours, statusLines(ours.said(), domain)),
      });
  }

  beforeAll(async () => {
    const certificate = await makeCertificate();
    const runs: Run[] = [];
    for (const [i, one] of CASES.entries()) {
      const peers = { postfix: await openPeer(one.script, certificate), ours: await openPeer(one.script, certificate) };
      closers.push(
        () => peers.postfix.close(),
        () => peers.ours.close(),
      );
      runs.push({ one, domain: `c${i}.example`, peers });
    }
    for (const profile of Object.keys(PROFILES) as Profile[]) {
      await play(
        profile,
        runs.filter(({ one }) => one.profile === profile),
      );
    }
  });

  afterAll(async () => {
    await Promise.all(closers.map((close) => close()));
  });

  it.each(CASES.map(({ name }) => name))('%s', (name) => {
    const seen = results.get(name);
    expect(seen?.ours).toEqual(seen?.postfix);
  });
});
