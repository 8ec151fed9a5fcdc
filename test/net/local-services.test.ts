/** Programs started on demand for a connection (spawn(8)): they answer, die, hang, and are limited. */
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { LocalServices, type SpawnedProgram } from '../../src/net/local-services.ts';
import { openHouse, rcpt } from '../bus/house.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { recordLog } from '../kit/log.ts';
import { openLoopback } from '../kit/loopback.ts';

const folder = temporaryFolder('spawn');
afterAll(() => removeFolder(folder));

const { log, lines } = recordLog(({ message }) => message);
const open: LocalServices[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

/** A policy server in sh: an answer to each empty line. */
const server = (answer: string, after = ''): string =>
  `while read -r line; do if [ -z "$line" ]; then ${answer}; ${after} fi; done`;

function services(script: string, more: Partial<SpawnedProgram['command']> = {}, limit = 0): LocalServices {
  const command = {
    argv: ['/bin/sh', '-c', script],
    directory: folder,
    user: null,
    environment: { PATH: '/usr/bin:/bin' },
    timeLimit: 60_000,
    obstacle: null,
    ...more,
  };
  const made = new LocalServices({
    spawned: new Map([['policy', { limit, command }]]),
    socketPath: (path) => `${folder}/${path}`,
    log,
  });
  open.push(made);
  return made;
}

async function ask(local: LocalServices, times: number, path = 'private/policy'): Promise<string[]> {
  const house = await openHouse({
    plugins: ['restrictions'],
    accounts: ['u'],
    connectLocal: (at) => local.connect(at),
    parameters: {
      smtpd_policy_service_retry_delay: '0s',
      smtpd_policy_service_timeout: '1s',
      smtpd_recipient_restrictions: `check_policy_service unix:${path}, reject_unauth_destination`,
    },
  });
  const said: string[] = [];
  for (let i = 0; i < times; i += 1) said.push(await rcpt(house, 'u@baidu.com'));
  await house.bus.close();
  return said;
}

const REFUSED = '554 5.7.1 <u@baidu.com>: Recipient address rejected: no';
const BROKEN = '451 4.3.5 <u@baidu.com>: Recipient address rejected: Server configuration problem';

describe('P7: a spawn service of master.cf', () => {
  it('answers a policy query, one program for many queries', async () => {
    const script = server('n=$((n+1)); printf "action=REJECT %s\\n\\n" $n');
    expect(await ask(services(script), 3)).toEqual([1, 2, 3].map((n) => REFUSED.replace('no', String(n))));
  });

  it('P3: at an internet endpoint each client has a program of its own, and as many as its limit', async () => {
    const local = services('echo $$; while read -r line; do echo "heard $line"; done; echo over', {}, 2);
    const server = await openLoopback((socket) => local.serve('policy', socket));
    const clients = await Promise.all(
      [1, 2].map(() => LineClient.connect({ host: '127.0.0.1', port: server.port, timeoutMs: 5_000 })),
    );
    const [first = '', second = ''] = await Promise.all(clients.map((client) => client.line()));
    expect(Number(first)).toBeGreaterThan(1);
    expect(second).not.toBe(first);
    clients[0]?.send('hello');
    expect((await clients[0]?.line())?.trim()).toBe('heard hello');
    const third = await LineClient.connect({ host: '127.0.0.1', port: server.port, timeoutMs: 5_000 });
    await expect(third.line()).rejects.toThrow();
    for (const client of [...clients, third]) client.close();
    await server.close();
  });

  it('is found by its whole path too', async () => {
    const local = services(server('printf "action=REJECT no\\n\\n"'));
    expect(await ask(local, 1, '/var/spool/postfix/private/policy')).toEqual([REFUSED]);
  });

  it('is started again when it dies', async () => {
    const local = services(server('printf "action=REJECT no\\n\\n"', 'exit 1;'));
    expect(await ask(local, 3)).toEqual([REFUSED, REFUSED, REFUSED]);
  });

  it.each([
    ['dies at once', 'exit 3', {}],
    ['is not there', '', { argv: ['/nonexistent/program'] }],
    ['may not be run by this user', '', { obstacle: 'only root may' }],
    ['hangs', 'sleep 60', {}],
    ['says something else', server('echo nonsense; echo'), {}],
    ['talks without end', 'yes action', {}],
  ])('that %s is a broken service', async (_name, script, more) => {
    expect(await ask(services(script, more), 1)).toEqual([BROKEN]);
  });

  it('is killed with what it started, and when its time is over', async () => {
    const connection = services('sleep 60 & wait', { timeLimit: 100 }).connect('private/policy');
    await new Promise((resolve) => connection.once('close', resolve));
    expect(connection.destroyed).toBe(true);
  });

  it('has no more programs at one time than maxproc', async () => {
    const local = services(server('printf "action=DUNNO\\n\\n"'), {}, 1);
    const first = local.connect('private/policy');
    const second = local.connect('private/policy');
    const why = await new Promise((resolve) => second.on('error', resolve));
    expect(why).toMatchObject({ message: 'all 1 programs of policy are busy' });
    first.destroy();
  });

  it('has its errors logged, a bounded part of them', async () => {
    lines.length = 0;
    await ask(services('yes oh no | head -c 100000 >&2; exit 1'), 1);
    expect(lines.join('')).toMatch(/policy: oh no oh no/);
    expect(lines.join('').length).toBeLessThan(10_000);
  });
});
