/**
 * Mail whose best MX is this server itself, and next hops of main.cf that lead nowhere, beside a real Postfix: the same
 * rows of master.cf, the same mail; what becomes of each recipient is the same.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { openSink, type Sink } from '../delivery/client/sink.ts';
import { maillogOf } from './conversation.ts';
import { type House, startInteropHouse } from './house.ts';
import { type Postfix, startPostfix } from './postfix.ts';
import { until } from './program.ts';

/** Rows of smtp: their next hops, and their own settings. SINK is a port where mail is taken. */
const ROWS: Readonly<Record<string, readonly [nexthop: string, ...settings: string[]]>> = {
  plain: ['[127.0.0.1]'],
  sink: ['[127.0.0.1]', 'best_mx_transport=smtp:[127.0.0.1]:SINK'],
  dropped: ['[127.0.0.1]', 'best_mx_transport=discard'],
  worded: ['[127.0.0.1]', 'best_mx_transport=discard:words'],
  fault: ['[127.0.0.1]', 'best_mx_transport=error:5.1.6'],
  bare: ['[127.0.0.1]', 'best_mx_transport=retry'],
  again: ['[127.0.0.1]', 'best_mx_transport=plain'],
  relayed: ['[127.0.0.1]', 'best_mx_transport=discard', 'relayhost=[127.0.0.1]'],
  nowhere: ['[nothere.invalid]'],
  gone: ['[nothere.invalid]', 'relayhost=[nothere.invalid]'],
  fallen: ['[nothere.invalid]', 'smtp_fallback_relay=[neither.invalid]'],
  saved: ['[nothere.invalid]', 'smtp_fallback_relay=[127.0.0.1]:SINK'],
  looped: ['[127.0.0.1]', 'smtp_fallback_relay=[127.0.0.1]:SINK'],
};
const SIDES = ['ours', 'theirs'] as const;
type Side = (typeof SIDES)[number];
const sinks = {} as Record<Side, Sink>;
let house: House;
let postfix: Postfix;

beforeAll(async () => {
  for (const side of SIDES) sinks[side] = await openSink();
  const rows = (side: Side): string[] =>
    Object.entries(ROWS).map(([name, [, ...settings]]) =>
      `${name} unix - - n - - smtp${settings.map((one) => ` -o ${one}`).join('')}`.replaceAll(
        'SINK',
        String(sinks[side].port),
      ),
    );
  const main = [
    'myhostname = mail.interop.example',
    'mydestination =',
    'notify_classes =',
    'mynetworks = 127.0.0.0/8',
    'smtp_host_lookup = native',
    'disable_dns_lookups = yes',
    'relayhost =',
    `transport_maps = inline:{${Object.entries(ROWS)
      .map(([name, [nexthop]]) => `{${name}.test=${name}:${nexthop}}`)
      .join(', ')}, {from.test=discard:}}`,
  ];
  postfix = await startPostfix({ main, services: rows('theirs') });
  house = await startInteropHouse({
    names: [],
    main,
    files: { 'master.cf': `smtp inet n - n - - smtpd\n${rows('ours').join('\n')}\n` },
  });
});
afterAll(async () => {
  await house?.stop();
  await postfix?.stop();
  for (const side of SIDES) await sinks[side]?.close();
});

const logOf = (side: Side): string => (side === 'theirs' ? postfix.said() : maillogOf(house).join('\n'));

/** `smtp none 5.4.6 bounced (…)` */
async function fateOf(side: Side, name: string): Promise<string> {
  const client = await LineClient.connect({
    host: '127.0.0.1',
    port: side === 'ours' ? house.port(25) : postfix.port,
    timeoutMs: 30_000,
  });
  await client.smtp();
  for (const line of [
    'EHLO c',
    'MAIL FROM:<a@from.test>',
    `RCPT TO:<b@${name}.test>`,
    'DATA',
    `Subject: ${name}\r\n\r\n.`,
  ])
    await client.smtp(line);
  client.close();
  const line = new RegExp(
    `postfix/(\\w+)\\[\\d+\\]: \\w+: to=<b@${name}\\.test>, relay=([^,]*), .*dsn=([^,]*), status=(\\w+) \\((.*)\\)`,
  );
  await until(`the log about ${name} of ${side}`, async () => line.test(logOf(side)));
  const [, program, relay, dsn, status, words] = line.exec(logOf(side)) ?? [];
  return `${program} ${relay} ${dsn} ${status} (${words})`
    .replaceAll(String(sinks[side].port), 'SINK')
    .replace(/queued as \w+/, 'queued');
}

describe('P17: mail for a domain whose best MX is this server', () => {
  it.each(Object.keys(ROWS))('P17: by the row %s', async (name) => {
    const [theirs, ours] = await Promise.all([fateOf('theirs', name), fateOf('ours', name)]);
    expect(ours).toBe(theirs);
  });
});
