/**
 * Never an open relay (requirements G3, P7): no spelling of an address relays through the whole process; and with
 * random configurations a stranger's mail to other domains is accepted only if startup printed the rule that allows it,
 * and if a second implementation of the lists (relay-model.ts) agrees. Strangers come from many addresses, or all from
 * one private address, as behind a NAT.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { finish } from '../kit/launch.ts';
import { freeOffset } from '../kit/ports.ts';
import { startServer, type TestServer } from '../kit/server.ts';
import { CLIENTS, configuration, HELO, PLUGIN, RECIPIENT, SENDER, shared } from './relay-cases.ts';
import { openRelayHouse, type RelayHouse } from './relay-house.ts';
import { decide, type ModelClient } from './relay-model.ts';

/** As behind the NAT of a container: all interfaces are served, and only this machine is trusted. */
const main = (more: string): string =>
  [
    'compatibility_level = 3.6',
    'myhostname = mail.example.test',
    'myorigin = $mydomain',
    'mydestination = $mydomain',
    'inet_interfaces = all',
    'inet_protocols = ipv4',
    'mynetworks = 127.0.0.1/32',
    'alias_maps = inline:{ { out = far@elsewhere.test }, { loop = pool }, { pool = loop } }',
    'virtual_alias_domains = group.test',
    'virtual_alias_maps = inline:{ { a@group.test = b@group.test }, { b@group.test = a@group.test } }',
    'relayhost = [127.0.0.1]:9',
    '# All attempts in one session, without its growing patience.',
    'smtpd_soft_error_limit = 1000',
    'smtpd_hard_error_limit = 1000',
    more,
    '',
  ].join('\n');
const STRANGER = '127.0.1.77';

/** Addresses that are not ours, written so that a careless server would relay to them. */
const ATTEMPTS = [
  'x@elsewhere.test',
  'x%elsewhere.test@example.test',
  'x%elsewhere.test@[127.0.0.1]',
  'elsewhere.test!x@example.test',
  '@example.test:x@elsewhere.test',
  '@example.test,@mail.example.test:x@elsewhere.test',
  '"x@elsewhere.test"@example.test',
  '"x%elsewhere.test"@example.test',
  '"x@elsewhere.test"',
  'x%elsewhere.test',
  'x%elsewhere.test@',
  'x@elsewhere.test@example.test',
  'x@elsewhere.test@',
  'x@example.test@elsewhere.test',
  'x@[127.0.0.1]@elsewhere.test',
  'x@[192.0.2.1]',
  'x@elsewhere.test.',
  'x@ELSEWHERE.TEST',
  'x@sub.example.test',
  'maomao@example.test.elsewhere.test',
  'x@elsewhere.test\u0000@example.test',
  'x@elsewhere.test%example.test',
];

const answerTo = (permitted: boolean): RegExp => (permitted ? /^250 2\.1\.5 / : /^554 5\.7\.1 .*Relay access denied$/);

/** A configuration, and whether 127.0.0.1 and a logged-in client may then send to other domains. */
const HOUSES: readonly (readonly [name: string, more: string | null, trusted: boolean, loggedIn: boolean])[] = [
  ['as shipped', '', true, true],
  [
    'with relaying left to the recipient list',
    'smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination',
    true,
    false,
  ],
  ['with neither list, as in old tutorials', 'compatibility_level = 0\nrelay_domains =', true, true],
  [
    'with a relay list that leaves refusing strangers to the recipient list',
    'smtpd_relay_restrictions = permit\nsmtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination',
    true,
    false,
  ],
  ['with a careless permit', 'smtpd_recipient_restrictions = permit', true, true],
  ['with all plugins removed', null, false, true],
];

let server: TestServer;
let offset: number;
beforeAll(async () => {
  offset = await freeOffset();
  server = await startServer({
    files: { 'main.cf': main('') },
    portOffset: offset,
    accounts: { 'maomao@example.test': 'maomao' },
  });
});
afterAll(() => server.stop());

describe.each(HOUSES)('%s', (_, more, trusted, loggedIn) => {
  beforeAll(async () => {
    writeFileSync(join(server.folders.config, 'main.cf'), main(more ?? ''));
    writeFileSync(join(server.folders.config, 'plugins'), more === null ? '# none\n' : 'restrictions\nrewriting\n');
    expect(await finish(['reload', '--data', server.folders.data])).toMatchObject({ code: 0, err: '' });
  });

  async function session(localAddress: string): Promise<LineClient> {
    const smtp = await LineClient.connect({ host: '127.0.0.1', port: 25 + offset, localAddress });
    await smtp.smtp();
    await smtp.smtp('EHLO client.example');
    return smtp;
  }

  it.each(['a@elsewhere.test', 'maomao@example.test', ''])(
    'P7: a stranger who claims to be <%s> cannot send to other domains',
    async (from) => {
      const smtp = await session(STRANGER);
      const taken: string[] = [];
      for (const attempt of ATTEMPTS) {
        await smtp.smtp('RSET');
        await smtp.smtp(`MAIL FROM:<${from}>`);
        if (/^2/.test(await smtp.smtp(`RCPT TO:<${attempt}>`))) taken.push(attempt);
      }
      expect(taken).toEqual([]);
      smtp.close();
    },
  );

  it('P10: a local address with a remote target is forwarded, and a loop of aliases ends', async () => {
    const smtp = await session(STRANGER);
    await smtp.smtp('MAIL FROM:<a@elsewhere.test>');
    expect(await smtp.smtp('RCPT TO:<maomao@example.test>')).toBe('250 2.1.5 Ok');
    if (more !== null) {
      for (const ours of ['out@example.test', 'loop@example.test', 'a@group.test'])
        expect(await smtp.smtp(`RCPT TO:<${ours}>`)).toMatch(/^(?:250|4|5)/);
    }
    await smtp.smtp('DATA');
    smtp.send('Subject: x\r\n\r\nHello.');
    expect(await smtp.smtp('.')).toMatch(/^(?:250 2\.0\.0|5\d\d 5\.4\.6|451)/);
    smtp.close();
    expect((await finish(['status', '--data', server.folders.data, '--json'])).code).toBe(0);
  });

  it('trusted clients and logged-in clients may send anywhere', async () => {
    const near = await session('127.0.0.1');
    await near.smtp('MAIL FROM:<maomao@example.test>');
    expect(await near.smtp('RCPT TO:<x@elsewhere.test>')).toMatch(answerTo(trusted));
    near.close();
    const far = await LineClient.connect({ host: '127.0.0.1', port: 465 + offset, tls: true, localAddress: STRANGER });
    await far.smtp();
    await far.smtp('EHLO client.example');
    await far.smtp(`AUTH PLAIN ${Buffer.from('\0maomao\0maomao').toString('base64')}`);
    await far.smtp('MAIL FROM:<maomao@example.test>');
    expect(await far.smtp('RCPT TO:<x@elsewhere.test>')).toMatch(answerTo(loggedIn));
    far.close();
  });
});

/** The replies to RCPT and to DATA for a client at this address; undefined if the dialog ended before. */
async function send(
  port: number,
  localAddress: string,
): Promise<{ readonly rcpt: string; readonly data: string } | undefined> {
  const client = await LineClient.connect({ host: '127.0.0.1', port, localAddress });
  try {
    for (const command of [null, `EHLO ${HELO}`, `MAIL FROM:<${SENDER}>`]) {
      if (!(await client.smtp(command ?? undefined)).startsWith('2')) return undefined;
    }
    return { rcpt: await client.smtp(`RCPT TO:<${RECIPIENT}>`), data: await client.smtp('DATA') };
  } catch {
    return undefined;
  } finally {
    client.close();
  }
}

describe('random configurations', () => {
  let inProcess: RelayHouse;
  beforeAll(async () => {
    inProcess = await openRelayHouse(PLUGIN);
  });
  afterAll(() => inProcess.close());

  it("a stranger's mail to other domains is accepted only if startup printed the rule that allows it", async () => {
    const seen = { refusedStarts: 0, relayed: 0, refused: 0, trusted: 0 };
    await fc.assert(
      fc.asyncProperty(configuration, async (c) => {
        shared.posthornChaos = c.chaos;
        const start = await inProcess.become(
          [
            'myhostname = mail.ours.test',
            'mydestination = ours.test',
            'inet_interfaces = all',
            'inet_protocols = ipv4',
            'alias_maps =',
            'smtpd_peername_lookup = no',
            `mynetworks = ${c.networks[0]}`,
            'smtpd_restriction_classes = one two',
            `one = ${c.one.join(', ')}`,
            `two = ${c.two.join(', ')}`,
            `smtpd_relay_restrictions = ${c.relay.join(', ')}`,
            `smtpd_recipient_restrictions = ${c.recipient.join(', ')}`,
            `smtpd_relay_before_recipient_restrictions = ${c.relayFirst ? 'yes' : 'no'}`,
            `smtpd_delay_reject = ${c.delayed ? 'yes' : 'no'}`,
            '',
          ].join('\n'),
        );
        if ('faults' in start) {
          seen.refusedStarts += 1;
          return;
        }
        // A configuration that trusts everyone never starts.
        expect(c.networks[1]).not.toBeNull();
        const printed = start.notes.join('\n');
        for (const [name, ip] of Object.entries(CLIENTS)) {
          const trusted = (c.networks[1] as readonly string[] | null)?.includes(name) ?? false;
          const client: ModelClient = { ip, sender: SENDER, helo: HELO, recipient: RECIPIENT, trusted };
          const classes = { one: c.one, two: c.two };
          const lists = [c.relay, c.recipient].map((words) => decide(words, client, classes));
          const answers = await send(inProcess.port, ip);
          const taken = answers?.rcpt.startsWith('2') === true;
          if (answers !== undefined && !taken) expect(answers.data).toMatch(/^[45]/);
          const meddled = Object.values(c.chaos).some((answer) => answer !== 'next');
          if (!taken) {
            seen.refused += 1;
            // The printed rules also work: a client that all lists permit is not refused.
            const passes = lists.every(({ kind }) => kind !== 'reject') && lists.some(({ kind }) => kind === 'permit');
            if (!meddled) expect({ name, passes }).toEqual({ name, passes: false });
            continue;
          }
          if (trusted) {
            seen.trusted += 1;
            continue;
          }
          seen.relayed += 1;
          expect({ name, rejects: lists.some(({ kind }) => kind === 'reject') }).toEqual({ name, rejects: false });
          const rules = lists.flatMap((decision) => (decision.kind === 'permit' ? [decision.rule] : []));
          const allowed = rules.filter((rule) =>
            printed.includes(`lets these relay besides mynetworks and logged-in clients: ${rule} (`),
          );
          expect({ name, printed: allowed.length > 0 }, printed).toEqual({ name, printed: true });
        }
      }),
      { numRuns: 250, interruptAfterTimeLimit: 15_000 },
    );
    // The random cases are meaningful: every kind occurred.
    for (const [kind, count] of Object.entries(seen)) expect({ kind, some: count > 0 }).toEqual({ kind, some: true });
  }, 60_000);
});
