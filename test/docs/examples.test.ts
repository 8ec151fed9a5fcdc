/** The examples work as their READMEs describe: their commands run as printed, and their own tests pass. */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { BINARY } from '../kit/launch.ts';
import { freeOffset } from '../kit/ports.ts';
import { startServer, type TestServer } from '../kit/server.ts';
import { ROOT } from './project.ts';

const FOLDER = join(ROOT, 'examples/posthorn-plugin-filing');
const README = readFileSync(join(FOLDER, 'README.md'), 'utf8');
const MAIN = [
  'compatibility_level = 3.6',
  'myhostname = mail.example.test',
  'myorigin = $mydomain',
  'mydestination = $mydomain',
  'inet_interfaces = 127.0.0.1',
  'alias_maps =',
  '',
].join('\n');

const run = promisify(execFile);

/** The commands of the first code block of a section. */
function commandsOf(section: string): string {
  const text = README.slice(README.indexOf(`## ${section}`));
  return /```sh\n([\s\S]*?)```/.exec(text)?.[1] ?? '';
}

describe('examples/posthorn-plugin-filing', () => {
  let server: TestServer;
  let offset: number;
  beforeAll(async () => {
    offset = await freeOffset();
    server = await startServer({
      files: {
        'main.cf': MAIN,
        plugins: 'restrictions\nrewriting\n',
        'dovecot.conf': 'protocols = imap\ndisable_plaintext_auth = no\n',
      },
      portOffset: offset,
      accounts: { 'maomao@example.test': 'sesame' },
    });
  });
  afterAll(() => server.stop());

  it('works after the commands of its README', async () => {
    const { folders } = server;
    symlinkSync(join(ROOT, 'examples'), join(folders.root, 'examples'));
    // `npx posthorn` of a project: the binary, with the folders config and data of the working folder.
    const bin = join(folders.root, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'npx'), `#!/bin/sh\nshift\nexec '${process.execPath}' '${BINARY}' "$@"\n`, { mode: 0o755 });
    const commands = commandsOf('Use it');
    expect(commands).toMatch(/^ln -s /m);
    const { stdout } = await run('sh', ['-euc', commands], {
      cwd: folders.root,
      env: { ...process.env, PATH: `${bin}:${process.env['PATH']}` },
    });
    expect(stdout).toMatch(/^Reloaded\.$/m);

    const smtp = await LineClient.connect({ host: '127.0.0.1', port: 25 + offset });
    await smtp.smtp();
    for (const command of ['EHLO client.example', 'MAIL FROM:<a@example.org>', 'RCPT TO:<maomao@example.test>', 'DATA'])
      await smtp.smtp(command);
    smtp.send('List-Id: News <announce.example.com>\r\nSubject: news\r\n\r\nHello.');
    expect(await smtp.smtp('.')).toMatch(/^250 2\.0\.0 Ok: queued as /);
    smtp.close();

    const imap = await LineClient.connect({ host: '127.0.0.1', port: 143 + offset });
    await imap.line();
    await imap.imap('a', 'LOGIN maomao@example.test sesame');
    expect(await imap.imap('b', 'STATUS "Lists/Announce" (MESSAGES)')).toContain(
      '* STATUS Lists/Announce (MESSAGES 1)',
    );
    imap.close();
  });

  it('passes its own test', async () => {
    expect(commandsOf('Test it')).toMatch(/^npm test$/m);
    const { scripts } = JSON.parse(readFileSync(join(FOLDER, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    expect(scripts['test']).toBe('node --test');
    const { stdout } = await run(process.execPath, ['--test'], {
      cwd: FOLDER,
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    expect(stdout).toMatch(/pass 2\n.*fail 0/);
  });
});
