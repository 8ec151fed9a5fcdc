/** `postmap` and `postalias` beside ours: the same tables and 5,000 keys, the same answers and exit codes. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { BINARY } from '../kit/launch.ts';
import { makeFilesOld } from './old-files.ts';
import { type Ran, run } from './program.ts';

let root: string;
let config: string;
beforeAll(async () => {
  root = temporaryFolder('postmap');
  config = join(root, 'config');
  mkdirSync(config);
  writeFileSync(join(config, 'main.cf'), 'compatibility_level = 3.6\nmyhostname = mail.example.com\nalias_maps =\n');
  writeFileSync(join(config, 'master.cf'), '');
  for (const [name, text] of Object.entries(TEXTS)) writeFileSync(join(root, name), text);
  makeFilesOld(config);
  await theirs('postmap', ['hash:plain', 'hash:second', 'btree:tree']);
  makeFilesOld(root);
});
afterAll(() => removeFolder(root));

const theirs = (command: string, words: readonly string[], input = ''): Promise<Ran> =>
  run(command, ['-c', config, ...words], { input, cwd: root });
const ours = (command: string, words: readonly string[], input = ''): Promise<Ran> =>
  run(process.execPath, [BINARY, command, '-c', config, ...words], { input, cwd: root });

/** A small generator, so that a failure can be repeated. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const random = randomFrom(10);
const one = <T>(list: readonly T[]): T => list[random(list.length)] as T;

const LOCALS = [
  'xixi',
  'maomao',
  'Haha',
  'root',
  'post.master',
  'a+b',
  'USER',
  '"j s"',
  'owner-list',
  'x-1',
  '',
  '$1',
  '\\a',
];
const DOMAINS = [
  'baidu.com',
  'QQ.com',
  'mail.example.org',
  '.example.net',
  'localhost',
  'x.y.z.example',
  '例子.example',
];
const PLAIN = [
  'one',
  'two words',
  'OK',
  'REJECT no way',
  'DUNNO',
  '550 5.7.1 x',
  'a@b.example, c',
  '127.0.0.1',
  'tab\tinside',
];

function key(): string {
  const kinds: readonly (() => string)[] = [
    () => one(LOCALS),
    () => one(DOMAINS),
    () => `${one(LOCALS)}@${one(DOMAINS)}`,
    () => `${one(LOCALS)}@`,
    () => `@${one(DOMAINS)}`,
    () => `${random(256)}.${random(4)}.${random(3)}.${random(256)}`,
    () => `192.168.${random(3)}`,
    () => `2001:db8:${random(4)}::${random(300).toString(16)}`,
    () => `Subject: ${one(['make money', 'Hello', 'fast $$$', 'x'])} ${one(PLAIN)}`,
    () => 'x'.repeat(random(300)),
    () => `${one(['a', 'B', '-', '.', '[', ']', '(', '{'])}${one(LOCALS)}`,
  ];
  return one(kinds)();
}

const keys = Array.from({ length: 5_000 }, key).filter((text) => text !== '');

/** Lines with keys that are also asked for, continued, remarked, with odd white space. */
function text(lines: number): string {
  const made = Array.from({ length: lines }, (_, index) => {
    const name = one(keys).replaceAll(/[\s"].*$/g, '') || 'k';
    const gap = one([' ', '\t', '   \t ']);
    const tail = one(['', '', '\n   continued', '\n# a remark\n\tcontinued', ' ', '\n\n']);
    return `${name}${gap}${one(PLAIN)} ${index}${tail}`;
  });
  return `# a table\n\n${made.join('\n')}\n`;
}

const TEXTS: Readonly<Record<string, string>> = {
  plain: text(2_000),
  tree: text(500),
  second: text(300),
  regexp: [
    '/^subject: make (money)/ REJECT you said $1',
    '/^SUBJECT: hello/i WARN other case',
    'if /@/',
    '/^(.*)@baidu\\.com$/ $(1)@b.example',
    '!/@qq\\.com$/ other',
    'endif',
    'if !/^x/',
    '/(a)(b)?(c)?/ groups $1 and $2',
    'endif',
    '/^[[:digit:]]+\\.0\\./ digits',
    '/\\$\\$\\$/ money $$',
    '/^x{200,255}$/ long',
    '',
  ].join('\n'),
  pcre: [
    '/^subject: make (?<what>money)/ REJECT you said $1',
    '/^SUBJECT: hello/i WARN other case',
    'if /@/',
    '/^(.*)@baidu\\.com$/ ${1}@b.example',
    'endif',
    '!/[a-z@]/ no letters',
    '/^(?!x)[a-w]+\\b/ look ahead',
    '/^x+$/ long',
    '',
  ].join('\n'),
  cidr: [
    '10.0.0.0/8 ten',
    '!0.0.0.0/1 upper half',
    'if 2001:db8::/32',
    '2001:db8:1::/48 one',
    '2001:db8::0/33 lower half',
    'endif',
    '192.168.1.1 alone',
    '0.0.0.0/0 other',
    '',
  ].join('\n'),
};

// At once: the real one sleeps for a second before each fatal error.
describe.concurrent('postmap -q', () => {
  it.each([
    ['hash, from its text', ['hash:plain']],
    ['btree', ['btree:tree']],
    ['texthash', ['texthash:plain']],
    ['two tables', ['hash:second', 'texthash:plain']],
    ['regexp', ['regexp:regexp']],
    ['pcre', ['pcre:pcre']],
    ['cidr', ['cidr:cidr']],
    ['inline', ['inline:{root=a, {Haha = b c}, {USER = d}}']],
    ['static', ['static:x']],
    ['static with white space', ['static:{a b}']],
    ['unionmap', ['unionmap:{texthash:plain,inline:{root=a},static:s}']],
    ['pipemap', ['pipemap:{texthash:second,regexp:{{/(.*)/ got $1}}}']],
    ['regexp in its name', ['regexp:{{/^root/ a}, {!/@/ b}}']],
    ['cidr in its name', ['cidr:{{10.0.0.0/8 a}, {::/0 b}}']],
  ])('P4: 5,000 keys in %s: the same answers', async (_what, tables) => {
    const input = `${keys.join('\n')}\n`;
    const [there, here] = await Promise.all([
      theirs('postmap', ['-q', '-', ...tables], input),
      ours('postmap', ['-q', '-', ...tables], input),
    ]);
    const lines = (ran: Ran): string[] => ran.out.split('\n');
    expect(lines(here)).toEqual(lines(there));
    expect([here.code, there.out === '']).toEqual([there.code, false]);
  });

  it.each([
    [['-q', 'root', 'hash:plain', 'inline:{root=a}']],
    [['-q', 'nosuchkey', 'hash:plain']],
    [['-qroot', 'inline:{root=a}']],
    [['-q', 'ROOT', 'inline:{root=a}']],
    [['-q', '', 'inline:{root=a}']],
    [['-q', '', 'static:x']],
    [['-q', 'x', 'texthash:nosuchfile']],
    [['-q', 'x', 'nosuchtype:x']],
    [['-q', 'x', 'hash:']],
    [['-q', 'x']],
    [['-q']],
    [['-x']],
    [[]],
    [['-q', 'a', '-q', 'b', 'inline:{a=b}']],
    [['-q', 'a', '-s', 'inline:{a=b}']],
    [['-s', 'inline:{a=b, {c = d e}}']],
    [['-s', 'static:x']],
    [['-s', 'regexp:{{/a/ b}}']],
    [['-q', 'a', '--', 'inline:{a=b}']],
    [['-Noq', 'a', 'inline:{a=b}']],
  ])('postmap %j: the same output and exit code', async (words) => {
    const [there, here] = await Promise.all([theirs('postmap', words), ours('postmap', words)]);
    const sorted = ({ code, out }: Ran) => ({ code, out: out.split('\n').sort() });
    expect(sorted(here)).toEqual(sorted(there));
    expect(here.err === '').toBe(there.err === '');
    // What getopt(3) and the usage say are the same words.
    if (/usage|invalid option|requires an argument|specify only one/.test(there.err)) expect(here.err).toBe(there.err);
  });

  it('-s lists the same entries', async () => {
    const sorted = ({ out }: Ran): string[] => out.split('\n').sort();
    expect(sorted(await ours('postmap', ['-s', 'hash:plain']))).toEqual(
      sorted(await theirs('postmap', ['-s', 'hash:plain'])),
    );
  });
});

describe('postalias', () => {
  it('the same targets for the same names', async () => {
    const names = ['root', 'Team', '"john smith"', 'list', 'cmd', 'file', 'inc', 'none', 'quoted', 'name'];
    writeFileSync(
      join(root, 'aliases'),
      [
        'root: admin',
        'TEAM:  a@x.example ,b,\n\t"c d"@x.example',
        '"john smith": js',
        'list: owner-list,  Full Name <f@x.example>, (remark) g',
        'cmd: "|/bin/cat  -n", h',
        'file: /var/mail/x',
        'inc: :include:/etc/list',
        'quoted: "a b"@x.example',
        'name: \\name, other',
        '',
      ].join('\n'),
    );
    await theirs('postalias', ['hash:aliases']);
    const keyLines = `${names.join('\n')}\njohn smith\n`;
    const there = await theirs('postalias', ['-q', '-', 'hash:aliases'], keyLines);
    const here = await ours('postalias', ['-q', '-', 'hash:aliases'], keyLines);
    expect(here.out.split('\n')).toEqual(there.out.split('\n'));
    expect(here.code).toBe(there.code);
  });
});
