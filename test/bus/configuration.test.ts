/** A plugin's configuration: its formats, its schema, and what is said about faults. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MOST_OCTETS, readPluginFile } from '../../src/bus/configuration/file.ts';
import { loadPlugins } from '../../src/bus/load.ts';
import { words } from './house.ts';
import { faultsOf, loadOptions, plugin, pluginFolder } from './plugin-folder.ts';

/** Answers VRFY with its configuration. */
const TELLS = "server.on('vrfy', () => deny(reply(550, '5.0.0', JSON.stringify(server.config))));";
const SCHEMA = `config: {
  word: setting.text({ default: 'lottery' }),
  limit: setting.number({ min: 1, max: 10, whole: true, default: 3 }),
  wait: setting.duration({ default: 60 }),
  mode: setting.oneOf(['mild', 'strict'], { default: 'mild' }),
  loud: setting.boolean({ default: false }),
  hosts: setting.list(setting.object({ name: setting.text(), port: setting.number({ default: 25 }) }), { default: [] }),
  weights: setting.map(setting.number(), { default: {} }),
  remark: setting.optional(setting.text()),
},`;

async function configOf(files: Readonly<Record<string, string>>, schema = SCHEMA): Promise<unknown> {
  const directory = pluginFolder({ 'plugins/a/index.ts': plugin('a', TELLS, schema), ...files });
  const bus = await loadPlugins(loadOptions(['a'], directory));
  return JSON.parse(words(await bus.run('vrfy', { connection: {} as never, address: '' })).replace(/^550 5.0.0 /, ''));
}

const faults = (files: Readonly<Record<string, string>>, schema = SCHEMA): Promise<readonly string[]> =>
  faultsOf(['a'], pluginFolder({ 'plugins/a/index.ts': plugin('a', TELLS, schema), ...files }));

const DEFAULTS = { word: 'lottery', limit: 3, wait: 60, mode: 'mild', loud: false, hosts: [], weights: {} };

describe('the configuration of a plugin', () => {
  it('cannot have a setting whose name is one of the server', async () => {
    expect(await faults({}, "config: { after: setting.text({ default: '' }) },")).toEqual([
      expect.stringContaining('"after" is what the server itself reads'),
    ]);
  });

  it('has the defaults of its schema without a file', async () => expect(await configOf({})).toEqual(DEFAULTS));

  it.each([
    ['json', '{ "limit": 5, "wait": "5 min", "loud": true, "hosts": [{ "name": "a" }], "weights": { "x": 1.5 } }'],
    ['toml', 'limit = 5\nwait = "5 min"\nloud = true\n[[hosts]]\nname = "a"\n[weights]\nx = 1.5\n'],
    ['yaml', 'limit: 5\nwait: 5 min\nloud: true\nhosts:\n  - name: a\nweights: { x: 1.5 }\n'],
    ['yml', 'limit: 5\nwait: 300\nloud: true\nhosts: { name: a }\nweights:\n  x: 1.5\n'],
  ])('is read from .%s', async (ending, text) =>
    expect(await configOf({ [`plugins.d/a.${ending}`]: text })).toEqual({
      ...DEFAULTS,
      limit: 5,
      wait: 300,
      loud: true,
      hosts: [{ name: 'a', port: 25 }],
      weights: { x: 1.5 },
    }),
  );

  it('is read from .ini, with sections, lists, and numbers as text between quotes', async () => {
    const text = '; remark\nlimit = 5\nword = "5"\nloud = yes\n\n# more\n[weights]\nx = 1.5\ny = 2\n';
    expect(await configOf({ 'plugins.d/a.ini': text })).toEqual({
      ...DEFAULTS,
      limit: 5,
      word: '5',
      loud: true,
      weights: { x: 1.5, y: 2 },
    });
    const list = await configOf({ 'plugins.d/a.ini': 'hosts[] = a\nhosts[] = b = c\nword = 007\n' }, '');
    expect(list).toEqual({ hosts: ['a', 'b = c'], word: '007' });
  });

  it.each([
    [
      'json',
      '{\n  "word": 7,\n  "limit": 11,\n  "hots": [],\n  "hosts": [\n    { "name": "a" },\n    { "nmae": "b" }\n  ],\n  "deadline": 0\n}',
      [2, 3, 4, 7, 7, 9],
    ],
    [
      'toml',
      'word = 7\nlimit = 11\nhots = []\ndeadline = 0\n[[hosts]]\nname = "a"\n[[hosts]]\nnmae = "b"\n',
      [1, 2, 3, 8, 7, 4],
    ],
    ['yaml', 'word: 7\nlimit: 11\nhots: []\nhosts:\n  - name: a\n  - nmae: b\ndeadline: 0\n', [1, 2, 3, 6, 6, 7]],
  ])(
    'G12: in .%s: every fault is told with its line, what is there and what was expected',
    async (ending, text, at) => {
      const place = (i: number): string => `plugin a: DIR/plugins.d/a.${ending}:${at[i]}:`;
      const expected = [
        `${place(0)} word: is 7, expected text`,
        `${place(1)} limit: is 11, expected a whole number from 1 to 10`,
        `${place(2)} hots: is not known, expected hosts?`,
        `${place(3)} hosts[1].nmae: is not known, expected name?`,
        `${place(4)} hosts[1].name: is missing, expected text`,
        `${place(5)} deadline: expected a number of seconds from above 0 to 3600`,
      ];
      const found = await faults({ [`plugins.d/a.${ending}`]: text });
      expect(found.toSorted()).toEqual(expected.toSorted());
      const lines = found.map((fault) => Number(/:(\d+):/.exec(fault)?.[1]));
      expect(lines).toEqual(lines.toSorted((a, b) => a - b));
    },
  );

  it.each([
    ['json', '{\n  "a": 1,\n}', '3: is not JSON: Expected double-quoted property name'],
    ['json', '{\n  "a": 1', "2: is not JSON: Expected ',' or '}' after property value"],
    ['json', '{\n "a": 1,\n "a": 2 }', '3: is not YAML: Map keys must be unique'],
    ['json', '[]', '1: must hold names and values, such as { "onError": "pass" }'],
    ['toml', 'a = 1\na = 2\n', '2: is not TOML: Defining a key multiple times is invalid'],
    [
      'yaml',
      'a: 1\nb: [\n',
      '3: is not YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
    ],
    [
      'yaml',
      `a: 1\nb: &b [1]\nc: &c [${'*b,'.repeat(50)}]\nd: [${'*c,'.repeat(50)}]\n`,
      '3: cannot be read as YAML: Excessive alias count indicates a resource exhaustion attack',
    ],
    ['yaml', 'just words', '1: must hold names and values, such as { "onError": "pass" }'],
    ['ini', 'a = 1\na = 2\n', '2: a is there already; write a[] = … for each item of a list'],
    ['ini', 'a = 1\nwords\n', '2: is neither name = value nor [section]'],
    ['ini', 'a = "x\n', '1: a: is not closed, expected text between double quotes as JSON writes it'],
  ])('in .%s: %j is refused', async (ending, text, message) =>
    expect((await faults({ [`plugins.d/a.${ending}`]: text }))[0]).toContain(
      `plugin a: DIR/plugins.d/a.${ending}:${message}`,
    ),
  );

  it('in two files at once is refused, and both are named', async () =>
    expect(await faults({ 'plugins.d/a.json': '{}', 'plugins.d/a.toml': '' })).toEqual([
      'plugin a: DIR/plugins.d/a.json: is there twice, and as DIR/plugins.d/a.toml; keep one of them',
    ]));

  it('of 100 MB is refused without being read, and so is a folder', async () => {
    const directory = pluginFolder({ 'plugins/a/index.ts': plugin('a', TELLS), 'plugins.d/b.json/x': '' });
    writeFileSync(join(directory, 'plugins.d/a.json'), Buffer.alloc(100_000_000, ' '));
    expect(await faultsOf(['a'], directory)).toEqual([
      `plugin a: DIR/plugins.d/a.json: has 100000000 octets, expected at most ${MOST_OCTETS}; put data into a file of its own`,
    ]);
    expect((await readPluginFile('b', directory)).faults[0]?.message).toBe('is not a file');
  });

  it('what must be there and is not is told without a file too; secrets are not shown', async () => {
    const schema = 'config: { apiKey: setting.text(), sites: setting.list(setting.text()) },';
    expect(await faults({}, schema)).toEqual([
      'plugin a: DIR/plugins.d/a.json: apiKey: is missing, expected text (there is no such file)',
      'plugin a: DIR/plugins.d/a.json: sites: is missing, expected a list (there is no such file)',
    ]);
    expect(await faults({ 'plugins.d/a.json': '{ "apiKey": 123, "sites": "x" }' }, schema)).toEqual([
      'plugin a: DIR/plugins.d/a.json:1: apiKey: is a number, expected text',
    ]);
  });

  it('is checked by any Standard Schema, whose lines are found, and what it drops is told', async () => {
    const schema = (body: string): string =>
      `config: { '~standard': { version: 1, vendor: 'test', validate: async (value: any) => { ${body} } } } as any,`;
    const issues = "return { issues: [{ message: 'too hot', path: ['a', { key: 1 }] }, { message: 'odd' }] };";
    const file = { 'plugins.d/a.yaml': 'a:\n  - 1\n  - 2\ncolour: red\n' };
    expect(await faults(file, schema(issues))).toEqual([
      'plugin a: DIR/plugins.d/a.yaml: odd',
      'plugin a: DIR/plugins.d/a.yaml:3: a[1]: too hot',
    ]);
    expect(await faults(file, schema('return { value: { a: value.a, color: 1 } };'))).toEqual([
      'plugin a: DIR/plugins.d/a.yaml:4: colour: is not known, expected color?',
    ]);
    expect(await configOf(file, schema("return { value: { ...value, more: 'x' } };"))).toEqual({
      a: [1, 2],
      colour: 'red',
      more: 'x',
    });
    expect(await faults(file, schema("throw new Error('broken');"))).toEqual(['plugin a: broken']);
    expect(await faults({}, 'config: 7 as any,')).toEqual([
      'plugin a: the default export of DIR/plugins/a/index.ts has a config that is no schema; expected { word: setting.text() }, or a schema',
    ]);
  });

  it('a load that finds only the configuration changed registers the plugin with the new one', async () => {
    const directory = pluginFolder({ 'plugins/a/index.ts': plugin('a', TELLS, SCHEMA), 'plugins.d/a.toml': '' });
    const wordNow = async (): Promise<unknown> => {
      const bus = await loadPlugins(loadOptions(['a'], directory));
      return /"word":"(\w+)"/.exec(words(await bus.run('vrfy', { connection: {} as never, address: '' })))?.[1];
    };
    expect(await wordNow()).toBe('lottery');
    writeFileSync(join(directory, 'plugins.d/a.toml'), 'word = "casino"\n');
    expect(await wordNow()).toBe('casino');
  });

  it('no file makes the reader throw', async () => {
    const directory = pluginFolder({ 'plugins.d/x': '' });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('json', 'toml', 'yaml', 'ini'),
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.constantFrom(
            '['.repeat(5_000),
            '{"a":'.repeat(5_000),
            `a: &a [x]\nb: [${'*a,'.repeat(500)}]`,
            '__proto__ = 1',
            '{"__proto__": 1}',
            'a = [[[[',
          ),
        ),
        async (ending, text) => {
          const path = join(directory, `plugins.d/fuzz.${ending}`);
          writeFileSync(path, text);
          const { file, faults: found } = await readPluginFile('fuzz', directory);
          expect(file === null).toBe(found.length > 0);
          rmSync(path);
        },
      ),
      { numRuns: 60 },
    );
  });
});
