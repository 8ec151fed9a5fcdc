/** P7: what is known about addresses outlives the server that found it out, and can be asked for without a probe. */
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Explanation } from '../../src/admin/explanation.ts';
import { type LineServer, openLineServer } from '../delivery/client/sink.ts';
import { finish } from '../kit/launch.ts';
import { freeOffset } from '../kit/ports.ts';
import { startServer, type TestServer } from '../kit/server.ts';
import { SmtpClient } from '../kit/smtp-client.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let far: LineServer;
let server: TestServer;
let offset: number;

beforeAll(async () => {
  far = await openLineServer((line, socket) => {
    socket.write(line.startsWith('RCPT TO:<bad@') ? '550 5.1.1 no such user\r\n' : '250 2.0.0 ok\r\n');
  }, '220 far.test ESMTP\r\n');
  offset = await freeOffset();
  server = await startServer({
    files: {
      'main.cf': `compatibility_level = 3.6
myhostname = mail.ours.test
mydestination = ours.test
myorigin = ours.test
inet_interfaces = 127.0.0.1
smtpd_peername_lookup = no
relay_domains = far.test
transport_maps = inline:{far.test=smtp:[127.0.0.1]:${far.port}}
smtpd_recipient_restrictions = reject_unverified_recipient
unverified_recipient_reject_code = 550
address_verify_map = lmdb:$data_directory/verify
address_verify_sender_ttl = 1d
`,
      'master.cf': 'smtp inet n - n - - smtpd\n',
    },
    portOffset: offset,
    accounts: { xixi: 'one two three' },
  });
});
afterAll(async () => {
  await server.stop();
  await far.close();
});

const probed = (): string[] => far.lines.filter((line) => line.startsWith('RCPT'));

async function answers(recipient: string): Promise<string> {
  const client = await SmtpClient.open(server.port(25));
  await client.reply();
  await client.run('EHLO client.test', 'MAIL FROM:<a@client.test>');
  const answer = await client.say(`RCPT TO:<${recipient}>`);
  client.hangUp();
  return answer;
}

const REFUSED = /^550 5\.1\.1 <bad@far\.test>: Recipient address rejected: undeliverable address: .*no such user/;

it('P7: after a restart nobody is asked again, and explain says what is known', async () => {
  expect(await answers('bad@far.test')).toMatch(REFUSED);
  expect(await answers('good@far.test')).toBe('250 2.1.5 Ok');
  expect(probed().length).toBe(2);
  await server.stop({ keep: true });
  server = await startServer({ files: {}, folders: server.folders, portOffset: offset });
  expect(await answers('bad@far.test')).toMatch(REFUSED);
  expect(await answers('good@far.test')).toBe('250 2.1.5 Ok');
  const explained = JSON.parse(
    (
      await finish([
        ...['explain', '--client', '192.0.2.1', '--helo', 'h', '--from', 'a@b.test', '--json'],
        ...['--to', 'bad@far.test', '--to', 'new@far.test', '--data', server.folders.data],
      ])
    ).out,
  ) as Explanation;
  const known = explained.steps.filter((step) => step.kind === 'lookup' && step.table === 'address_verify_map');
  expect(known).toMatchObject([
    { key: 'bad@far.test', value: expect.stringMatching(/^undeliverable, found out \d+s ago: .*no such user/) },
    { key: 'new@far.test', value: null },
  ]);
  expect(probed().length).toBe(2);
});

it('P7: the sender of probes changes with the time, and takes mail while it is one', async () => {
  const [sender = ''] = far.lines.filter((line) => line.startsWith('MAIL'));
  const address = /^MAIL FROM:<(double-bounce[0-9B-Z]+@ours\.test)>/.exec(sender)?.[1] ?? '';
  expect(await answers(address)).toBe('250 2.1.5 Ok');
  expect(await answers('double-bounce1@ours.test')).toMatch(/^550 5\.1\.1 /);
});

it('P7: a cache that cannot be written to is a fault', async () => {
  const { folders } = server;
  writeFileSync(`${folders.config}/main.cf`, 'address_verify_map = regexp:/x\n');
  await expect(server.command(['check'])).rejects.toThrow(
    /main\.cf:1: address_verify_map: "regexp:\/x" is no table that can be written to/,
  );
});
