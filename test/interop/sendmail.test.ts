/**
 * Programs that send mail by the command: `mail` of bsd-mailx, s-nail and mailutils with our `sendmail`, also as
 * another user; and mail in the queue beside that in Postfix's.
 */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { BINARY } from '../kit/launch.ts';
import { account, arrival, type House, search, section, startInteropHouse } from './house.ts';
import { makeFilesOld } from './old-files.ts';
import { type Postfix, startPostfix } from './postfix.ts';
import { type Ran, ran, run, until } from './program.ts';

let house: House;
let bin: string;
beforeAll(async () => {
  house = await startInteropHouse();
  bin = temporaryFolder('bin');
  chmodSync(bin, 0o755);
  chmodSync(house.folders.root, 0o755);
  await ours(['install-links', bin]);
});
afterAll(async () => {
  await house.stop();
  removeFolder(bin);
});

const where = (): string[] => ['--config', house.folders.config, '--data', house.folders.data];
const ours = (words: readonly string[], input = ''): Promise<string> =>
  ran(process.execPath, [BINARY, ...words, ...where()], { input });
const command = (name: string): string => join(bin, name);

describe('P4: mail -s with our sendmail', () => {
  it.each([
    ['bsd-mailx', (to: string, subject: string) => ['bsd-mailx', '-s', subject, to]],
    [
      's-nail',
      (to: string, subject: string) => ['s-nail', '-:/', '-S', `mta=${command('sendmail')}`, '-s', subject, to],
    ],
    [
      'mailutils',
      (to: string, subject: string) => [
        'mail.mailutils',
        '-E',
        `set sendmail="sendmail:${command('sendmail')}"`,
        '-s',
        subject,
        to,
      ],
    ],
  ])('%s', async (name, words) => {
    const rc = join(bin, 'mailrc');
    await ran('sh', ['-c', `printf 'set sendmail=%s\\n' "$1" > "$2"`, 'sh', command('sendmail'), rc]);
    const [program = '', ...args] = words(account('xixi'), `by ${name}`);
    const sent = await run(program, args, { input: 'hello\n.dot\n', env: { MAILRC: rc } });
    expect(sent).toMatchObject({ code: 0 });
    await arrival(house, 'xixi', `by ${name}`);
  });

  it('a user without any rights sends, and is named in the message', async () => {
    const message = `Subject: from nobody\nTo: ${account('haha')}\n\nhello\n`;
    const sent = await run('runuser', ['-u', 'nobody', '--', command('sendmail'), '-t'], { input: message });
    expect(sent).toEqual({ code: 0, out: '', err: '' });
    await arrival(house, 'haha', 'from nobody');
    const uid = (await ran('id', ['-u', 'nobody'])).trim();
    const log = await ours(['log', '-n', '100']);
    expect(log).toMatch(new RegExp(`pickup\\[\\d+\\]: \\w+: uid=${uid} from=<nobody>`));
    // But may not see what others submit, nor the queue.
    for (const words of [['ls', join(house.folders.data, 'maildrop')], [command('mailq')]])
      expect((await run('runuser', ['-u', 'nobody', '--', ...words])).code).not.toBe(0);
  });
});

describe('the same words as those of Postfix', () => {
  let postfix: Postfix;
  beforeAll(async () => {
    postfix = await startPostfix({
      main: ['myhostname = mail.interop.example', 'default_transport = retry:try later', 'enable_long_queue_ids = yes'],
      services: ['flush unix n - n 1000? 0 flush'],
    });
  });
  afterAll(() => postfix.stop());

  const both = async (name: string, words: readonly string[], input = ''): Promise<[Ran, Ran]> => [
    await run(command(name), words, { input }),
    await run(name, ['sendmail', 'mailq', 'newaliases'].includes(name) ? words : ['-c', postfix.config, ...words], {
      input,
      env: { MAIL_CONFIG: postfix.config },
    }),
  ];

  it.each([
    ['postqueue', '-x'],
    ['postqueue', ''],
    ['postqueue', '-f -p'],
    ['postqueue', '-p foo'],
    ['postqueue', '-i ../x'],
    ['postqueue', '-i nosuch'],
    ['postqueue', '-s [x'],
    ['postqueue', '-f'],
    ['postqueue', '-p'],
    ['postqueue', '-j'],
    ['mailq', ''],
    ['mailq', 'foo'],
    ['mailq', '-x'],
    ['mailq', '-bv'],
    ['mailq', '-Z'],
    ['postsuper', '-h nosuch'],
    ['postsuper', '-e nosuch'],
    ['postsuper', '-f ALL'],
    ['postsuper', '-d ALL nosuchqueue'],
    ['postsuper', '-d ALL deferred'],
    ['postsuper', '-H ALL'],
    ['postsuper', '-d a.b'],
    ['postsuper', '-d'],
    ['postsuper', '-x'],
    ['postcat', '-q nosuch'],
    ['sendmail', ''],
    ['sendmail', '-t'],
    ['sendmail', '-ba a'],
    ['sendmail', '-bt a'],
    ['sendmail', '-n a'],
    ['sendmail', '-X x a'],
    ['sendmail', '-XVxx a'],
    ['sendmail', '-XV+ a'],
    ['sendmail', '-XV -f <> a'],
    ['sendmail', '-Vab a'],
    ['sendmail', '-Bfoo a'],
    ['sendmail', '-t -bp'],
    ['sendmail', '-bv'],
    ['sendmail', '-bv -t'],
    ['sendmail', '-bv -N never a'],
    ['sendmail', '-bv -R hdrs a'],
    ['sendmail', '-bv -v a'],
    ['sendmail', '-bv -f <> a'],
    ['sendmail', '-bp'],
    ['sendmail', '-bp a'],
    ['sendmail', '-q a'],
    ['sendmail', '-Z a'],
  ])('%s %s', async (name, line) => {
    const words = line.split(' ').filter((word) => word !== '');
    const [here, there] = await both(name, words, 'Subject: nobody\n\nhello\n');
    // getopt(3) reports a wrong letter twice where the options are read twice.
    const said = (text: string): string => [...new Set(text.split('\n'))].join('\n');
    expect({ ...here, err: said(here.err) }).toEqual({ ...there, err: said(there.err) });
  });

  it('P4: who may send, as whom, and see or flush the queue', async () => {
    const strict = temporaryFolder('strict');
    const lines = ['recipient_delimiter = +', 'authorized_mailq_users = root', 'authorized_flush_users = root'];
    const submit = (more: readonly string[], words: readonly string[], input = 'Subject: x\n\nhello\n') => {
      const text = [...lines, ...more, ''].join('\n');
      writeFileSync(join(strict, 'main.cf'), text);
      writeFileSync(join(postfix.config, 'main.cf'), main + text);
      makeFilesOld(postfix.config);
      return Promise.all([
        run(command('sendmail'), ['-C', strict, ...words], { input }),
        run('sendmail', words, { input, env: { MAIL_CONFIG: postfix.config } }),
      ]);
    };
    const main = readFileSync(join(postfix.config, 'main.cf'), 'utf8');
    chmodSync(strict, 0o755);
    for (const [more, words, input] of [
      [['authorized_submit_users = !root, static:anyone'], ['a@b.example']],
      [['authorized_submit_users ='], ['-bs'], 'QUIT\r\n'],
      [['local_login_sender_maps = inline:{root=a@b.example}'], ['-f', 'b@b.example', 'a@b.example']],
      [['local_login_sender_maps = inline:{root=a@b.example}'], ['-f', '<>', 'a@b.example']],
      [['local_login_sender_maps = inline:{other=*}'], ['a@b.example']],
    ] as const) {
      const [here, there] = await submit(more, words, input);
      expect(here.code).toBe(75);
      expect(here).toEqual(there);
    }
    // These words of postqueue(1) are of a user whom the real one lets use no configuration of his own.
    for (const [name, word, what] of [
      ['mailq', [], 'view'],
      ['postqueue', ['-j'], 'view'],
      ['postqueue', ['-f'], 'flush'],
      ['sendmail', ['-q'], 'flush'],
    ] as const) {
      const folder = name === 'postqueue' ? '-c' : '-C';
      expect(await run('runuser', ['-u', 'nobody', '--', command(name), folder, strict, ...word])).toEqual({
        code: 69,
        out: '',
        err: expect.stringMatching(
          new RegExp(`^postqueue: fatal: User nobody\\(\\d+\\) is not allowed to ${what} the mail queue\n$`),
        ),
      });
    }
    writeFileSync(join(postfix.config, 'main.cf'), main);
    removeFolder(strict);
  });

  it('P4: a deferred and a held message in the queue', async () => {
    const message = 'Subject: x\nTo: a@deferred.example, b@deferred.example\n\nhello\n';
    const words = ['-t', '-f', 'xixi@interop.example'];
    for (const ran of await both('sendmail', words, message)) expect(ran).toEqual({ code: 0, out: '', err: '' });
    /** IDs, sizes, times and reasons aside, with how wide each of them is. */
    const shape = (text: string): string =>
      text
        .replaceAll(/^[0-9A-Za-z]{15,17}([ *!#]*) +\d+ \w{3} \w{3} [ \d]\d [\d:]{8}/gm, 'ID$1 SIZE TIME')
        .replaceAll(/^( *)\(.*\)$/gm, '(reason)')
        .replaceAll(/[0-9A-Za-z]{15,17}: /g, 'ID: ')
        .replaceAll(/"(queue_id|delay_reason)": "[^"]*"|"(arrival_time|message_size)": \d+/g, '$1$2');
    const isDeferred = async (): Promise<boolean> =>
      (await both('postqueue', ['-j'])).every(({ out }) => /"deferred".*delay_reason.*delay_reason/.test(out));
    await until('both to be deferred', isDeferred);
    const same = async (name: string, line: string): Promise<void> => {
      const [here, there] = await both(name, line.split(' '));
      const of = ({ code, out, err }: Ran): unknown => [code, shape(out), shape(err)];
      expect(of(here), `${name} ${line}`).toEqual(of(there));
    };
    await same('postqueue', '-p');
    await same('postqueue', '-j');
    await same('postsuper', '-h ALL');
    await same('postqueue', '-p');
    await same('postsuper', '-h ALL');
    await same('postsuper', '-H ALL');
    await same('postsuper', '-h ALL');
    await same('postsuper', '-e ALL');
    await same('postsuper', '-e ALL');
    await same('postqueue', '-p');
    await same('postqueue', '-j');
    await same('postsuper', '-d ALL');
    await same('postqueue', '-p');
  });

  it('P4: two messages held, released, requeued, read and deleted by their IDs', async () => {
    for (const subject of ['one', 'two']) {
      const message = `Subject: ${subject}\nTo: ${subject}@deferred.example\n\nhello\n\n.\nlast line without an end`;
      for (const ran of await both('sendmail', ['-t', '-f', `${subject}@interop.example`], message))
        expect(ran).toEqual({ code: 0, out: '', err: '' });
    }
    let ids: [string, string][] = [];
    await until('both to be deferred', async () => {
      const listed = await both('postqueue', ['-j']);
      const sides = listed.map(({ out }) =>
        out
          .split('\n')
          .filter((line) => line.includes('"deferred"') && line.includes('delay_reason'))
          .map((line) => JSON.parse(line) as { queue_id: string; sender: string })
          .sort((a, b) => (a.sender < b.sender ? -1 : 1))
          .map(({ queue_id }) => queue_id),
      );
      const [here = [], there = []] = sides;
      ids = here.map((id, index) => [id, there[index] ?? '']);
      return here.length === 2 && there.length === 2;
    });
    const differing: unknown[] = [];
    const play = async (step: string): Promise<void> => {
      const [line = '', input = ''] = step.split(' < ');
      const ran = [0, 1].map(async (side) => {
        const filled = (text: string): string =>
          ids.reduce((so, pair, index) => so.replaceAll(`$${index + 1}`, pair[side] ?? ''), text);
        const [name = '', ...words] = filled(line).split(' ');
        const made =
          side === 0
            ? await run(command(name), words, { input: filled(input).replaceAll('|', '\n') })
            : await run(name, name === 'mailq' ? words : ['-c', postfix.config, ...words], {
                input: filled(input).replaceAll('|', '\n'),
                env: { MAIL_CONFIG: postfix.config },
              });
        const plain = (text: string): string =>
          ids
            .reduce((so, pair, index) => so.replaceAll(pair[side] ?? '-', `$${index + 1}`), text)
            .replaceAll(/^(\$\d[ *!#]*) +\d+ \w{3} \w{3} [ \d]\d [\d:]{8}/gm, '$1 SIZE TIME')
            .replaceAll(/^ *\(.*\)$/gm, '(reason)')
            .replaceAll(/"(delay_reason)": "[^"]*"|"(arrival_time|message_size)": \d+/g, '$1$2')
            .replaceAll(/^(?:Received: .*\n(?:\s.*\n)*)+/gm, '')
            .replaceAll(/^(Date|Message-Id): .*$/gim, '$1')
            .replaceAll(/^(Message-Id|Date)$/gim, (name) => name.toLowerCase());
        // In which order a command goes through its queues is not said.
        const sorted = (text: string): string => (name === 'postcat' ? text : text.split('\n').sort().join('\n'));
        return { code: made.code, out: sorted(plain(made.out)), err: sorted(plain(made.err)) };
      });
      const [here, there] = await Promise.all(ran);
      if (!isDeepStrictEqual(here, there)) differing.push({ step, here, there });
    };
    for (const steps of LIFE) await Promise.all(steps.map(play));
    expect(differing).toEqual([]);
  });

  it.each([
    ['-bv', '', ['a@far.example', 'b@far.example']],
    ['-v', 'Subject: watched\nTo: a@far.example\n\nhello\n', ['a@far.example', 'b@far.example']],
  ])('P4: %s: the report has the form of that of Postfix', async (word, input, recipients) => {
    await ran('postsuper', ['-c', postfix.config, '-d', 'ALL']);
    const user = word === '-v' ? 'haha' : 'maomao';
    const words = [word, '-f', account(user), ...recipients];
    const [here, there] = await both('sendmail', words, input);
    expect(here).toEqual(there);
    const arrived = async (): Promise<boolean> =>
      (await search(house, user, 'SUBJECT "Mail Delivery Status Report"')).length > 0;
    await until('the report of ours', arrived);
    const [number = 1] = await search(house, user, 'SUBJECT "Mail Delivery Status Report"');
    const ours = (await section(house, user, number, '')).toString();
    let theirs = '';
    await until('the report of Postfix', async () => {
      const queued = (await ran('postqueue', ['-c', postfix.config, '-j'])).split('\n').filter(Boolean);
      const id = queued.map((line) => JSON.parse(line)).find(({ sender }) => sender === 'MAILER-DAEMON')?.queue_id;
      if (id !== undefined) theirs = await ran('postcat', ['-c', postfix.config, '-hb', '-q', id]);
      return theirs !== '';
    });
    // Ours calls a text UTF-8 only if it is not ASCII.
    const form = (text: string): string[] =>
      text
        .replaceAll(/\r|charset=\S*/g, '')
        .split('\n')
        .filter((line) => /^(?:Subject|To|Auto|MIME|Content|Final|Original|Action|\t[ab]@)/.test(line));
    expect(form(ours)).toEqual(form(theirs));
  });
});

/**
 * One after the other; those in one row at once. `$1` and `$2` are queue IDs; behind ` < ` is the standard input, with
 * `|` between its lines.
 */
const LIFE: readonly (readonly string[])[] = [
  ['postqueue -p', 'postqueue -j', 'mailq', 'postcat -bq $2', 'postcat -hq $2', 'postcat -bhq $2', 'postcat -bq $2 $1'],
  ['postsuper -h $1'],
  ['postsuper -h $1', 'postqueue -p', 'postqueue -j', 'postsuper -h nosuch'],
  ['postsuper -h - < $1|nosuch|$2|'],
  ['postsuper -H - < $1||nosuch|../x'],
  ['postsuper -H $1 -H $2'],
  ['postsuper -H $2'],
  ['postsuper -h ALL deferred'],
  ['postsuper -h ALL hold', 'postsuper -H ALL deferred', 'postsuper -h $1 deferred', 'postsuper -d $1 incoming'],
  ['postsuper -r $1 deferred', 'postsuper -d ALL deferred incoming', 'postsuper -d ALL maildrop', 'postsuper deferred'],
  ['postsuper -s', 'postsuper -p', 'postsuper -S', 'postsuper -s deferred', 'postsuper'],
  ['postsuper -d x -h ALL nosuch', 'postsuper -h', 'postsuper -h $1/x', 'postsuper -d ..'],
  [
    'postqueue -i nosuch',
    'postqueue -i',
    'postqueue -i $1 -f',
    'postqueue -i a/b',
    'postqueue -p -j',
    'postqueue -j x',
  ],
  ['postqueue -s', 'postqueue -s a b', 'postqueue -s a..b', 'postqueue -s -x-', 'postqueue -s ..', 'postqueue -s [x'],
  ['postqueue -s a_b.example:25', 'postqueue -s [1.2.3', 'postqueue -s 1.2.3', 'postqueue -s []'],
  ['postcat -bq nosuch', 'postcat -q a/b', 'postcat -q .', 'postcat -x', 'mailq x'],
  ['postsuper -d $1'],
  ['postsuper -d $1', 'postcat -q $1', 'postqueue -p'],
  ['postsuper -d - < $2|$1|'],
  ['postqueue -p', 'postqueue -j', 'postqueue -f'],
];
