/**
 * Debian's HAProxy in front of Posthorn: every kind of port, both versions of the header, health checks; and the
 * configuration of docker/ in front of two servers, one of which goes away and comes back.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { LineClient } from '../../src/lab/line-client.ts';
import { ROOT, textOf } from '../docs/project.ts';
import { ImapClient } from '../kit/imap-client.ts';
import { jsonLines } from '../kit/json-lines.ts';
import { freeOffset } from '../kit/ports.ts';
import { startServer, type TestServer } from '../kit/server.ts';
import { type Haproxy, startHaproxy } from './haproxy.ts';
import { account, DOMAIN, type House, MAIL_HOST, PASSWORD, startInteropHouse } from './house.ts';
import { freePort, ran, run, until } from './program.ts';

const USER = account('maomao');
/** Neither the balancer's nor the server's. */
const CLIENT = '127.0.0.77';

interface Entry {
  readonly level: string;
  readonly msg: string;
}
const logOf = (server: TestServer): Entry[] => jsonLines<Entry>(join(server.folders.data, 'log', 'mail.jsonl'));
const logged = (server: TestServer, pattern: RegExp): Promise<void> =>
  until(String(pattern), async () => logOf(server).some(({ msg }) => pattern.test(msg)));

const client = (port: number, tls = false): Promise<LineClient> =>
  LineClient.connect({ host: '127.0.0.1', port, tls, localAddress: CLIENT, timeoutMs: 20_000 });

async function logInByImap(port: number, tls: boolean): Promise<LineClient> {
  const imap = await client(port, tls);
  await imap.line();
  expect((await imap.imap('a', `LOGIN ${USER} "${PASSWORD}"`)).at(-1)).toMatch(/^a OK/);
  return imap;
}

async function deliver(port: number, subject: string): Promise<void> {
  const smtp = await client(port);
  await smtp.smtp();
  for (const command of ['EHLO client.example', 'MAIL FROM:<a@example.org>', `RCPT TO:<${USER}>`, 'DATA'])
    expect(await smtp.smtp(command)).toMatch(/^[23]/);
  expect(await smtp.smtp(`Subject: ${subject}\r\n\r\nText.\r\n.`)).toMatch(/^250 2\.0\.0 /);
  smtp.close();
}

describe.each(['send-proxy', 'send-proxy-v2'])('P21: HAProxy with %s', (option) => {
  const PORTS = [25, 110, 143, 465, 993, 995];
  let house: House;
  let haproxy: Haproxy;
  const balanced = new Map<number, number>();
  const port = (wellKnown: number): number => balanced.get(wellKnown) ?? 0;

  beforeAll(async () => {
    const listener = (name: string): string => `  inet_listener ${name} {\n    haproxy = yes\n  }\n`;
    house = await startInteropHouse({
      main: ['smtpd_upstream_proxy_protocol = haproxy'],
      files: {
        'dovecot.conf': `protocols = imap pop3\nhaproxy_trusted_networks = 127.0.0.1\ndisable_plaintext_auth = no
service imap-login {\n${listener('imap')}${listener('imaps')}}\nservice pop3-login {\n${listener('pop3')}${listener('pop3s')}}\n`,
      },
    });
    for (const wellKnown of PORTS) balanced.set(wellKnown, await freePort());
    // Two kinds of health check, often: with the header, as HAProxy does by itself, and a bare connection.
    const sections = PORTS.map(
      (wellKnown) => `listen p${wellKnown}
  bind 127.0.0.1:${port(wellKnown)}
  server one 127.0.0.1:${house.port(wellKnown)} ${option} check inter 100
  server bare 127.0.0.1:${house.port(wellKnown)} ${option} backup check inter 100 port ${house.port(wellKnown)}
`,
    );
    haproxy = await startHaproxy(
      `global\n  log stdout format raw local0 notice\ndefaults\n  mode tcp\n  log global\n  timeout connect 5s\n  timeout client 1m\n  timeout server 1m\n${sections.join('')}`,
      port(25),
    );
  }, 60_000);
  afterAll(async () => {
    await haproxy?.stop();
    await house?.stop();
  });

  it('SMTP: the client is in the log and in Received:', async () => {
    await deliver(port(25), 'balanced');
    await logged(house, /^\w+: client=unknown\[127\.0\.0\.77\]$/);
    const imap = await logInByImap(port(143), false);
    await imap.imap('b', 'SELECT INBOX');
    expect((await imap.imap('c', 'FETCH * BODY.PEEK[HEADER]')).join('\n')).toContain(
      'Received: from client.example (unknown [127.0.0.77])',
    );
    imap.close();
  });

  it('SMTP over TLS: a client logs in and is named', async () => {
    const smtp = await client(port(465), true);
    await smtp.smtp();
    await smtp.smtp('EHLO client.example');
    expect(await smtp.smtp(`AUTH PLAIN ${Buffer.from(`\0${USER}\0${PASSWORD}`).toString('base64')}`)).toMatch(/^235 /);
    await logged(house, /^connect from unknown\[127\.0\.0\.77\]$/);
    smtp.close();
  });

  it('IMAP and POP3, with TLS and without: a client logs in and is named', async () => {
    for (const [wellKnown, tls] of [
      [143, false],
      [993, true],
    ] as const)
      (await logInByImap(port(wellKnown), tls)).close();
    for (const [wellKnown, tls] of [
      [110, false],
      [995, true],
    ] as const) {
      const pop3 = await client(port(wellKnown), tls);
      await pop3.line();
      pop3.send(`USER ${USER}`);
      await pop3.line();
      pop3.send(`PASS ${PASSWORD}`);
      expect(await pop3.line()).toMatch(/^\+OK/);
      pop3.close();
    }
    const logins = (): number =>
      logOf(house).filter(({ msg }) => /^Login: .* rip=127\.0\.0\.77, lip=127\.0\.0\.1/.test(msg)).length;
    await until('five logins', async () => logins() >= 5);
  });

  it('health checks find every port, and leave no warnings', async () => {
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(haproxy.said()).not.toMatch(/is DOWN/);
    expect(logOf(house).filter(({ level }) => level !== 'info')).toEqual([]);
  });
});

describe('docker/haproxy.cfg', () => {
  const text = textOf('docker/haproxy.cfg');
  const PORTS = [25, 110, 143, 465, 587, 993, 995];
  const servers: TestServer[] = [];
  const offsets: number[] = [];
  let base = 0;
  let health = 0;
  let haproxy: Haproxy;
  const port = (wellKnown: number): number => base + wellKnown;

  /** What both containers mount, on this machine and without the shared store. */
  const files = {
    'main.cf': [
      textOf('docker/cluster/main.cf').replace(/^(?:mail_store|mail_owner) = .*\n/gm, ''),
      `myhostname = ${MAIL_HOST}`,
      `mydomain = ${DOMAIN}`,
      'inet_interfaces = 127.0.0.1',
      'inet_protocols = ipv4',
      'smtpd_peername_lookup = no',
      'relayhost = [127.0.0.1]:9',
      '',
    ].join('\n'),
    'dovecot.conf': textOf('docker/cluster/dovecot.conf').replace(
      /^haproxy_trusted_networks = .*$/m,
      'haproxy_trusted_networks = 127.0.0.1',
    ),
  };
  const start = (index: number, folders?: TestServer['folders']): Promise<TestServer> =>
    startServer({
      files,
      portOffset: offsets[index] ?? 0,
      ...(folders === undefined ? { accounts: { [USER]: PASSWORD } } : { folders }),
    });

  /** Open sessions of each server. */
  const sessions = (): Promise<number[]> =>
    Promise.all(
      servers.map(async (server) => {
        const status = JSON.parse(await server.command(['status', '--json'])) as { connections: number };
        return status.connections;
      }),
    );

  /** The health check of the container, as in the compose file. */
  async function isHealthy(): Promise<boolean> {
    const { services } = parse(textOf('docker/compose.mongodb.yaml'), { merge: true }) as {
      services: { balancer: { healthcheck: { test: string[] } } };
    };
    const [, program = '', ...args] = services.balancer.healthcheck.test;
    return (
      (
        await run(
          program,
          args.map((arg) => arg.replace('8404', String(health))),
        )
      ).code === 0
    );
  }

  beforeAll(async () => {
    for (const index of [0, 1]) {
      offsets.push(await freeOffset());
      servers.push(await start(index));
    }
    base = await freeOffset();
    health = await freePort();
    const here = text
      .replace(/bind :(\d+)/g, (_bind, wellKnown) => `bind 127.0.0.1:${port(Number(wellKnown))}`)
      .replace('127.0.0.1:8404', `127.0.0.1:${health}`)
      .replace(
        /172\.30\.25\.1([12]):(\d+)/g,
        (_address, number, wellKnown) => `127.0.0.1:${(offsets[Number(number) - 1] ?? 0) + Number(wellKnown)}`,
      );
    haproxy = await startHaproxy(here, port(25));
  }, 60_000);
  afterAll(async () => {
    await haproxy?.stop();
    for (const server of servers) {
      server.signal('SIGCONT');
      await server.stop();
    }
  });

  it('is valid as it is', async () => {
    await ran('haproxy', ['-c', '-f', join(ROOT, 'docker/haproxy.cfg')]);
  });

  it('serves every port, and both servers get clients', async () => {
    expect(await isHealthy()).toBe(true);
    await deliver(port(25), 'through the balancer');
    const open: LineClient[] = [];
    for (const wellKnown of PORTS) {
      const one = await client(port(wellKnown), [465, 993, 995].includes(wellKnown));
      expect(await one.line()).toMatch(/^(?:220 |\* OK |\+OK )/);
      open.push(one);
    }
    open.push(await logInByImap(port(993), true), await logInByImap(port(993), true));
    const counts = await sessions();
    expect(Math.min(...counts)).toBeGreaterThan(0);
    for (const one of open) one.close();
    // Lines are written some at a time.
    await until('both logins in the logs', async () => {
      const said = servers.flatMap((server) => logOf(server).map(({ msg }) => msg));
      return said.filter((msg) => /^Login: .* rip=127\.0\.0\.77, lip=127\.0\.0\.1, TLS/.test(msg)).length === 2;
    });
  });

  it('sends new clients to the other server while one is stopped, and comes back to it', async () => {
    const [first] = servers;
    if (first === undefined) throw new Error('no server');
    const { folders } = first;
    await first.stop({ keep: true });
    for (let n = 0; n < 6; n += 1) (await logInByImap(port(993), true)).close();
    await deliver(port(25), 'by the other one');
    expect(await isHealthy()).toBe(true);
    await until('the balancer to see it', async () => /Server imap\/one is DOWN/.test(haproxy.said()));
    const back = await start(0, folders);
    servers[0] = back;
    const before = logOf(back).length;
    await until('the first server to be used again', async () => {
      (await logInByImap(port(993), true)).close();
      return logOf(back)
        .slice(before)
        .some(({ msg }) => msg.startsWith('Login: '));
    });
    expect(haproxy.said()).toMatch(/Server imap\/one is UP/);
  });

  it('takes the clients of a server that stands still to the other one', async () => {
    const [first] = servers;
    const held: ImapClient[] = [];
    for (let n = 0; n < 4; n += 1) {
      const socket = connect({ host: '127.0.0.1', port: port(143) });
      await once(socket, 'connect');
      const imap = new ImapClient(socket);
      await imap.line();
      held.push(imap);
    }
    first?.signal('SIGSTOP');
    // Those of the other server stay.
    await Promise.race(held.map((imap) => imap.rest()));
    for (let n = 0; n < 3; n += 1) (await logInByImap(port(993), true)).close();
    expect(haproxy.said()).toMatch(/Server (?:imap|smtp)\/one is DOWN/);
    first?.signal('SIGCONT');
    for (const imap of held) imap.destroy();
  });

  it('leaves no warnings in the logs of the servers', () => {
    expect(servers.flatMap(logOf).filter(({ level }) => level !== 'info')).toEqual([]);
  });

  it('is not healthy without any server', async () => {
    for (const server of servers) await server.stop({ keep: true });
    await until('the health check to fail', async () => !(await isHealthy()));
  });
});
