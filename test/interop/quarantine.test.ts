/**
 * A milter made with libmilter that quarantines: with a real Postfix and with ours the message is held, the log says
 * the same, and when it is released it is delivered once.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSink, type Sink } from '../delivery/client/sink.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { BINARY } from '../kit/launch.ts';
import { startServer, type TestServer } from '../kit/server.ts';
import { SmtpClient } from '../kit/smtp-client.ts';
import { type Postfix, startPostfix } from './postfix.ts';
import { type Daemon, freePort, isOpen, type Ran, ran, run, startDaemon, until } from './program.ts';

/** Adds a field and quarantines what has "look" in its subject. */
const MILTER = `
import sys
import Milter

class Quarantine(Milter.Base):
    def __init__(self):
        self.looks = False

    def envfrom(self, name, *words):
        self.looks = False
        return Milter.CONTINUE

    def header(self, name, value):
        if name == "Subject" and "look" in value:
            self.looks = True
        return Milter.CONTINUE

    def eom(self):
        self.addheader("X-Seen", "yes")
        if self.looks:
            self.quarantine("somebody should look")
        return Milter.CONTINUE

Milter.factory = Quarantine
Milter.set_flags(Milter.ADDHDRS + Milter.QUARANTINE)
Milter.runmilter("quarantine", "inet:%s@127.0.0.1" % sys.argv[1], 60)
`;

interface Side {
  readonly port: number;
  readonly sink: Sink;
  log(): Promise<string>;
  command(name: string, ...words: readonly string[]): Promise<Ran>;
}

let folder: string;
let milter: Daemon;
let postfix: Postfix;
let server: TestServer;
const sides: Side[] = [];

beforeAll(async () => {
  folder = temporaryFolder('quarantine');
  const script = join(folder, 'quarantine.py');
  writeFileSync(script, MILTER);
  const filter = await freePort();
  milter = await startDaemon('python3', [script, String(filter)], isOpen(filter));
  const [ourSink, theirSink] = await Promise.all([openSink(), openSink()]);
  const main = [
    'myhostname = mail.ours.test',
    'mynetworks = 127.0.0.0/8',
    'enable_long_queue_ids = yes',
    'smtpd_peername_lookup = no',
    `smtpd_milters = inet:127.0.0.1:${filter}`,
    'milter_default_action = tempfail',
  ];
  postfix = await startPostfix({ main: [...main, `relayhost = [127.0.0.1]:${theirSink.port}`] });
  const port = await freePort();
  server = await startServer({
    portOffset: 0,
    accounts: { 'xixi@ours.test': 'password' },
    files: {
      'main.cf': [...main, 'inet_interfaces = 127.0.0.1', `relayhost = [127.0.0.1]:${ourSink.port}`, ''].join('\n'),
      'master.cf': `127.0.0.1:${port} inet n - n - - smtpd\n`,
      'dovecot.conf': 'protocols =\n',
    },
  });
  const { config, data } = server.folders;
  const where = ['--config', config, '--data', data];
  sides.push(
    {
      port,
      sink: ourSink,
      log: () => ran(process.execPath, [BINARY, 'log', '-n', '200', ...where]),
      command: (name, ...words) => run(process.execPath, [BINARY, name, ...words, ...where]),
    },
    {
      port: postfix.port,
      sink: theirSink,
      log: async () => postfix.said(),
      command: (name, ...words) => run(name, ['-c', postfix.config, ...words]),
    },
  );
});
afterAll(async () => {
  await Promise.all([postfix?.stop(), server?.stop(), milter?.stop()]);
  await Promise.all(sides.map(({ sink }) => sink.close()));
  removeFolder(folder);
});

async function play({ port, sink, log, command }: Side): Promise<unknown> {
  const client = await SmtpClient.open(port);
  await client.reply();
  await client.run('EHLO c.test');
  const ids: string[] = [];
  for (const subject of ['please look', 'nothing']) {
    await client.run('MAIL FROM:<a@x.test>', 'RCPT TO:<b@else.test>', 'RCPT TO:<c@else.test>', 'DATA');
    const [answer = ''] = await client.run(`Subject: ${subject}\r\n\r\nbody\r\n.`);
    ids.push(/queued as (\w+)/.exec(answer)?.[1] ?? '');
  }
  await client.run('QUIT');
  await until('the other message', async () => sink.received.length > 0);
  const received = (): unknown =>
    sink.received.map(({ to, text }) => [
      [...to].sort(),
      /^Subject: .*$/m.exec(text)?.[0],
      /^X-Seen: .*$/m.exec(text)?.[0],
    ]);
  const listed = async (): Promise<Record<string, unknown>[]> =>
    (await command('postqueue', '-j')).out
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  await until('the queue to have one', async () => (await listed()).length === 1);
  const [id = ''] = ids;
  const before = received();
  const [held] = await listed();
  const mailq = (await command('postqueue', '-p')).out
    .replace(id, 'ID')
    .replace(/ +\d+ \w{3} .* [\d:]{8}/, ' SIZE TIME');
  await command('postqueue', '-f');
  const released = await command('postsuper', '-H', id);
  // Postfix makes it a deferred message, which waits for its next scan.
  await command('postqueue', '-f');
  await until('the queue to be empty', async () => (await listed()).length === 0);
  const lines = (await log()).split('\n').filter((line) => line.includes(id));
  return {
    before,
    held: { ...held, queue_id: held?.['queue_id'] === id, arrival_time: 0, message_size: 0 },
    mailq: mailq.replaceAll(/^-- .*/gm, ''),
    released: { ...released, err: released.err.replaceAll(id, 'ID') },
    after: received(),
    said: lines.flatMap((line) => {
      const [, words] = /: (milter-hold: .*|removed)$/.exec(line) ?? [];
      return words === undefined ? [] : [words];
    }),
    sent: lines.filter((line) => line.includes('status=sent')).length,
    reason: (await log()).includes('somebody should look'),
  };
}

describe('P9: a milter of libmilter that quarantines', () => {
  it('the message is held, and delivered once when it is released, as by Postfix', async () => {
    const [ours, theirs] = await Promise.all(sides.map(play));
    expect(ours).toEqual(theirs);
    expect(ours).toMatchObject({
      held: { queue_name: 'hold' },
      sent: 2,
      said: [expect.stringContaining('milter triggers HOLD action'), 'removed'],
    });
  });
});
