/** In which order plugins are called, and for whom. */
import { describe, expect, it } from 'vitest';
import type { HookArguments, HookName } from '../../src/bus/hook.ts';
import { loadPlugins } from '../../src/bus/load.ts';
import { accountOf } from '../kit/directory.ts';
import { parametersOf } from '../kit/parameters.ts';
import { connect, recipient, transactionOf } from './house.ts';
import { faultsOf, loadOptions, plugin, pluginFolder } from './plugin-folder.ts';

/** The plugins a to d, each with what its definition and its configuration say. */
async function orderOf(
  names: readonly string[],
  rules: Readonly<Record<string, string>>,
  files: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  const texts = names.map((name) => [`plugins/${name}/index.ts`, plugin(name, '', rules[name] ?? '')]);
  const directory = pluginFolder({ ...Object.fromEntries(texts), ...files });
  return (await loadPlugins(loadOptions(names, directory))).plugins.map(({ name }) => name);
}

describe('the order of plugins', () => {
  it('is that of the file plugins where nothing else is said', async () =>
    expect(await orderOf(['c', 'a', 'b'], {})).toEqual(['c', 'a', 'b']));

  it('G13: follows after and before, and the file in what they leave free', async () => {
    expect(await orderOf(['a', 'b', 'c', 'd'], { a: "after: ['c']," })).toEqual(['b', 'c', 'a', 'd']);
    expect(await orderOf(['a', 'b', 'c', 'd'], { d: "before: ['a', 'b']," })).toEqual(['c', 'd', 'a', 'b']);
  });

  it('can be said by the configuration instead', async () => {
    const rules = { a: "after: ['b']," };
    const files = { 'plugins.d/a.json': '{ "after": [] }', 'plugins.d/b.toml': 'after = "c"' };
    expect(await orderOf(['a', 'b', 'c'], rules, files)).toEqual(['a', 'c', 'b']);
  });

  it('is not changed by the name of a plugin that is not enabled, which is shown', async () => {
    const directory = pluginFolder({
      'plugins/a/index.ts': plugin('a', '', "after: ['nobody', 'b'], before: ['none'],"),
      'plugins/b/index.ts': plugin('b', ''),
    });
    const { plugins } = await loadPlugins(loadOptions(['a', 'b'], directory));
    expect(plugins.map(({ name, policy }) => [name, policy.order])).toEqual([
      ['b', undefined],
      ['a', ['after nobody (not enabled)', 'after b', 'before none (not enabled)']],
    ]);
  });

  it('in a circle is refused, and the circle is told', async () => {
    const directory = pluginFolder({
      'plugins/a/index.ts': plugin('a', '', "after: ['c'],"),
      'plugins/b/index.ts': plugin('b', '', "after: ['a'],"),
      'plugins/c/index.ts': plugin('c', ''),
      'plugins/d/index.ts': plugin('d', '', "before: ['a', 5] as any,"),
      'plugins.d/c.yaml': 'after: [b]',
      'plugins/e/index.ts': plugin('e', ''),
      'plugins.d/e.yaml': '\nafter: [b, 5]',
    });
    expect(await faultsOf(['a', 'b', 'c'], directory)).toEqual([
      'plugin b: cannot be ordered: by "after" and "before", b comes before c comes before a comes before b',
    ]);
    expect(await faultsOf(['d', 'e'], directory)).toEqual([
      "plugin d: the default export of DIR/plugins/d/index.ts has names in before that are no list of plugins' names",
      'plugin e: DIR/plugins.d/e.yaml:2: after: expected names of plugins',
    ]);
  });
});

describe('a plugin that is active for some', () => {
  const house = { parameters: parametersOf() };
  const stranger = connect(house, { recipients: ['x@other.example'] });
  const user = connect(house, { login: 'a', account: 'a@example.org', recipients: ['x@other.example'] });
  const other = connect(house, { login: 'b', account: 'b@example.net' });
  const to = (...recipients: string[]) => ({ ...stranger, transaction: transactionOf('a@example.org', recipients) });
  const whole = (...recipients: string[]) => ({ connection: null, transaction: transactionOf('', recipients) });
  const account = (address: string) => ({ account: accountOf(address) });

  /** Is it called for these arguments? */
  const CASES: readonly (readonly [HookName, object, boolean])[] = [
    ['connect', { connection: stranger }, true],
    ['dns_query', { question: {}, answer: { records: [], rcode: 'NOERROR' } }, true],
    ['auth', { login: 'A@Example.ORG' }, true],
    ['auth', { login: 'a' }, true],
    ['auth', { login: 'a@example.net' }, false],
    ['mail', { connection: stranger }, true],
    ['mail', { connection: user }, true],
    ['mail', { connection: other }, false],
    ['rcpt', { connection: stranger, recipient: recipient('a@example.org') }, true],
    ['rcpt', { connection: stranger, recipient: recipient('a+news@example.org') }, true],
    ['rcpt', { connection: stranger, recipient: recipient('a@example.net') }, false],
    ['rcpt', { connection: user, recipient: recipient('x@other.example') }, true],
    ['data', { connection: stranger }, false],
    ['data', { connection: user }, true],
    ['data', { connection: to('x@other.example', 'a@example.org') }, true],
    ['data_post', whole('x@other.example', 'a@example.org'), true],
    ['data_post', whole('x@other.example'), false],
    ['queue', { ...whole('x@other.example'), connection: user }, true],
    ['vrfy', { connection: stranger, address: 'a@example.org' }, true],
    ['vrfy', { connection: stranger, address: 'x@other.example' }, false],
    ['etrn', { connection: stranger, domain: 'other.example' }, false],
    ['expand', { recipient: recipient('x@other.example'), into: [] }, false],
    [
      'deliver',
      { ...account('a@example.org'), recipient: recipient('alias@other.example'), mailbox: 'INBOX', flags: [] },
      true,
    ],
    [
      'deliver',
      { ...account('b@example.net'), recipient: recipient('b@example.net'), mailbox: 'INBOX', flags: [] },
      false,
    ],
    ['send_email', { recipients: ['x@other.example'] }, false],
    ['get_mx', { domain: 'other.example', hosts: [] }, false],
    ['imap_login', account('a@example.org'), true],
    ['pop3_login', account('b@example.net'), false],
  ];

  it.each([
    ['domains', '{ "domains": ["Example.org"] }'],
    ['accounts', '{ "accounts": "a@example.org" }'],
  ])('by %s is called for what is about them, and for what is about no address', async (_, configuration) => {
    const hooks = [...new Set(CASES.map(([hook]) => hook))];
    const body = hooks.map((hook) => `server.on('${hook}', () => DISCONNECT);`).join('\n');
    const text = plugin('a', body).replace('NEXT,', 'DISCONNECT, NEXT,');
    const directory = pluginFolder({ 'plugins/a/index.ts': text, 'plugins.d/a.json': configuration });
    const bus = await loadPlugins(loadOptions(['a'], directory));
    for (const [hook, argument, called] of CASES) {
      const { code } = await bus.run(hook, argument as HookArguments[typeof hook]);
      expect([hook, argument, code === 'DISCONNECT']).toEqual([hook, argument, called]);
    }
  });

  it('for the domain alone is called for every account there', async () => {
    const directory = pluginFolder({
      'plugins/a/index.ts': plugin('a', "server.on('expand', () => OK);"),
      'plugins.d/a.json': '{ "domains": ["example.org"], "accounts": ["c@example.net"] }',
      'plugins/b/index.ts': plugin('b', ''),
      'plugins.d/b.json': '{\n"domains": ["a@example.org"],\n"accounts": ["example.org"] }',
    });
    const bus = await loadPlugins(loadOptions(['a'], directory));
    const codes = await Promise.all(
      ['b@example.org', 'c@example.net', 'd@example.net'].map(
        async (address) =>
          (await bus.run('expand', { recipient: recipient(address), into: [], steps: { maps: true, aliases: true } }))
            .code,
      ),
    );
    expect(codes).toEqual(['OK', 'OK', 'NEXT']);
    expect(bus.plugins[0]?.policy.activeFor).toEqual({ domains: ['example.org'], accounts: ['c@example.net'] });
    expect(await faultsOf(['b'], directory)).toEqual([
      'plugin b: DIR/plugins.d/b.json:2: domains: expected domains such as "example.org"',
      'plugin b: DIR/plugins.d/b.json:3: accounts: expected addresses such as "a@example.org"',
    ]);
  });
});
