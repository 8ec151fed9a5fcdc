/**
 * Addresses of envelopes and headers, rewritten as a real Postfix rewrites them: the same configurations and messages go
 * to both, and both must hand on the same octets to the same recipients.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSink, type Sink } from '../delivery/client/sink.ts';
import { wholeLines } from '../kit/json-lines.ts';
import { SmtpClient } from '../kit/smtp-client.ts';
import { type House, startInteropHouse } from './house.ts';
import { withoutTrace } from './octets.ts';
import { type Postfix, startPostfix } from './postfix.ts';
import { freePort, until } from './program.ts';
import { CONFIGURATIONS, messages } from './rewriting-cases.ts';

const FIRST_PORT = 1300;
const COMMON = [
  'mynetworks = 127.0.0.0/8',
  'myhostname = mail.interop.example',
  'mydomain = interop.example',
  'myorigin = origin.example',
  'mydestination =',
  'append_dot_mydomain = no',
  'smtpd_client_connection_count_limit = 0',
  'smtpd_client_message_rate_limit = 0',
  'smtpd_peername_lookup = no',
  'smtpd_error_sleep_time = 0',
  'recipient_delimiter = +',
];

let house: House;
let postfix: Postfix;
const sinks: Partial<Record<'ours' | 'theirs', Sink>> = {};
const ports = new Map<string, { ours: number; theirs: number }>();

beforeAll(async () => {
  sinks.ours = await openSink();
  sinks.theirs = await openSink();
  const rows: { ours: number; theirs: number; options: string }[] = [];
  for (const [i, [name, settings]] of Object.entries(CONFIGURATIONS).entries()) {
    const row = {
      ours: FIRST_PORT + i,
      theirs: await freePort(),
      options: settings.map((setting) => ` -o { ${setting} }`).join(''),
    };
    rows.push(row);
    ports.set(name, row);
  }
  postfix = await startPostfix({
    main: [...COMMON, `relayhost = [127.0.0.1]:${sinks.theirs.port}`],
    services: rows.flatMap(({ theirs, options }) => [
      `127.0.0.1:${theirs} inet n - n - - smtpd -o cleanup_service_name=cleanup${theirs} -o rewrite_service_name=rewrite${theirs}${options}`,
      `cleanup${theirs} unix n - n - 0 cleanup -o rewrite_service_name=rewrite${theirs}${options}`,
      `rewrite${theirs} unix - - n - - trivial-rewrite${options}`,
    ]),
  });
  house = await startInteropHouse({
    names: [],
    main: [...COMMON, `relayhost = [127.0.0.1]:${sinks.ours.port}`],
    files: {
      'master.cf': rows.map(({ ours, options }) => `${ours} inet n - n - - smtpd${options}\n`).join(''),
    },
  });
});
afterAll(async () => {
  await house?.stop();
  await postfix?.stop();
  await sinks.ours?.close();
  await sinks.theirs?.close();
});

const all = messages();
const ourLog = (): string => wholeLines(readFileSync(join(house.folders.data, 'log', 'mail.jsonl'), 'utf8'));

/** The replies to each message of one session, and what arrived of each. */
async function outcome(who: 'ours' | 'theirs', name: string): Promise<readonly unknown[]> {
  const sink = sinks[who];
  const { ours, theirs } = ports.get(name) ?? { ours: 0, theirs: 0 };
  const client = await SmtpClient.open(who === 'ours' ? house.port(ours) : theirs);
  await client.reply();
  await client.say('EHLO client.example');
  const replies: string[][] = [];
  const ids: string[] = [];
  for (const [i, { envelope, fields }] of all.entries()) {
    const [from, to] = envelope;
    const said = [await client.say(`MAIL FROM:<${from}>`)];
    for (const one of to) said.push(await client.say(`RCPT TO:<${one}>`));
    said.push(await client.say('DATA'));
    client.send(`${fields}\r\nX-Case: ${name} ${i};\r\n\r\nbody\r\n.\r\n`);
    const answer = await client.reply();
    ids.push(...(/queued as (\S+)/.exec(answer)?.slice(1) ?? []));
    said.push(answer.replace(/queued as \S+/, 'queued'));
    replies.push(said);
  }
  await client.say('QUIT');
  client.destroy();
  await until(`all of "${name}" to be handed on`, async () => {
    const log = who === 'ours' ? ourLog() : postfix.said();
    return ids.every((id) => new RegExp(`${id}: (?:removed|.*status=deferred)`).test(log));
  });
  const arrived = (i: number): Sink['received'] =>
    sink?.received.filter(
      ({ text }) => text.includes(`X-Case: ${name} ${i};`) && !text.includes('Subject: Undelivered'),
    ) ?? [];
  return all.map(({ envelope }, i) => ({
    envelope,
    replies: replies[i],
    mail: arrived(i)
      .flatMap(({ from, to, text }) =>
        to.map(
          (one) =>
            `${from} > ${one}\n${withoutTrace(text).replace(/^(Resent-Message-Id|Resent-Date): .*$/gm, '$1: -')}`,
        ),
      )
      .sort(),
  }));
}

describe('P11: addresses of envelope and header', () => {
  it.each(Object.keys(CONFIGURATIONS))('P10, P11: %s', async (name) => {
    const [theirs, ours] = await Promise.all([outcome('theirs', name), outcome('ours', name)]);
    expect(ours).toEqual(theirs);
  });

  it('are many', () => {
    expect(all.length * Object.keys(CONFIGURATIONS).length).toBeGreaterThan(150);
  });
});
