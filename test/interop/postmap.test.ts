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
  for (const [name, { text }] of Object.entries(ODD)) writeFileSync(join(root, `odd-${name}`), `${text}\n`, 'latin1');
  makeFilesOld(config);
  await theirs('postmap', ['hash:odd-entries']);
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
/** Tables with rows that are cut off, ignored or left out, and keys to show it. */
const ODD: Readonly<
  Record<string, { readonly types: readonly string[]; readonly text: string; readonly keys: readonly string[] }>
> = {
  entries: {
    types: ['hash', 'texthash'],
    text: [
      ' continues nothing',
      'a 1\n  2\n# a remark\n  3\n\n \n  4',
      '\t# no remark',
      'b\t5 # no remark',
      '"never closed 7',
      'half" 8',
      '"in quotes" 9',
      '\\x 10',
      'x\\ y 11',
      ': 12',
      'alias: 13',
      'bare',
      '\0nul 14',
      'in\0key 15',
      'cut 16\0 17\n  18',
      `${'k'.repeat(3000)} long`,
      `value ${'v'.repeat(9000)}`,
      'octets\xff 19',
      'octets-in-value \xff',
      'twice 20\nTWICE 21',
      'cr 22\r',
      'last 23',
    ].join('\n'),
    keys: [
      'continues',
      'a',
      '#',
      'b',
      '"never',
      'half"',
      'in quotes',
      '"in quotes"',
      '\\x',
      'x\\ y',
      ':',
      'alias',
      'alias:',
      'bare',
      'nul',
      'in',
      'cut',
      'k'.repeat(3000),
      'value',
      'octets',
      'octets-in-value',
      'twice',
      'TWICE',
      'cr',
      'last',
      ' a',
      'a ',
    ],
  },
  rules: {
    types: ['regexp', 'pcre'],
    text: [
      'if /a/',
      '/b/ inner $0',
      'if !/c/',
      '/./ deep',
      'endif',
      'if',
      'endif',
      '/x(/ parenthesis',
      '/y/ good',
      '/z/q flag',
      '/w\\/ not closed',
      '/m/ m $1',
      '/(k)/ k $2',
      '!/(j)/ not j $1',
      'foo bar',
      '/p/  two  spaces  ',
      '/v/ cut\0off',
      '/e/x folded',
      '  over two lines',
      'endif',
      'endif extra',
      '/last/ end',
      'if /never closed/',
      '/never/ inside',
    ].join('\n'),
    keys: [
      'a',
      'ab',
      'ac',
      'acb',
      'x',
      'y',
      'z',
      'w',
      'm',
      'k',
      'j',
      'p',
      'v',
      'e',
      'last',
      'never',
      'never closed',
      'foo bar',
      'octets\xff',
    ],
  },
  networks: {
    types: ['cidr'],
    text: [
      '1.2.3.0/24 a',
      '1.2.3.4/24 host bits',
      '300.1.1.1 number',
      '1.2.3/24 short',
      '10.0.0.0/33 mask',
      '2001:db8::/32 b',
      '2001:db8::1/32 host bits',
      'if 5.0.0.0/8',
      '5.5.5.5 c',
      'if !5.6.0.0/16',
      '5.0.0.0/8 d',
      'endif',
      'endif',
      'endif',
      'foo bar',
      '8.8.8.8',
      '8.8.4.4 x  y\n  folded',
      '[2.2.2.2] in brackets',
      'if 7.7.7.0/24',
      '7.7.7.7 e',
    ].join('\n'),
    keys: [
      '1.2.3.4',
      '300.1.1.1',
      '10.0.0.1',
      '2001:db8::5',
      '5.5.5.5',
      '5.6.1.1',
      '5.1.1.1',
      '8.8.8.8',
      '8.8.4.4',
      '2.2.2.2',
      '7.7.7.7',
      '6.6.6.6',
      'foo',
      '',
    ],
  },
};

/** The lines that a command warns of. */
const warned = ({ err }: Ran): number[] =>
  [...new Set([...err.matchAll(/(?:, line |:)(\d+): /g)].map(([, line]) => Number(line)))].sort((a, b) => a - b);

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

  it.each(Object.entries(ODD))(
    'P4: odd and wrong rows of %s: the same answers and exit codes',
    async (name, { types, keys: asked }) => {
      for (const type of types) {
        const input = `${[...asked, ...keys.slice(0, 200)].join('\n')}\n`;
        const words = ['-q', '-', `${type}:odd-${name}`];
        const [there, here] = await Promise.all([theirs('postmap', words, input), ours('postmap', words, input)]);
        expect([type, here.code, here.out.split('\n')]).toEqual([type, there.code, there.out.split('\n')]);
        if (name === 'rules' || name === 'networks') expect(warned(here)).toEqual(warned(there));
      }
    },
  );

  it('-s lists the same entries', async () => {
    const sorted = ({ out }: Ran): string[] => out.split('\n').sort();
    expect(sorted(await ours('postmap', ['-s', 'hash:plain']))).toEqual(
      sorted(await theirs('postmap', ['-s', 'hash:plain'])),
    );
  });
});

describe('postalias', () => {
  /** Text that looks like the two sides of an alias, with everything that is special in one. */
  const oddText = (length: number): string =>
    Array.from({ length }, () =>
      one([...'ab,. :;<>[]()"|!%@\\', '\t', 'é', '\x01', '$', 'word', 'a@b.c', '"q s"', '\\x', '\\,', '  ']),
    ).join('');
  const odd = Array.from({ length: 6_000 }, (_, index) => {
    const name = random(3) === 0 ? `${oddText(3)}${index}${oddText(2)}` : `n${index}`;
    return `${name}${one([':', ' :', ': '])}${oddText(random(9))}${one(['', '', '\n # remark\n  more, x'])}`;
  });
  const named = Array.from({ length: 5_000 }, (_, index) => `n${index}`);
  const LINES: readonly string[] = [
    ' leads: x',
    'root: admin',
    'TEAM:  a@x.example ,b,\n\t"c d"@x.example',
    '"john smith": js',
    'list: owner-list,  Full Name <f@x.example>, (remark) g',
    'cmd: "|/bin/cat  -n", h',
    'file: /var/mail/x',
    'inc: :include:/etc/list',
    'quoted: "a b"@x.example',
    'name: \\name, other',
    'c : d',
    'semi: a; b',
    'comma: a\\,b',
    'open: "never closed',
    'root: again',
    'Root: again',
    '# remark',
    'two names: x',
    'a, b: x',
    'at@home: x',
    'per%cent: x',
    ': nothing',
    'nothing:',
    'no colon',
    'group: g: a, b;',
    '(only): x',
    'wide: a\u00a0b \u3000',
    'cut: a\0b',
  ];

  it('P10: the same targets for 5,000 names of an odd file, and the same lines are ignored', async () => {
    writeFileSync(join(root, 'odd-aliases'), `${odd.join('\n')}\n`);
    const made = await theirs('postalias', ['hash:odd-aliases']);
    makeFilesOld(root);
    const words = ['-q', '-', 'hash:odd-aliases'];
    const input = `${[...named, ...keys.slice(0, 500)].join('\n')}\n`;
    const [there, here] = await Promise.all([theirs('postalias', words, input), ours('postalias', words, input)]);
    // Postfix answers nothing where nothing is left, and warns; here such a line is ignored.
    const answers = ({ out }: Ran) => out.split('\n').filter((line) => !/:\t$|^@:/.test(line));
    expect(answers(here)).toEqual(answers(there));
    expect(answers(here).length).toBeGreaterThan(3_000);
    const checked = await ours('postalias', ['hash:odd-aliases']);
    const fault = /, line (\d+): (?:need|name must)/g;
    const wrong = [...made.err.matchAll(fault)].map(([, line]) => Number(line));
    // Ours tells of the first hundred lines.
    expect(wrong.slice(0, 70).filter((line) => !warned(checked).includes(line))).toEqual([]);
    expect(wrong.length).toBeGreaterThan(100);
    const list = ({ out }: Ran) =>
      answers({ code: 0, err: '', out })
        .filter((line) => !/^(?:@|YP_\w+|):\t/.test(line))
        .sort();
    expect(list(await ours('postalias', ['-s', 'hash:odd-aliases']))).toEqual(
      list(await theirs('postalias', ['-s', 'hash:odd-aliases'])),
    );
  });

  it('P10: each wrong line and each name that is given again is warned of', async () => {
    writeFileSync(join(root, 'aliases'), `${LINES.join('\n')}\n`);
    const there = await theirs('postalias', ['hash:aliases']);
    makeFilesOld(root);
    const here = await ours('postalias', ['hash:aliases']);
    const twice = there.err.match(/duplicate entry/g)?.length;
    expect([twice, here.err.match(/already defined/g)?.length]).toEqual([2, 2]);
    const leads = /must not start with whitespace/.test(there.err) ? [1] : [];
    const lines = [...leads, ...warned(there)];
    expect(warned(here).filter((line) => lines.includes(line))).toEqual(lines);
    expect(here.code).toBe(there.code);
    const names = [
      'root',
      'ROOT',
      'Team',
      '"john smith"',
      'john smith',
      'list',
      'cmd',
      'file',
      'inc',
      'none',
      'quoted',
    ];
    const input = `${[...names, 'name', 'c', 'semi', 'comma', 'open', 'two names', 'group', '(only)', 'wide', 'cut', ''].join('\n')}\n`;
    for (const words of [
      ['-q', '-'],
      ['-r', '-q', '-'],
      ['-Nq', '-'],
    ]) {
      const asked = [...words, 'hash:aliases'];
      const [old, now] = await Promise.all([theirs('postalias', asked, input), ours('postalias', asked, input)]);
      expect([asked, now.code, now.out.split('\n')]).toEqual([asked, old.code, old.out.split('\n')]);
    }
  });

  it.each([
    [['-q', 'root', 'hash:aliases', 'inline:{root=a}']],
    [['-q', 'nosuchname', 'hash:aliases']],
    [['-q', 'nosuchname', '-r', 'hash:aliases']],
    [['-q', 'root', 'inline:{root=a  ,b}']],
    [['-q', 'x', 'hash:nosuchfile']],
    [['-q', 'x', 'nosuchtype:x']],
    [['-q', 'a', '-s', 'hash:aliases']],
    [['-s', 'inline:{a=b, {c = d e}}']],
    [['-q']],
    [['-x']],
    [[]],
  ])('postalias %j: the same output and exit code', async (words) => {
    const [there, here] = await Promise.all([theirs('postalias', words), ours('postalias', words)]);
    const sorted = ({ code, out }: Ran) => ({ code, out: out.split('\n').sort() });
    expect(sorted(here)).toEqual(sorted(there));
    if (/usage|invalid option|requires an argument|specify only one/.test(there.err)) expect(here.err).toBe(there.err);
  });
});
