import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const entry = fileURLToPath(new URL('../../src/net/mail-library.ts', import.meta.url));

it('the mail library comes without an HTTP client, and where one is called it refuses', async () => {
  const script = `
    const { loadMailLibrary } = await import(${JSON.stringify(entry)});
    loadMailLibrary('smtp-server');
    const shared = loadMailLibrary('nodemailer/lib/shared');
    let refused = '';
    try {
      shared.resolveContent({ content: { href: 'http://127.0.0.1:9/' } }, 'content', () => {});
    } catch (error) {
      refused = error.message;
    }
    console.log(JSON.stringify({ http: process.moduleLoadList.includes('NativeModule http'), refused }));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
  expect(JSON.parse(stdout)).toEqual({ http: false, refused: 'messages fetch nothing' });
});
