import { afterEach, describe, expect, it, vi } from 'vitest';
import { parsePolicyService } from '../../src/lookup/policy-service.ts';
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

async function open(
  policy: string,
  parameters: Record<string, string> = {},
  clock: () => number = Date.now,
): Promise<TestHouse> {
  const settings = {
    smtpd_policy_service_retry_delay: '0s',
    ...parameters,
    smtpd_recipient_restrictions: `check_policy_service ${policy}, reject_unauth_destination`,
  };
  const house = await openHouse({ plugins: ['restrictions'], accounts: ['u'], parameters: settings, clock });
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

  it.each([
    ['request_limit', '', { smtpd_policy_service_request_limit: '2' }, 5, 0, 3],
    ['request_limit of its own', 'request_limit=1', { smtpd_policy_service_request_limit: '2' }, 3, 0, 3],
    ['max_ttl', '', { smtpd_policy_service_max_ttl: '10s' }, 5, 4, 2],
    ['max_ttl of its own', 'max_ttl=1m', { smtpd_policy_service_max_ttl: '1s' }, 5, 4, 1],
    ['no max_idle', 'max_idle=0', {}, 3, 0, 3],
  ])('%s bounds the life of a connection', async (_name, own, parameters, queries, seconds, connections) => {
    const policy = await service('DUNNO');
    let now = 1_000_000;
    const house = await open(`{ inet:127.0.0.1:${policy.port}, ${own} }`, parameters, () => now);
    for (let i = 0; i < queries; i += 1) {
      expect(await rcpt(house, u)).toBe('NEXT');
      now += seconds * 1000;
    }
    expect(policy.connections()).toBe(connections);
    expect(policy.requests).toHaveLength(queries);
  });

  it('a connection without a query is closed after max_idle, or max_ttl if that is sooner', async () => {
    const closed: Promise<unknown>[] = [];
    const server = await openLoopback((socket) => {
      closed.push(new Promise((resolve) => socket.once('close', resolve)));
      socket.on('error', () => {}).on('data', () => void socket.write('action=DUNNO\n\n'));
    });
    servers.push(server);
    for (const own of ['max_idle=20m, max_ttl=50m', 'max_idle=50m, max_ttl=20m']) {
      const house = await open(`{ inet:127.0.0.1:${server.port}, ${own} }`);
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      expect(await rcpt(house, u)).toBe('NEXT');
      await vi.advanceTimersByTimeAsync(19 * 60_000);
      expect(await rcpt(house, u)).toBe('NEXT');
      await vi.advanceTimersByTimeAsync(20 * 60_000);
      vi.useRealTimers();
      await closed.at(-1);
    }
    expect(closed).toHaveLength(2);
  });

  it.each([
    ['{ inet:127.0.0.1:9, max_idel=3s }', /"max_idel=3s": expected one of timeout, max_idle, .*, each as name=value/],
    ['{ inet:127.0.0.1:9, max_ttl=soon }', /"soon" is no value of max_ttl/],
    ['{ inet:127.0.0.1:9, try_limit=0 }', /"0" is no value of try_limit/],
    ['inet:127.0.0.1', /"inet:127.0.0.1": expected inet:host:port or unix:path/],
  ])('%s is no service', (argument, fault) => {
    expect(parsePolicyService(argument)).toMatch(fault);
  });

  it('a setting with blanks stands in braces', async () => {
    const policy = await service('HANG');
    const action = '{ default_action = REJECT { nobody there } }';
    const house = await open(`{ inet:127.0.0.1:${policy.port}, timeout=0s, ${action} }`);
    expect(await rcpt(house, u)).toBe('554 5.7.1 <u@baidu.com>: Recipient address rejected: { nobody there }');
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
