/** `posthorn plugin new`: a folder with a plugin that does something, a test that passes, and a README. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface NewPlugin {
  /** A folder that does not exist yet; its name is the plugin's. */
  readonly folder: string;
  readonly language: 'ts' | 'js';
}

const NAME = /^[a-z0-9][a-z0-9._-]{0,99}$/;

/** Returns the names of the files. Throws an Error that says what to do if the folder exists or its name is no name. */
export function makePlugin({ folder, language }: NewPlugin): readonly string[] {
  const name = basename(folder);
  if (!NAME.test(name))
    throw new Error(`"${name}" cannot be a plugin's name; expected small letters, digits, dots and hyphens`);
  if (existsSync(folder)) throw new Error(`${folder} exists already; choose another name or remove it`);
  const files = filesOf(name, language);
  mkdirSync(folder, { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  return Object.keys(files);
}

const filesOf = (name: string, language: 'ts' | 'js'): Record<string, string> => ({
  [`index.${language}`]: pluginText(name),
  [`index.test.${language}`]: testText(name),
  'package.json': `${JSON.stringify(manifest(name, language), null, 2)}\n`,
  'tsconfig.json': tsconfig(),
  'README.md': readme(name, language),
});

const pluginText = (
  name: string,
): string => `import { definePlugin, deny, NEXT, reply, setting } from 'posthorn/plugin';

export default definePlugin({
  name: '${name}',
  // Mail goes on if this plugin fails; 'defer' would answer 451 instead.
  onError: 'pass',
  // What plugins.d/${name}.json (or .toml, .ini, .yaml) may hold: { "word": "lottery" }. Anything else is a fault.
  config: {
    word: setting.text({ default: 'lottery' }),
  },
  register(server) {
    const { word } = server.config;
    // The whole message has been received, and has not been accepted yet.
    server.on('data_post', ({ transaction }) => {
      const subject = transaction.header.get('Subject') ?? '';
      if (!subject.toLowerCase().includes(word)) return NEXT;
      server.log.info({ subject }, \`refused for "\${word}"\`);
      return deny(reply(550, '5.7.1', \`No \${word} here\`));
    });
  },
});
`;

const testText = (name: string): string => `import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTestServer } from 'posthorn/plugin/test';

test('a message about the lottery is refused, another one arrives', async () => {
  await using server = await startTestServer({ plugins: [import.meta.dirname] });
  const letter = { from: 'someone@example.org', to: 'user@example.test' };
  assert.equal(await server.send({ ...letter, header: { Subject: 'Lottery!' } }), '550 5.7.1 No lottery here');
  assert.match(await server.send({ ...letter, header: { Subject: 'Hello' } }), /^250 2\\.0\\.0 Ok: queued as /);
  const [message, ...others] = await server.messages('user@example.test');
  assert.deepEqual([message?.header.get('Subject'), others.length], ['Hello', 0]);
});

test('another word, from the configuration', async () => {
  await using server = await startTestServer({
    plugins: [import.meta.dirname],
    config: { ${key(name)}: { word: 'casino' } },
  });
  const letter = { from: 'someone@example.org', to: 'user@example.test', header: { Subject: 'Casino' } };
  assert.equal(await server.send(letter), '550 5.7.1 No casino here');
  await assert.rejects(server.reload({ ${key(name)}: { word: 7 } }), /:2: .*word: is 7, expected text/);
});
`;

/** As the key of an object. */
const key = (name: string): string => (/^[a-z]\w*$/.test(name) ? name : `'${name}'`);

const manifest = (name: string, language: 'ts' | 'js'): object => ({
  name: `posthorn-plugin-${name}`,
  version: '0.1.0',
  description: 'A plugin for Posthorn',
  type: 'module',
  exports: `./index.${language}`,
  scripts: { test: 'posthorn plugin test' },
  peerDependencies: { posthorn: '*' },
});

/** Editors find the types where this server is, so that nothing has to be installed beside the plugin. */
function tsconfig(): string {
  const face = (file: string): string => {
    const [source, built] = [`../${file}.ts`, `../${file}.d.ts`].map((path) =>
      fileURLToPath(new URL(path, import.meta.url)),
    );
    return source !== undefined && existsSync(source) ? source : (built ?? '');
  };
  const types = dirname(dirname(createRequire(import.meta.url).resolve('@types/node/package.json')));
  const options = {
    target: 'esnext',
    module: 'nodenext',
    strict: true,
    noUncheckedIndexedAccess: true,
    noEmit: true,
    allowJs: true,
    checkJs: true,
    allowImportingTsExtensions: true,
    erasableSyntaxOnly: true,
    skipLibCheck: true,
    types: ['node'],
    typeRoots: [types],
    paths: {
      'posthorn/plugin': [face('bus/plugin')],
      'posthorn/plugin/test': [face('authoring/test-server')],
    },
  };
  return `// For editors and tsc: "paths" and "typeRoots" say where Posthorn is on this machine. Running needs no tsc.\n${JSON.stringify({ compilerOptions: options }, null, 2)}\n`;
}

const readme = (name: string, language: 'ts' | 'js'): string => `# ${name}

A plugin for Posthorn. As made by \`posthorn plugin new\`, it refuses messages whose subject has a certain word.

| file | contains |
| --- | --- |
| \`index.${language}\` | the plugin |
| \`index.test.${language}\` | its tests: \`posthorn plugin test\` |
| \`tsconfig.json\` | tells editors where the types are |

## Use it

1. Put this folder into \`plugins.d\` of the configuration folder, or a link to it.
2. Add the line \`${name}\` to the file \`plugins\` there.
3. Settings, if any, go into \`plugins.d/${name}.json\` (or \`.toml\`, \`.ini\`, \`.yaml\`): \`{ "word": "casino" }\`.
   \`"domains": ["example.org"]\` there makes it active for that domain alone.
4. \`posthorn plugin check\` reads it as a start would; \`posthorn reload\` makes a running server use it.

\`posthorn plugin list\` then shows how often it was called, how long that took, and how often it failed.
`;
