import { afterEach, describe, expect, it } from 'vitest';
import { openHouse, rcpt, type TestHouse } from '../../test/bus/house.ts';
import { type LoopbackServer, openLoopback } from '../../test/kit/loopback.ts';

const u = 'u@baidu.com';
const servers: LoopbackServer[] = [];
const houses: TestHouse[] = [];

afterEach(async () => {
  for (const house of houses.splice(0)) await house.bus.close();
  for (const server of servers.splice(0)) await server.close();
});

/** A policy service that answers each request with the next of these; `HANG` sends nothing, `CLOSE` disconnects. */
async function service(
  ...answers: readonly string[]
): Promise<{ readonly port: number; readonly requests: string[]; connections(): number }> {
  const requests: string[] = [];
  let connections = 0;
  const server = await openLoopback((socket) => {
    connections += 1;
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      const answer = answers[requests.push(chunk.toString()) - 1] ?? answers.at(-1) ?? 'HANG';
      if (answer === 'CLOSE') socket.destroy();
      else if (answer !== 'HANG') socket.write(answer.startsWith('raw ') ? answer.slice(4) : `action=${answer}\n\n`);
    });
  });
  servers.push(server);
  return { port: server.port, requests, connections: () => connections };
}

async function open(policy: string, parameters: Record<string, string> = {}): Promise<TestHouse> {
  const settings = {
    smtpd_policy_service_retry_delay: '0s',
    ...parameters,
    smtpd_recipient_restrictions: `check_policy_service ${policy}, reject_unauth_destination`,
  };
  const house = await openHouse({ plugins: ['restrictions'], accounts: ['u'], parameters: settings });
  houses.push(house);
  return house;
}

describe('P7: check_policy_service', () => {
  it.each([
    ['DUNNO', 'NEXT'],
    ['REJECT not you', '554 5.7.1 <u@baidu.com>: Recipient address rejected: not you'],
    ['DEFER_IF_PERMIT greylisted', '450 4.7.1 <u@baidu.com>: Recipient address rejected: greylisted'],
    ['451 4.7.1 later', '451 4.7.1 <u@baidu.com>: Recipient address rejected: later'],
    ['nonsense', '451 4.3.5 Server configuration error'],
  ])('action=%s: %s', async (action, answer) => {
    const { port } = await service(action);
    expect(await rcpt(await open(`inet:127.0.0.1:${port}`), u)).toBe(answer);
  });

  it('sends the session as attributes, none of which can add a line, over one persistent connection', async () => {
    const policy = await service('DUNNO');
    const house = await open(`inet:127.0.0.1:${policy.port}`);
    await rcpt(house, u, { helo: 'x\naction=OK' });
    await rcpt(house, u, { login: 'u', tls: true });
    expect(policy.connections()).toBe(1);
    const [first = '', second = ''] = policy.requests;
    expect(first).toContain(
      'request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=SMTP\nclient_address=127.0.1.77\nclient_name=unknown\n',
    );
    expect(first).toContain('helo_name=x?action=OK\nsender=a@qq.com\nrecipient=u@baidu.com\n');
    expect(first.endsWith('\n\n')).toBe(true);
    expect(second).toContain('sasl_method=PLAIN\nsasl_username=u\n');
    expect(second).toContain('encryption_protocol=TLSv1.3\n');
  });

  it('a connection closed by the service is opened again', async () => {
    const policy = await service('DUNNO', 'CLOSE', 'REJECT now');
    const house = await open(`inet:127.0.0.1:${policy.port}`);
    expect(await rcpt(house, u)).toBe('NEXT');
    expect(await rcpt(house, u)).toBe('554 5.7.1 <u@baidu.com>: Recipient address rejected: now');
  });

  it.each(['CLOSE', 'raw what?\n\n', `raw ${'x'.repeat(9000)}`])(
    'a service that answers %s is asked again, then the refusal is temporary',
    async (answer) => {
      const policy = await service(answer);
      const house = await open(`inet:127.0.0.1:${policy.port}`);
      expect(await rcpt(house, u)).toBe(
        '451 4.3.5 <u@baidu.com>: Recipient address rejected: Server configuration problem',
      );
      expect(policy.requests).toHaveLength(2);
      expect(house.lines).toHaveLength(2);
    },
  );

  it('a service that stops responding on an open connection is waited for once, not twice', async () => {
    const policy = await service('DUNNO', 'HANG');
    const house = await open(`{ inet:127.0.0.1:${policy.port}, timeout=1s, try_limit=1, default_action=DUNNO }`);
    await rcpt(house, u);
    expect(await rcpt(house, u)).toBe('NEXT');
    expect([policy.requests.length, policy.connections()]).toEqual([2, 1]);
  });

  it('a group has its own timeout and default action', async () => {
    const policy = await service('HANG');
    const house = await open(`{ inet:127.0.0.1:${policy.port}, timeout=0s, try_limit=1, default_action=DUNNO }`);
    expect(await rcpt(house, u)).toBe('NEXT');
  });
});
