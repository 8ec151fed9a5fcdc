/**
 * What main.cf changes in a session: AUTH, time limits, the client's port in the log. What can be compared with a real
 * Postfix is in test/interop/differential/session-rules.ts.
 */
import { describe, expect, it } from 'vitest';
import { withinDeadline } from '../../../src/server/smtp/body-deadline.ts';
import { clientRights } from '../../../src/server/smtp/client-rights.ts';
import { parametersOf } from '../../kit/parameters.ts';
import { openTables } from '../../kit/tables.ts';
import { clientForTest, type HouseOptions, houseForTest } from './house.ts';

const withRights = (parameters: Readonly<Record<string, string>>): HouseOptions => ({
  parameters,
  server: { rightsOf: clientRights(parametersOf(parameters), openTables().tables) },
});

async function greeted(options: HouseOptions) {
  const house = await houseForTest(options);
  const client = await clientForTest(house);
  await client.reply();
  return { house, client, ehlo: await client.say('EHLO c.example') };
}

describe('S1: what is said of AUTH', () => {
  it('smtpd_sasl_exceptions_networks: these clients are not told of it, and may use it', async () => {
    const { client, ehlo } = await greeted(withRights({ smtpd_sasl_exceptions_networks: '127.0.0.0/8' }));
    expect(ehlo).not.toContain('AUTH');
    expect(await client.say('AUTH PLAIN AG1hb21hbwBtYW9tYW8=')).toMatch(/^235 /);
    const other = await greeted(withRights({ smtpd_sasl_exceptions_networks: '!127.0.0.1, 0.0.0.0/0' }));
    expect(other.ehlo).toContain('AUTH');
  });

  it.each([
    ['!login, static:rest', 'AUTH PLAIN'],
    ['LOGIN', 'AUTH LOGIN'],
    ['plain, login', 'AUTH PLAIN LOGIN'],
    ['!external, static:rest', 'AUTH PLAIN LOGIN'],
    ['', 'AUTH PLAIN LOGIN'],
  ])('smtpd_sasl_mechanism_filter = %s: which mechanisms are announced', async (smtpd_sasl_mechanism_filter, line) => {
    const { ehlo } = await greeted(withRights({ smtpd_sasl_mechanism_filter }));
    expect(ehlo.split('\n').map((one) => one.slice(4).trim())).toContain(line);
  });

  it('smtpd_sasl_response_limit: a longer response is refused, and the session goes on', async () => {
    const { client } = await greeted({ parameters: { smtpd_sasl_response_limit: '13000' } });
    await client.say('AUTH PLAIN');
    expect(await client.say('A'.repeat(12_900))).toMatch(/^535 /);
    await client.say('AUTH PLAIN');
    expect(await client.say('A'.repeat(13_100))).toBe('500 5.5.6 SASL response limit exceeded');
    expect(await client.say('NOOP')).toBe('250 2.0.0 Ok');
    expect(await client.say('N'.repeat(13_100))).toBe('500 5.5.2 Error: line too long');
  });
});

describe('P8: time limits', () => {
  const slowly = (pieces: readonly string[], ms: number) => {
    const rest = [...pieces];
    return {
      unread: () => {},
      readChunk: async () => {
        await new Promise((resolve) => setTimeout(resolve, ms));
        const next = rest.shift();
        return next === undefined ? null : Buffer.from(next);
      },
    };
  };

  async function lateness(pieces: readonly string[], rate: number): Promise<number> {
    let late = 0;
    const input = withinDeadline(slowly(pieces, 20), { most: 50, rate }, () => {
      late += 1;
    });
    for (let chunk = await input.readChunk(); chunk !== null; chunk = await input.readChunk());
    return late;
  }

  it('smtpd_per_request_deadline: a message that trickles is late, one that comes fast enough is not', async () => {
    expect(
      await lateness(
        Array.from({ length: 12 }, () => 'x'),
        500,
      ),
    ).toBeGreaterThan(0);
    expect(
      await lateness(
        Array.from({ length: 12 }, () => 'x'.repeat(1000)),
        500,
      ),
    ).toBe(0);
  });
});

it('P19: smtpd_client_port_logging adds the port of the client to its name', async () => {
  const { house, client } = await greeted({ parameters: { smtpd_client_port_logging: 'yes' } });
  await client.say('QUIT');
  expect(house.log[0]).toMatch(/^connect from unknown\[127\.0\.0\.1\]:\d+$/);
});
