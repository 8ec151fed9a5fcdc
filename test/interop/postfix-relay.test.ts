/**
 * Who may relay, list by list, compared with a real Postfix: each list is an smtpd service of both master.cf files, and
 * 127.0.0.x addresses are trusted clients, friends and strangers. If Postfix does not serve (its fatal: no working
 * instance of …), ours does not start; if Postfix relays for everyone, ours does not start either.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { openRelayHouse, type RelayHouse } from '../stack/relay-house.ts';
import { type Postfix, startPostfix } from './postfix.ts';
import { freePort } from './program.ts';

const CLIENTS = { trusted: '127.0.0.1', friend: '127.0.0.2', stranger: '127.0.0.3' } as const;
const ACCESS = 'check_client_access inline:{127.0.0.2=OK}';
const CLASSES = ['smtpd_restriction_classes = own all', 'own = reject_unauth_destination', 'all = permit'];

/** `fatal`: Postfix does not serve. `open`: it relays for everyone. Both are faults here. */
type Verdict = 'same' | 'fatal' | 'open';

/** Relay list, recipient list, and how ours compares. */
const LISTS: readonly (readonly [relay: string, recipient: string, verdict: Verdict])[] = [
  ['permit_mynetworks, reject_unauth_destination', '', 'same'],
  ['permit_mynetworks, defer_unauth_destination', '', 'same'],
  ['PERMIT_MYNETWORKS, REJECT_UNAUTH_DESTINATION', '', 'same'],
  ['', 'permit_mynetworks, reject_unauth_destination', 'same'],
  ['permit', 'permit_mynetworks, reject_unauth_destination', 'same'],
  ['permit_mynetworks, reject_unauth_destination', 'permit', 'same'],
  ['permit_mynetworks', 'reject_unauth_destination', 'same'],
  ['permit_mynetworks', 'permit_mynetworks, reject', 'same'],
  [`${ACCESS}, permit_mynetworks, reject_unauth_destination`, '', 'same'],
  [`${ACCESS}, reject_unauth_destination`, 'permit_mynetworks, reject_unauth_destination', 'same'],
  ['permit_mynetworks, reject_unauth_destination', `${ACCESS}, reject_unauth_destination`, 'same'],
  ['check_client_access inline:{127.0.0.2=RELAY}, reject_unauth_destination', '', 'same'],
  ['check_client_access inline:{127.0.0.2=1234}, reject_unauth_destination', '', 'same'],
  ['check_client_access inline:{127.0.0.2=all}, reject_unauth_destination', '', 'same'],
  ['check_client_access inline:{127.0.0.2=DISCARD}, reject_unauth_destination', '', 'same'],
  ['check_recipient_access inline:{far.test=OK}, reject_unauth_destination', '', 'same'],
  ['inline:{far.test=OK}, reject_unauth_destination', '', 'same'],
  ['check_sender_access inline:{evil.test=OK}, reject_unauth_destination', '', 'same'],
  ['check_helo_access inline:{client.example=OK}, reject_unauth_destination', '', 'same'],
  ['check_reverse_client_hostname_access inline:{unknown=OK}, reject_unauth_destination', '', 'same'],
  ['permit_mynetworks, own', '', 'same'],
  ['permit_mynetworks, check_relay_domains', '', 'same'],
  ['permit_mx_backup, permit_naked_ip_address, permit_mynetworks, reject', '', 'same'],
  ['permit_auth_destination, permit_mynetworks, reject', '', 'same'],
  ['defer_if_permit, permit', '', 'same'],
  ['warn_if_reject reject_unauth_destination, permit_mynetworks, reject_unauth_destination', '', 'same'],
  ['permit', '', 'fatal'],
  ['permit, reject_unauth_destination', '', 'fatal'],
  ['permit_mynetworks, check_client_access static:OK', '', 'fatal'],
  ['permit_mynetworks, check_recipient_access inline:{far.test=OK}', '', 'fatal'],
  ['', 'permit', 'fatal'],
  ['', '', 'fatal'],
  ['warn_if_reject reject_unauth_destination', '', 'fatal'],
  ['permit_mynetworks, defer_if_reject', '', 'fatal'],
  ['check_client_access static:OK, reject_unauth_destination', '', 'open'],
  ['all, reject_unauth_destination', '', 'open'],
];

const MAIN = [
  'myhostname = mail.ours.test',
  'mydestination = ours.test',
  'mynetworks = 127.0.0.1/32',
  'smtpd_peername_lookup = no',
  ...CLASSES,
];

let postfix: Postfix;
let ours: RelayHouse;
const ports: number[] = [];
beforeAll(async () => {
  while (ports.length < LISTS.length) {
    const port = await freePort();
    if (!ports.includes(port)) ports.push(port);
  }
  postfix = await startPostfix({
    main: [
      ...MAIN,
      'default_transport = discard',
      'smtpd_recipient_restrictions =',
      'smtpd_relay_restrictions = reject',
    ],
    services: LISTS.map(
      ([relay, recipient], i) =>
        `127.0.0.1:${ports[i]} inet n - n - - smtpd\n  -o { smtpd_relay_restrictions = ${relay} }\n  -o { smtpd_recipient_restrictions = ${recipient} }`,
    ),
  });
  ours = await openRelayHouse(
    "import { definePlugin } from 'posthorn/plugin';\nexport default definePlugin({ name: 'chaos', register() {} });\n",
  );
});
afterAll(async () => {
  await postfix?.stop();
  await ours?.close();
});

/** The code and class of the reply to RCPT; `no service` if there is no greeting. */
async function rcpt(port: number, localAddress: string): Promise<string> {
  const client = await LineClient.connect({ host: '127.0.0.1', port, localAddress, timeoutMs: 20_000 });
  try {
    await client.smtp();
    await client.smtp('EHLO client.example');
    await client.smtp('MAIL FROM:<a@evil.test>');
    const [code, enhanced] = (await client.smtp('RCPT TO:<x@far.test>')).split(' ');
    return `${code} ${enhanced}`;
  } finally {
    client.close();
  }
}

const NOBODY = { trusted: 'no service', friend: 'no service', stranger: 'no service' };

describe('who may relay, as in Postfix', () => {
  it.each(LISTS.map(([relay, recipient, verdict], i) => [i, relay, recipient, verdict] as const))(
    '%i: relay list "%s", recipient list "%s"',
    async (i, relay, recipient, verdict) => {
      const start = await ours.become(
        [
          ...MAIN,
          'compatibility_level = 3.6',
          'inet_protocols = ipv4',
          `smtpd_relay_restrictions = ${relay}`,
          `smtpd_recipient_restrictions = ${recipient}`,
          '',
        ].join('\n'),
      );
      const theirs =
        verdict === 'fatal'
          ? NOBODY
          : Object.fromEntries(
              await Promise.all(
                Object.entries(CLIENTS).map(async ([name, ip]) => [name, await rcpt(ports[i] ?? 0, ip)]),
              ),
            );
      if (verdict === 'open') {
        expect(theirs).toEqual({ trusted: '250 2.1.5', friend: '250 2.1.5', stranger: '250 2.1.5' });
        expect(start).toEqual({ faults: expect.stringMatching(/lets everybody relay/) });
        return;
      }
      const mine =
        'faults' in start
          ? NOBODY
          : Object.fromEntries(
              await Promise.all(Object.entries(CLIENTS).map(async ([name, ip]) => [name, await rcpt(ours.port, ip)])),
            );
      expect(mine).toEqual(theirs);
    },
  );

  it('Postfix does not serve if no list has a working instance', async () => {
    const fatal = ports.filter((_port, i) => LISTS[i]?.[2] === 'fatal');
    const greeted = await Promise.all(
      fatal.map(async (port) => {
        const client = await LineClient.connect({ host: '127.0.0.1', port, timeoutMs: 4_000 });
        const line = await client.smtp().catch(() => 'no service');
        client.close();
        return line;
      }),
    );
    expect(greeted).toEqual(fatal.map(() => 'no service'));
    expect(postfix.said()).toMatch(
      /fatal: in parameter smtpd_relay_restrictions or smtpd_recipient_restrictions, specify at least one working instance of: /,
    );
  });
});
