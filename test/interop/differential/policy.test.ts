/** One policy service asked by a real Postfix and by ours: how long both use a connection, and its settings in `{ }`. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LoopbackServer, openLoopback } from '../../kit/loopback.ts';
import { EHLO, MAIL, RCPT } from './cases.ts';
import { type Sides, startSides } from './sides.ts';

const SERVICES = ['endless', 'limited', 'own', 'absent'];

let policy: LoopbackServer;
let sides: Sides;

/** Refuses with the number of the query on its connection, and of the connections from the same service so far. */
function openPolicyService(): Promise<LoopbackServer> {
  const connections = new Map<string, number>();
  return openLoopback((socket) => {
    let queries = 0;
    socket.on('error', () => {});
    socket.on('data', (query: Buffer) => {
      const port = /^server_port=(\d+)$/m.exec(query.toString())?.[1] ?? '';
      queries += 1;
      if (queries === 1) connections.set(port, (connections.get(port) ?? 0) + 1);
      socket.write(`action=REJECT query ${queries} of connection ${connections.get(port)}\n\n`);
    });
  });
}

beforeAll(async () => {
  policy = await openPolicyService();
  const at = `inet:127.0.0.1:${policy.port}`;
  const rule = (service: string): string => `smtpd_recipient_restrictions = check_policy_service ${service}`;
  sides = await startSides({
    name: 'policy services',
    main: [rule(at), 'smtpd_policy_service_try_limit = 1'],
    services: {
      endless: [],
      limited: ['smtpd_policy_service_request_limit = 2'],
      own: ['smtpd_policy_service_request_limit = 2', rule(`{ ${at}, request_limit=3, max_idle=5m, max_ttl=1h }`)],
      absent: [rule('{ inet:127.0.0.1:9, { default_action = 450 4.7.1 come, later }, try_limit=1 }')],
    },
  });
});
afterAll(async () => {
  await sides?.stop();
  await policy?.close();
});

describe('P7: check_policy_service', () => {
  it.each(SERVICES)('%s: the same connections, the same answers', async (service) => {
    const { ours, theirs } = await sides.play({ service, says: [EHLO, MAIL, RCPT, RCPT, RCPT, RCPT, RCPT, 'QUIT'] });
    expect(ours).toEqual(theirs);
    expect(new Set(theirs).size).toBe(service === 'absent' ? 5 : 9);
  });
});
