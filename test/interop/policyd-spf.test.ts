/** Debian's policyd-spf as a spawn service of master.cf, beside a real Postfix with the same rows: the same answers. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { openSink, type Sink } from '../delivery/client/sink.ts';
import { startServer, type TestServer } from '../kit/server.ts';
import { type Postfix, startPostfix } from './postfix.ts';
import { freePort, until } from './program.ts';

const MAIN = [
  'myhostname = mail.ours.test',
  'smtpd_peername_lookup = no',
  'policyd-spf_time_limit = 3600',
  'smtpd_recipient_restrictions = check_policy_service unix:private/policyd-spf, permit_mynetworks, reject_unauth_destination',
];
const ROW = 'policyd-spf unix - n n - 0 spawn user=nobody argv=/usr/bin/policyd-spf';

let sinks: { ours: Sink; theirs: Sink };
let postfix: Postfix;
let server: TestServer;
const ports = { ours: 0, theirs: 0 };

beforeAll(async () => {
  sinks = { ours: await openSink(), theirs: await openSink() };
  postfix = await startPostfix({ main: [...MAIN, `relayhost = [127.0.0.1]:${sinks.theirs.port}`], services: [ROW] });
  ports.theirs = postfix.port;
  ports.ours = await freePort();
  server = await startServer({
    portOffset: 0,
    accounts: {},
    files: {
      'main.cf': `${['compatibility_level = 3.6', 'inet_interfaces = 127.0.0.1', 'mydestination =', 'alias_maps =', 'mynetworks = 127.0.0.0/8', ...MAIN, `relayhost = [127.0.0.1]:${sinks.ours.port}`].join('\n')}\n`,
      'master.cf': `127.0.0.1:${ports.ours} inet n - n - - smtpd\n${ROW}\n`,
      'dovecot.conf': 'protocols =\n',
    },
  });
});
afterAll(async () => {
  await server?.stop();
  await postfix?.stop();
  await sinks?.ours.close();
  await sinks?.theirs.close();
});

async function replies(port: number): Promise<string[]> {
  const client = await LineClient.connect({ host: '127.0.0.1', port, timeoutMs: 30_000 });
  const said: string[] = [];
  await client.smtp();
  for (const line of [
    'EHLO client.example',
    'MAIL FROM:<a@sender.test>',
    'RCPT TO:<x@out.test>',
    'RCPT TO:<y@out.test>',
    'DATA',
  ])
    said.push(await client.smtp(line));
  said.push((await client.smtp('Subject: s\r\n\r\nbody\r\n.')).slice(0, 9));
  client.close();
  return said.slice(1);
}

it('P7: policyd-spf is started for check_policy_service, answers, and its header field is in the mail', async () => {
  const [ours, theirs] = await Promise.all([replies(ports.ours), replies(ports.theirs)]);
  expect(ours).toEqual(theirs);
  await until('both mails', async () => sinks.ours.received.length > 0 && sinks.theirs.received.length > 0);
  const fields = (sink: Sink): string[] =>
    sink.received[0]?.text.match(/^(?:X-Comment|Received-SPF|Authentication-Results):.*/gm) ?? [];
  // A blank at its end is not kept here.
  expect(fields(sinks.ours)).toEqual(fields(sinks.theirs).map((field) => field.trimEnd()));
  expect(fields(sinks.ours)).toHaveLength(1);
});
