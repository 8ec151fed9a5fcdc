/**
 * What startup reports about relaying: every rule with its place, once for all services that share it, or a refusal.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRelayHouse, type RelayHouse } from '../stack/relay-house.ts';

const PLUGIN = `import { definePlugin } from 'posthorn/plugin';
export default definePlugin({ name: 'chaos', register(server) {
  server.defineRestriction('friends_of', { takesArgument: true, check: () => ({ kind: 'dunno' }) });
} });
`;
const MASTER = `smtp inet n - n - - smtpd
submission inet n - n - - smtpd
2525 inet n - n - - smtpd
  -o smtpd_relay_restrictions=check_client_access,inline:{192.0.2.9=OK},reject
  -o smtpd_recipient_restrictions=
`;

let house: RelayHouse;
beforeAll(async () => {
  house = await openRelayHouse(PLUGIN, MASTER);
});
afterAll(() => house.close());

const HEAD = 'myhostname = mail.ours.test\nalias_maps =\nmynetworks = 127.0.0.0/8\n';
const short = (text: string): string => text.replaceAll(`${house.config}/`, '');

/** The messages about relaying. */
async function said(more: string): Promise<string[]> {
  const start = await house.become(HEAD + more);
  if ('faults' in start) return short(start.faults).split('\n');
  return start.notes
    .map(short)
    .filter((line) => /relay|mynetworks/.test(line.replace(/smtpd_relay_restrictions/g, '')));
}

/** For the third service, in every start here. */
const OWN_LIST =
  'warning: master.cf:4: smtpd_relay_restrictions: lets these relay besides mynetworks and logged-in clients: check_client_access inline:{192.0.2.9=OK} (192.0.2.9)';

describe('a start', () => {
  it('with neither list in main.cf reports once who relays, and the line to add', async () => {
    expect(await said('')).toEqual([
      'warning: main.cf: smtpd_relay_restrictions or smtpd_recipient_restrictions: not set: mynetworks and logged-in clients may relay, strangers are refused; to make this explicit, add the line: smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination',
      OWN_LIST,
    ]);
  });

  it('lists each rule by which strangers relay with the line of its item, also a plugin restriction with its argument', async () => {
    expect(
      await said(`smtpd_relay_restrictions = permit_mynetworks,
  check_client_access inline:{192.0.2.7=OK},
  friends_of reject, check_policy_service inet:127.0.0.1:9,
  reject_unauth_destination
`),
    ).toEqual([
      'warning: main.cf:5: smtpd_relay_restrictions: lets these relay besides mynetworks and logged-in clients: check_client_access inline:{192.0.2.7=OK} (192.0.2.7)',
      "warning: main.cf:6: smtpd_relay_restrictions: lets these relay besides mynetworks and logged-in clients: friends_of reject (clients that a plugin's restriction permits)",
      'warning: main.cf:6: smtpd_relay_restrictions: lets these relay besides mynetworks and logged-in clients: check_policy_service inet:127.0.0.1:9 (clients that the policy service permits)',
      OWN_LIST,
    ]);
  });

  it('reports nothing if all lists refuse strangers', async () => {
    expect(
      await said(
        'smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination\nsmtpd_recipient_restrictions = permit\n',
      ),
    ).toEqual([OWN_LIST]);
  });

  it('refuses a main.cf by which everyone relays, once for all services that share it', async () => {
    expect(
      await said('smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = permit_mynetworks,\n  permit\n'),
    ).toEqual([
      'main.cf:6: smtpd_recipient_restrictions: "permit" lets everybody relay, and nothing refuses them; write instead: smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination',
    ]);
    expect(await said('smtpd_relay_restrictions = friends_of reject\n')).toEqual([
      expect.stringMatching(
        /^main\.cf:4: smtpd_relay_restrictions or smtpd_recipient_restrictions: specify at least one working instance of: reject_unauth_destination, .*; add the line: smtpd_relay_restrictions = /,
      ),
    ]);
    expect(await said('mynetworks = 127.0.0.0/8, 0.0.0.0/0\n')).toEqual([
      expect.stringMatching(/^main\.cf:4: mynetworks: "0\.0\.0\.0\/0" matches everyone/),
    ]);
  });

  it('reports that words after permit are never evaluated', async () => {
    expect(
      await said(
        'smtpd_relay_restrictions = permit, reject\nsmtpd_recipient_restrictions = reject_unauth_destination\n',
      ),
    ).toEqual([OWN_LIST]);
    const start = await house.become(
      `${HEAD}smtpd_relay_restrictions = permit, reject\nsmtpd_recipient_restrictions = reject_unauth_destination\n`,
    );
    expect('notes' in start && start.notes.map(short)).toContain(
      'warning: main.cf:4: smtpd_relay_restrictions: "reject" stands after "permit": it is never reached',
    );
  });
});
