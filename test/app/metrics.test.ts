/** What a server counts of one of each: a delivery, a refusal, a login, a lookup that fails, a question to its zones. */
import { Resolver } from 'node:dns/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunningServer } from '../../src/app/running-server.ts';
import { startServer } from '../../src/app/start-server.ts';
import { removeFolder } from '../kit/folder.ts';
import { freeOffset } from '../kit/ports.ts';
import { makeFolders } from '../kit/server.ts';
import { SmtpClient } from '../kit/smtp-client.ts';

const METRICS = 80;
let offset: number;
let root: string;
let server: RunningServer;
beforeAll(async () => {
  offset = await freeOffset();
  const folders = makeFolders({
    'main.cf': [
      'compatibility_level = 3.6',
      'myhostname = mail.example.test',
      'mydestination = example.test',
      'myorigin = example.test',
      'inet_interfaces = 127.0.0.1',
      'mynetworks = 127.0.0.0/8',
      'alias_maps =',
      'alias_database =',
      'relayhost = [127.0.0.1]:1',
      'smtpd_sender_restrictions = check_sender_access fail:broken',
      `metrics_listen = 127.0.0.1:${METRICS}`,
      '',
    ].join('\n'),
    'master.cf':
      'smtp inet n - n - - smtpd\n  -o smtpd_sender_restrictions=\n465 inet n - n - - smtpd\n  -o smtpd_tls_wrappermode=no\n',
    'dovecot.conf': 'protocols = imap\ndisable_plaintext_auth = no\n',
    'named.conf':
      'options { listen-on port 53 { 127.0.0.1; }; };\nzone "example.test" IN { type master; file "zone"; };\n',
    zone: '$TTL 60\n@ IN SOA ns admin 1 1D 1H 1W 60\n  IN NS ns\nns IN A 127.0.0.1\n',
    plugins: 'restrictions\nwatcher\n',
    'plugins.d/watcher/index.ts': `import { definePlugin, NEXT } from 'posthorn/plugin';
export default definePlugin({ name: 'watcher', register(server) {
  server.on('mail', () => NEXT);
  server.on('helo', () => { throw new Error('no'); });
} });
`,
    'plugins.d/watcher.json': '{ "onError": "pass" }',
  });
  ({ root } = folders);
  server = await startServer({
    configDirectory: folders.config,
    dataDirectory: folders.data,
    portOffset: offset,
    accounts: [{ address: 'xixi@example.test', password: 'sesame' }],
    printLog: false,
    onStop: () => {},
  });
});
afterAll(async () => {
  await server?.close(0);
  removeFolder(root);
});

async function scrape(): Promise<ReadonlyMap<string, number>> {
  const response = await fetch(`http://127.0.0.1:${METRICS + offset}/metrics`);
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.replace(/ \S+$/, ''), Number(line.replace(/^.* /, ''))]));
}

it('G11: counts sessions, replies, refusals, logins, deliveries, plugins, lookups and DNS, and shows the queue', async () => {
  const before = await scrape();
  const smtp = await SmtpClient.open(25 + offset);
  await smtp.reply();
  await smtp.run('EHLO client.example', 'MAIL FROM:<a@b.example>', 'RCPT TO:<xixi@example.test>');
  expect(await smtp.say('RCPT TO:<nobody@example.test>')).toMatch(/^550/);
  await smtp.run('RCPT TO:<a@far.example>', 'DATA', 'Subject: one\r\n\r\nbody\r\n.');
  const broken = await SmtpClient.open(465 + offset);
  await broken.reply();
  await broken.run('EHLO client.example', 'MAIL FROM:<a@b.example>');
  expect(await broken.say('RCPT TO:<xixi@example.test>')).toMatch(/^451/);
  broken.hangUp();
  const imap = await SmtpClient.open(143 + offset);
  imap.send('a LOGIN xixi wrong\r\n');
  imap.send('b LOGIN xixi sesame\r\n');
  const resolver = new Resolver();
  resolver.setServers([`127.0.0.1:${53 + offset}`]);
  expect(await resolver.resolve4('ns.example.test')).toEqual(['127.0.0.1']);
  await expect(resolver.resolve4('none.example.test')).rejects.toThrow();

  const expected = {
    'posthorn_connections_total{service="smtp"}': 1,
    'posthorn_connections_total{service="imap"}': 1,
    'posthorn_smtp_replies_total{service="smtp",class="5xx"}': 1,
    'posthorn_smtp_replies_total{service="smtp",class="2xx"}': 6,
    'posthorn_smtp_replies_total{service="smtp",class="3xx"}': 1,
    'posthorn_rejects_total{service="smtp",stage="RCPT",class="5xx"}': 1,
    'posthorn_logins_total{protocol="imap",result="ok"}': 1,
    'posthorn_logins_total{protocol="imap",result="credentials"}': 1,
    'posthorn_messages_accepted_total{protocol="ESMTP"}': 1,
    'posthorn_deliveries_total{transport="local",status="sent"}': 1,
    'posthorn_deliveries_total{transport="smtp",status="deferred"}': 1,
    'posthorn_delivery_delay_seconds_count{transport="local"}': 1,
    'posthorn_hook_duration_seconds_count{plugin="watcher",hook="mail"}': 2,
    'posthorn_hook_failures_total{plugin="watcher",hook="helo"}': 2,
    'posthorn_table_failures_total{table="fail:broken"}': 1,
    'posthorn_dns_responses_total{transport="udp",rcode="NOERROR"}': 1,
    'posthorn_dns_responses_total{transport="udp",rcode="NXDOMAIN"}': 1,
  };
  const rise = async (): Promise<Record<string, number>> => {
    const now = await scrape();
    return Object.fromEntries(Object.keys(expected).map((key) => [key, (now.get(key) ?? 0) - (before.get(key) ?? 0)]));
  };
  await expect.poll(rise, { timeout: 10_000 }).toEqual(expected);

  const now = await scrape();
  expect(now.get('posthorn_sessions{protocol="smtp"}')).toBe(1);
  expect(now.get('posthorn_queue_recipients{queue="deferred"}')).toBe(1);
  expect(now.get('posthorn_queue_oldest_age_seconds')).toBeLessThan(60);
  expect(now.get('posthorn_store_reachable')).toBe(1);
  expect(now.get('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThanOrEqual(0);
  const certificates = [...now].filter(([name]) => name.startsWith('posthorn_certificate_expiry_timestamp_seconds'));
  expect(certificates).not.toEqual([]);
  for (const [, expiry] of certificates) expect(expiry * 1000).toBeGreaterThan(Date.now());
  // Nothing that a client sent is a label.
  expect([...now.keys()].join('\n')).not.toMatch(/client\.example|b\.example|xixi|127\.0\.0\.1/);
  smtp.hangUp();
  imap.hangUp();
});
