/** Mail to commands (pipe(8)), with real programs: what they read, what their end means, and those that misbehave. */
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTransports, type PipeCommand, type Transport } from '../../../src/lookup/transports.ts';
import { removeFolder, temporaryFolder } from '../../kit/folder.ts';
import { parametersOf } from '../../kit/parameters.ts';
import { openHouse, type TestHouse, tablesOf } from '../house.ts';

let folder: string;
let house: TestHouse;

/** Names of transports, and what is special about each. */
const COMMANDS: Readonly<Record<string, { script?: string; argv?: readonly string[] } & Partial<PipeCommand>>> = {
  ok: {},
  flags: { flags: new Set('DRhuOB>.F'), nullSender: 'NOBODY' },
  crlf: { lineEnd: '\r\n' },
  many: { argv: ['-f', '$sender', 'to=${recipient}', '$user/$extension/$domain/$(nexthop)', '{ $$', 'x'] },
  said: { script: 'echo stored; echo too >&2' },
  nouser: { script: 'echo nobody; exit 67' },
  later: { script: 'exit 75' },
  odd: { script: 'exit 99' },
  dsn: { script: 'echo 5.2.2 full; exit 75' },
  died: { script: 'kill -9 $$' },
  endless: { script: 'yes line | head -c 3000000; exit 69' },
  hang: { script: 'sleep 50 & echo $! > DIR/hang.pid; wait', timeLimit: 300 },
  deaf: { script: 'exit 0' },
  missing: { argv: [] },
  size: { sizeLimit: 10 },
  nowhere: { directory: '/nowhere/at/all' },
  macro: { argv: ['${nothere}'] },
  foreign: { obstacle: 'only root may run a command as vmail, and this server does not run as root' },
};

const RECORD = '{ for a in "$@"; do echo "[$a]"; done; cat; } > DIR/NAME.out';

beforeAll(async () => {
  folder = temporaryFolder('pipe');
  const parameters = parametersOf();
  const rows = Object.entries(COMMANDS).map(
    ([name, { script = RECORD, argv = ['$recipient'], ...special }]): Transport => {
      const path = join(folder, name);
      if (name !== 'missing')
        writeFileSync(path, `#!/bin/sh\n${script.replaceAll('DIR', folder).replaceAll('NAME', name)}\n`);
      if (existsSync(path)) chmodSync(path, 0o755);
      const command: PipeCommand = {
        argv: [path, ...argv],
        user: null,
        obstacle: null,
        directory: folder,
        timeLimit: 20_000,
        environment: { PATH: '/usr/bin:/bin' },
        flags: new Set(),
        nullSender: 'MAILER-DAEMON',
        sizeLimit: 0,
        lineEnd: '\n',
        ...special,
      };
      return { name, program: 'pipe', limit: 2, parameters, command };
    },
  );
  const names = Object.keys(COMMANDS);
  house = await openHouse({
    settings: { transport_maps: 'hash:/transport', recipient_delimiter: '+' },
    tables: tablesOf({
      'hash:/transport': Object.fromEntries(names.map((name) => [`${name}.example`, `${name}:`])),
    }),
    transports: createTransports({ parameters, rows }),
  });
  house.runner.start();
});
afterAll(async () => {
  await house.stop();
  removeFolder(folder);
});

const HEADER =
  'Message-Id: <1@x>\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\nFrom: a@b.example\r\nTo: c@d.example\r\nSubject: s\r\n';
const SEEN = HEADER.replaceAll('\r', '');
const TEXT = `${HEADER}\r\nbody\r\n.dot\r\nFrom me\r\n`;

/** Sends; returns the log lines of the recipients, from `relay=` without delays. */
async function deliver(
  name: string,
  text = TEXT,
  to = [`r@${name}.example`],
  reversePath = 'a@b.example',
): Promise<string[]> {
  house.lines.length = 0;
  expect((await house.submit({ to, reversePath }, text)).code).toBe(250);
  await house.runner.idle();
  return house.lines
    .filter((line) => line.includes('postfix/pipe:') && line.includes('status='))
    .map((line) => line.replace(/^.*(relay=\S+) .*(dsn=.*)$/s, '$1 $2'));
}
const out = (name: string): string =>
  readFileSync(join(folder, `${name}.out`), 'utf8').replace(/^Received:.*\n(?:\t.*\n)*/m, '');

describe('P11: a command gets mail', () => {
  it('on its standard input, with an argument for each recipient', async () => {
    expect(await deliver('ok', TEXT, ['a@ok.example', 'b@ok.example'])).toEqual(
      Array(2).fill('relay=ok, dsn=2.0.0, status=sent (delivered via ok service)'),
    );
    expect(out('ok')).toBe(`[a@ok.example]\n[b@ok.example]\n${SEEN}\nbody\n.dot\nFrom me\n`);
  });

  it('with the lines and quoting of its flags', async () => {
    await deliver('flags', TEXT, ['Ab+C@FLAGS.example'], '');
    expect(out('flags').replace(/^(From NOBODY {2})\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}$/m, '$1DATE')).toBe(
      '[ab+c@flags.example]\nFrom NOBODY  DATE\nReturn-Path: <NOBODY>\nX-Original-To: Ab+C@FLAGS.example\nDelivered-To: Ab+C@FLAGS.example\n' +
        `${SEEN}\nbody\n..dot\n>From me\n\n`,
    );
  });

  it('with macros, and nothing is read by a shell', async () => {
    await deliver('many', TEXT, ['x+y@many.example', '"; $(touch z)"@many.example'], '"`id`"@b.example');
    expect(out('many').split('Message-Id')[0]).toBe(
      '[-f]\n[`id`@b.example]\n[to=x+y@many.example]\n[to=; $(touch z)@many.example]\n' +
        '[x/y/many.example/many.example]\n[; $(touch z)//many.example/many.example]\n[{ $]\n[x]\n',
    );
  });

  it('with the line ends of eol=, whatever the chunks', async () => {
    const long = `${HEADER}\r\n${'x'.repeat(70_000)}\r\n${'.\r\n'.repeat(40_000)}`;
    await deliver('crlf', long);
    expect(
      out('crlf')
        .replace(/^\[.*\]\n/, '')
        .replace(/^Received:.*\r\n(?:\t.*\r\n)*/m, ''),
    ).toBe(long);
  });

  it.each([
    ['said', 'relay=said, dsn=2.0.0, status=sent (delivered via said service (stored too))'],
    ['nouser', 'relay=nouser, dsn=5.1.1, status=bounced (user unknown. Command output: nobody )'],
    ['later', 'relay=later, dsn=4.3.0, status=deferred (temporary failure)'],
    ['odd', 'relay=odd, dsn=5.3.0, status=bounced (Command died with status 99: "DIR/odd")'],
    ['dsn', 'relay=dsn, dsn=5.2.2, status=bounced (full )'],
    ['died', 'relay=died, dsn=4.3.0, status=deferred (Command died with signal 9: "DIR/died")'],
    ['hang', 'relay=hang, dsn=5.3.0, status=bounced (Command time limit exceeded: "DIR/hang")'],
    [
      'missing',
      'relay=missing, dsn=4.3.0, status=deferred (temporary failure. Command output: pipe: fatal: pipe_command: execvp DIR/missing: No such file or directory )',
    ],
    ['size', 'relay=size, dsn=5.2.3, status=bounced (message too large)'],
    ['nowhere', 'relay=nowhere, dsn=4.3.0, status=deferred (temporary failure)'],
    ['macro', 'relay=macro, dsn=4.3.5, status=deferred (mail system configuration error)'],
    [
      'foreign',
      'relay=foreign, dsn=4.3.0, status=deferred (only root may run a command as vmail, and this server does not run as root)',
    ],
  ])('%s: its end as pipe(8) understands it', async (name, expected) => {
    expect(await deliver(name)).toEqual([expected.replaceAll('DIR', folder)]);
  });

  it('that reads nothing, and takes it', async () => {
    expect(await deliver('deaf', `Subject: s\r\n\r\n${'x\r\n'.repeat(300_000)}`)).toEqual([
      'relay=deaf, dsn=2.0.0, status=sent (delivered via deaf service)',
    ]);
  });

  it('whose endless output is bounded', async () => {
    const [line = ''] = await deliver('endless');
    expect(line).toMatch(
      /^relay=endless, dsn=5\.3\.0, status=bounced \(service unavailable\. Command output: line line /,
    );
    expect(line.length).toBeLessThan(4300);
  });

  it('and what it started ends with it', async () => {
    await deliver('hang');
    const pid = Number(readFileSync(join(folder, 'hang.pid'), 'utf8'));
    // A process that nobody waits for stays as a zombie.
    const state = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[2] : 'gone';
    expect(['Z', 'gone']).toContain(state);
  });

  it('once: a message that it has had already loops', async () => {
    expect(await deliver('flags', `Delivered-To: r@FLAGS.example\r\n${TEXT}`)).toEqual([
      'relay=flags, dsn=5.4.6, status=bounced (mail forwarding loop for r@flags.example)',
    ]);
  });
});
