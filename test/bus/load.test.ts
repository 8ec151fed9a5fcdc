import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadPlugins } from '../../src/bus/load.ts';
import { hasOtherCode, locate } from '../../src/bus/locate.ts';
import { parseHeader } from '../../src/protocol/mime/header.ts';
import { temporaryFolder } from '../kit/folder.ts';
import { connect, openHouse, rcpt, recipient, transactionOf, UNCHANGEABLE, words } from './house.ts';
import { faultsOf, pluginFolder as folder, loadOptions as options, plugin } from './plugin-folder.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const README = fileURLToPath(new URL('../../plugins/README.md', import.meta.url));

describe('loading', () => {
  it('plugins are found in the folders in order, and as packages next to the configuration', async () => {
    const directory = folder({
      'builtin/a/index.ts': plugin('a', "server.on('vrfy', () => deny(reply(550, '5.0.0', 'built in')));"),
      'plugins/a/index.ts': plugin('a', "server.on('vrfy', () => OK);"),
      'plugins/b/index.js': plugin('b', "server.on('etrn', () => OK);"),
      'node_modules/@scope/c/package.json': '{ "type": "module", "exports": "./main.js" }',
      'plugins.d/a.json': '{ "worker": false }',
      'plugins.d/@scope/c.json': '{ "worker": false }',
      'node_modules/@scope/c/main.js': plugin('c', "server.on('unrecognized_command', () => OK);"),
    });
    const bus = await loadPlugins(options(['a', 'b', '@scope/c'], directory));
    expect(words(await bus.run('vrfy', { connection: {} as never, address: 'x' }))).toBe('550 5.0.0 built in');
    expect([bus.has('etrn'), bus.has('unrecognized_command'), bus.has('mail')]).toEqual([true, true, false]);
  });

  it('all faults are reported at once: what was found, what was expected', async () => {
    const directory = folder({
      'plugins/empty/index.ts': 'export const x = 1;\n',
      'plugins/func/index.ts': 'export default function f() {}\n',
      'plugins/nameless/index.ts': 'export default { register() {} };\n',
      'plugins/other/index.cjs': 'exports.hook_mail = (next) => next();\n',
      'plugins/idle/index.ts': "export default { name: 'idle' };\n",
      'plugins/throws/index.ts': plugin('throws', "throw new Error('needs an apiKey');"),
      'plugins/unknown/index.js': 'const a = 1;\nexport default definePlugin({});\n',
      'plugins/badjson/index.ts': plugin('badjson', ''),
      'plugins.d/badjson.json': '{ "deadline": -1 }',
    });
    const faults = await faultsOf(
      ['empty', 'func', 'nameless', 'other', 'idle', 'throws', 'unknown', 'badjson', 'missing', '../evil', 'missing'],
      directory,
    );
    const expected = 'expected `export default definePlugin({ name, register(server) { … } })`';
    expect(faults).toEqual([
      `plugin empty: DIR/plugins/empty/index.ts has no default export (it exports x); ${expected}`,
      `plugin func: the default export of DIR/plugins/func/index.ts is a function; ${expected}`,
      `plugin nameless: the default export of DIR/plugins/nameless/index.ts has no name; ${expected}`,
      'plugin other: DIR/plugins/other/index.cjs is a plugin of Haraka: write its name to haraka/config/plugins, and haraka to this list (plugins/haraka/README.md)',
      `plugin idle: the default export of DIR/plugins/idle/index.ts has no register function; ${expected}`,
      'plugin throws: needs an apiKey',
      'plugin unknown: could not be imported from DIR/plugins/unknown/index.js:2: definePlugin is not defined',
      'plugin badjson: DIR/plugins.d/badjson.json:1: deadline: expected a number of seconds from above 0 to 3600',
      'plugin missing: is listed more than once; list it once',
      'plugin ../evil: is not a plugin name; expected a folder name such as greylist, or a package name such as @scope/greylist',
    ]);
    expect(await faultsOf(['missing'], directory)).toEqual([
      'plugin missing: not found. Looked for missing/index.ts and missing.ts (or .mts, .js, .mjs, .cjs) in DIR/builtin, DIR/plugins, and for a package missing or posthorn-plugin-missing in DIR',
    ]);
  });

  it('G15: a plugin whose code changes while it is read is read again, and refused if that goes on', async () => {
    const onImport = (most: number): string => `import { appendFileSync, existsSync, readFileSync } from 'node:fs';
const file = new URL('./count.json', import.meta.url).pathname;
if (!existsSync(file) || readFileSync(file, 'utf8').length < ${most}) appendFileSync(file, 'x');
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
`;
    const directory = folder({
      'plugins/once/index.ts': onImport(1) + plugin('once', ''),
      'plugins/always/index.ts': onImport(1_000) + plugin('always', ''),
    });
    const bus = await loadPlugins(options(['once'], directory));
    expect(bus.plugins.map(({ name }) => name)).toEqual(['once']);
    expect(readFileSync(join(directory, 'plugins/once/count.json'), 'utf8')).toBe('x');
    expect(await faultsOf(['always'], directory)).toEqual([
      'plugin always: DIR/plugins/always/index.ts: its code changed 3 times while it was read; reload when it is complete',
    ]);
  });

  it('a plugin gets its own configuration, and the bus its deadline and failure mode', async () => {
    const body =
      "server.on('vrfy', () => deny(reply(550, '5.0.0', JSON.stringify(server.config)))); server.on('etrn', () => { throw new Error('x'); });";
    const directory = folder({
      'plugins/a/index.ts': plugin('a', body),
      'plugins.d/a.json': '{ "onError": "pass", "deadline": 1, "lists": ["x"] }',
    });
    const bus = await loadPlugins(options(['a'], directory));
    expect(words(await bus.run('vrfy', { connection: {} as never, address: '' }))).toBe('550 5.0.0 {"lists":["x"]}');
    expect(words(await bus.run('etrn', { connection: {} as never, domain: '' }))).toBe('NEXT');
  });

  it('G6: listeners on process that a plugin in the main thread leaves behind are told; in a worker they end with it', async () => {
    const listening = `const off = () => {}; process.on('SIGUSR2', off); process.on('warning', off); server.onClose(() => process.off('warning', off));`;
    const directory = folder({
      'plugins/leaking.ts': plugin('leaking', listening),
      'builtin/kept.ts': plugin('kept', listening),
    });
    const before = process.listenerCount('SIGUSR2');
    const given = options(['leaking', 'kept'], directory);
    await (await loadPlugins(given)).close();
    expect(given.lines).toEqual([
      'warn: plugin leaking: its listeners on process (SIGUSR2) are still there after its close, and each reload adds more: remove them in server.onClose',
    ]);
    expect(process.listenerCount('SIGUSR2')).toBe(before + 1);
    process.removeAllListeners('SIGUSR2');
  });

  it('G15: a call in flight at a reload ends in the plugin where it began, before that is closed', async () => {
    const directory = folder({
      'plugins/slow.ts': plugin(
        'slow',
        `let closed = false; server.onClose(() => { closed = true; });
        server.on('helo', async () => { await new Promise((resolve) => setTimeout(resolve, 300)); return deny(reply(550, '5.0.0', closed ? 'closed' : 'open')); });`,
      ),
    });
    const house = await openHouse({ plugins: ['slow'], directories: [join(directory, 'plugins')] });
    const verdict = house.bus.run('helo', { connection: connect(house), name: 'x' });
    await house.bus.close();
    expect(words(await verdict)).toBe('550 5.0.0 open');
  });

  it('two plugins that define the same restriction are refused, and so is adding a hook after registration', async () => {
    const define = "server.defineRestriction('Reject_Cats', { check: () => ({ kind: 'dunno' }) });";
    const directory = folder({
      'plugins/a/index.ts': plugin('a', define),
      'plugins/b/index.ts': plugin('b', define),
      'plugins/late/index.ts': plugin(
        'late',
        "server.on('vrfy', () => { server.on('etrn', () => OK); return OK; });",
        "onError: 'pass',",
      ),
    });
    expect(await faultsOf(['a', 'b'], directory)).toEqual([
      'plugin b: defines the restriction Reject_Cats, which another plugin defines already',
    ]);
    const bus = await loadPlugins(options(['late'], directory));
    expect(words(await bus.run('vrfy', { connection: {} as never, address: '' }))).toBe('NEXT');
    expect(bus.has('etrn')).toBe(false);
  });

  it('unknown hooks are reported with the nearest name, handlers and restrictions of the wrong type too, all at once', async () => {
    const directory = folder({
      'plugins/a/index.ts': plugin(
        'a',
        `const on = server.on as any; const define = server.defineRestriction as any;
        on('mial', () => OK); on('EHLO', () => OK); on('toString', () => OK); on(7, () => OK); on('mail', 'x'); on('mail', () => OK, { priority: 'first' }); on('mail', () => OK, { when: 1 });
        (server.onClose as any)(1);
        define('two words', { check: () => ({ kind: 'dunno' }) }); define('cats'); define('dogs', { check: 1 }); define('birds', { check: () => 1, takesArgument: 'yes' });`,
      ),
      'plugins/b/index.ts': plugin('b', "try { server.on('rctp' as any, () => OK); } catch {}"),
    });
    const faults = await faultsOf(['a', 'b'], directory);
    expect(faults[2]).toMatch(
      /^plugin a: server\.on\("toString"\): there is no such hook; known are connect_init, lookup_rdns, connect, /,
    );
    expect(faults.toSpliced(2, 1)).toEqual([
      'plugin a: server.on("mial"): there is no such hook; did you mean mail?',
      'plugin a: server.on("EHLO"): there is no such hook; did you mean helo?',
      "plugin a: server.on needs a hook's name, got number",
      "plugin a: server.on('mail') needs a function, got string",
      "plugin a: server.on('mail') needs a number as its priority",
      "plugin a: server.on('mail') needs a function as its when, got number",
      'plugin a: server.onClose needs a function, got number',
      'plugin a: server.defineRestriction needs a name of letters, digits and underscores, got "two words"',
      "plugin a: server.defineRestriction('cats') needs { check(question) { … } }, got undefined",
      "plugin a: server.defineRestriction('dogs') needs a function check, got number",
      "plugin a: server.defineRestriction('birds') needs true or false as takesArgument, got string",
      'plugin b: server.on("rctp"): there is no such hook; did you mean rcpt?',
    ]);
  });

  it('any exception during import or registration is reported as a fault of the plugin', async () => {
    const thrown = 'const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); throw proxy;';
    const directory = folder({
      'plugins/a/index.ts': plugin('a', thrown),
      'plugins/b/index.ts': thrown,
      'plugins/c/index.ts': plugin(
        'c',
        'return { then() { throw Object.assign(new Error(), { message: {} }); } } as any;',
      ),
    });
    expect(await faultsOf(['a', 'b', 'c'], directory)).toEqual([
      'plugin a: an error whose message is of type object',
      'plugin b: could not be imported from DIR/plugins/b/index.ts: an error whose message is of type object',
      'plugin c: an error whose message is of type object',
    ]);
  });

  it('a restriction that returns an invalid outcome fails; its outcome is not used', async () => {
    const wrong = [
      "'OK'",
      'undefined',
      "{ kind: 'allow' }",
      "{ kind: 'permit', relay: 'yes' }",
      "{ kind: 'reject', reply: { code: 250, enhanced: '', text: 'x' } }",
      "{ kind: 'evaluate', list: 'permit' }",
    ];
    for (const outcome of wrong.flatMap((one) => [one, `Promise.resolve(${one})`])) {
      const directory = folder({
        'builtin/odd/index.ts': plugin('odd', `server.defineRestriction('odd', { check: () => (${outcome}) as any });`),
      });
      const directories = [join(directory, 'builtin'), fileURLToPath(new URL('../../plugins', import.meta.url))];
      const house = await openHouse({
        plugins: ['odd', 'restrictions'],
        directories,
        parameters: { smtpd_recipient_restrictions: 'odd, permit' },
        files: { 'plugins.d/restrictions.json': '{ "worker": false }' },
      });
      expect(await rcpt(house, 'xixi@baidu.com'), outcome).toMatch(/^451 4\.3\.\d /);
      expect(house.lines.join('\n'), outcome).toContain('restriction odd failed: ');
    }
  });

  /** A folder outside of the checkout, and what the program says that loads plugins from it. */
  function outside(files: Readonly<Record<string, string>>, program: string): string {
    const directory = temporaryFolder('plugins');
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      writeFileSync(join(directory, path), text);
    }
    const start = `import { loadPlugins } from ${JSON.stringify(pathToFileURL(join(ROOT, 'src/bus/load.ts')).href)};
      import { writeFileSync } from 'node:fs';
      process.chdir(${JSON.stringify(directory)});
      const log = { child: () => log };
      const load = (...names) => loadPlugins({ names, directories: [process.cwd()], ours: process.cwd(), configDirectory: process.cwd(), server: {}, log, clock: Date.now });
      const answer = async (...names) => (await (await load(...names)).run('vrfy', {})).reply?.text;`;
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', `${start}\n${program}`], {
      encoding: 'utf8',
      // Node warns there of folders without a "type".
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return said.replaceAll(directory, 'DIR');
  }
  const says = (text: string): string => plugin('a', `server.on('vrfy', () => deny(reply(550, '5.0.0', '${text}')));`);
  const INIT = '{ "name": "x", "version": "1.0.0", "main": "index.js", "type": "commonjs" }';

  it("'posthorn/plugin' is the plugin interface of this server, wherever the folder is and whatever its package.json says", () => {
    const common = `const { definePlugin, deny, reply } = require('posthorn/plugin');
      module.exports = definePlugin({ name: 'c', register(server) { server.on('vrfy', () => deny(reply(550, '', 'common'))); } });`;
    const files = {
      'package.json': INIT,
      'ts/index.ts': says('ts'),
      'single.ts': says('single'),
      'mts.mts': says('mts'),
      'mjs/index.mjs': says('mjs'),
      'cjs.cjs': common,
      'js/index.js': common,
      'main/package.json': '{ "main": "lib/start.mjs" }',
      'main/lib/start.mjs': says('main'),
      'typeless/package.json': '{ "name": "typeless" }',
      'typeless/index.js': says('typeless'),
      'node_modules/posthorn-plugin-greylist/package.json': '{ "type": "module", "exports": "./main.js" }',
      'node_modules/posthorn-plugin-greylist/main.js': says('package'),
      'plugins.d/greylist.json': '{ "worker": false }',
      'esm/index.js': says('esm'),
      'twice.ts': says('twice'),
      'twice/index.ts': says('twice'),
    };
    const names = ['ts', 'single', 'mts', 'mjs', 'cjs', 'js', 'main', 'typeless', 'greylist'];
    const program = `for (const name of ${JSON.stringify(names)}) console.log(name, await answer(name));
      for (const name of ['esm', 'twice']) await load(name).catch((error) => console.log(error.message));`;
    expect(outside(files, program).trim().split('\n')).toEqual([
      'ts ts',
      'single single',
      'mts mts',
      'mjs mjs',
      'cjs common',
      'js common',
      'main main',
      'typeless typeless',
      'greylist package',
      `plugin esm: could not be imported from DIR/esm/index.js:1: Cannot use import statement outside a module; the package.json above it says "type": "commonjs": write "type": "module" there, or let the file's name end in .mjs`,
      'plugin twice: is there twice, as DIR/twice/index.ts and as DIR/twice.ts; remove one of them',
    ]);
  });

  it('it is known whether the code of a file, a folder or a package has changed', async () => {
    const base = temporaryFolder('code');
    const files = ['file.ts', 'folder/index.ts', 'folder/more/word.ts', 'node_modules/posthorn-plugin-package/main.js'];
    for (const file of [...files, 'node_modules/posthorn-plugin-package/package.json']) {
      mkdirSync(dirname(join(base, file)), { recursive: true });
      writeFileSync(join(base, file), '{ "exports": "./main.js" }');
    }
    writeFileSync(join(base, 'node_modules/posthorn-plugin-package/lib.js'), '');
    const places = { directories: [base], ours: '', base };
    for (const [name, changed] of [
      ['file', 'file.ts'],
      ['folder', 'folder/more/word.ts'],
      ['package', 'node_modules/posthorn-plugin-package/lib.js'],
    ] as const) {
      const located = await locate(name, places);
      expect(await hasOtherCode(located)).toBe(false);
      await delay(20);
      writeFileSync(join(base, changed), 'other');
      expect(await hasOtherCode(located)).toBe(true);
    }
  });

  it('a reload reads the other files of a plugin again too', () => {
    const index = says('').replace("'5.0.0', ''", "'5.0.0', WORD");
    const files = {
      'a/index.ts': `import { WORD } from './word.ts';\n${index}`,
      'a/word.ts': "export const WORD = 'first';\n",
      'b.cjs': "module.exports = { name: 'b', register() {} };",
    };
    const program = `console.log(await answer('a'));
      writeFileSync('a/word.ts', "export const WORD = 'second';\\n");
      console.log(await answer('a'));
      await load('b');
      writeFileSync('b.cjs', "module.exports = { name: 'b', register() { throw new Error('new'); } };");
      await load('b').catch((error) => console.log(error.message));`;
    expect(outside(files, program)).toBe('first\nsecond\nplugin b: new\n');
  });

  it('a plugin is loaded again when its file has changed', async () => {
    const directory = folder({ 'plugins/a/index.ts': plugin('a', "server.on('vrfy', () => OK);") });
    await loadPlugins(options(['a'], directory));
    const file = join(directory, 'plugins/a/index.ts');
    writeFileSync(file, plugin('a', "server.on('etrn', () => OK);"));
    utimesSync(file, 1, 1);
    const bus = await loadPlugins(options(['a'], directory));
    expect([bus.has('vrfy'), bus.has('etrn')]).toEqual([false, true]);
  });
});

describe('the examples of the README', () => {
  const examples = [
    ...readFileSync(README, 'utf8').matchAll(/```ts\n\/\/ plugins\.d\/([a-z-]+)\/index\.ts\n(.*?)```/gs),
  ]
    .map((match) => ({
      name: match[1] ?? '',
      text: match[2] ?? '',
    }))
    // These have tests of their own there (test/authoring/author.test.ts).
    .filter(({ name }) => name !== 'reputation' && name !== 'junk-news');

  it.each(examples)('$name loads and works as described', async ({ name, text }) => {
    const directory = folder({ [`builtin/${name}/index.ts`]: text });
    const monday = Date.UTC(2026, 10, 23, 12);
    const directories = [join(directory, 'builtin'), fileURLToPath(new URL('../../plugins', import.meta.url))];
    const parameters = { smtpd_recipient_restrictions: 'reject_shouting, reject_unauth_destination' };
    const house = await openHouse({ plugins: [name, 'restrictions'], directories, parameters, clock: () => monday });
    const answers: Readonly<Record<string, () => Promise<string>>> = {
      'no-mondays': async () =>
        words(await house.bus.run('mail', { connection: connect(house), reversePath: 'a@qq.com' })),
      'quota-mail': async () => {
        const recipients = Array.from({ length: 51 }, (_, i) => `user${i}@baidu.com`);
        return words(await house.bus.run('data', { connection: connect(house, { recipients }) }));
      },
      'no-shouting': () => rcpt(house, 'XIXI@baidu.com'),
      lists: async () => {
        const transaction = transactionOf('a@qq.com');
        const connection = { ...connect(house), transaction };
        await house.bus.run('rcpt', { connection, recipient: recipient('xixi@baidu.com') });
        await house.bus.run('data_post', { connection, transaction, content: Readable.from([]), change: UNCHANGEABLE });
        const letter = { header: parseHeader(Buffer.from('List-Id: <x.example>\r\n\r\n')), mailbox: 'INBOX' };
        await house.bus.run('deliver', letter as never);
        return `${transaction.prepend.join()} ${letter.mailbox}`;
      },
    };
    expect(await answers[name]?.()).toMatch(
      {
        'no-mondays': /^550 5\.7\.1 Not on Mondays$/,
        'quota-mail': /^550 5\.5\.3 Too many recipients$/,
        'no-shouting': /^550 5\.7\.1 Please do not shout$/,
        lists: /^X-Recipients: 1 Lists$/,
      }[name] ?? /never/,
    );
  });

  it('exist', () =>
    expect(examples.map((example) => example.name)).toEqual(['no-mondays', 'no-shouting', 'lists', 'quota-mail']));
});
