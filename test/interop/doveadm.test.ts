/** `doveadm pw` beside Dovecot's: each recognizes the hashes that the other makes. */
import { describe, expect, it } from 'vitest';
import { verifyPassword } from '../../src/server/login/password.ts';
import { BINARY } from '../kit/launch.ts';
import { ran, run } from './program.ts';

const SCHEMES = [
  'PLAIN',
  'CLEARTEXT',
  'SHA',
  'SHA256',
  'SHA512',
  'SSHA',
  'SSHA256',
  'SSHA512',
  'SMD5',
  'LDAP-MD5',
  'PLAIN-MD5',
  'SHA256-CRYPT',
  'SHA512-CRYPT',
  'BLF-CRYPT',
  'CRYPT',
];
const PASSWORDS = ['a secret & more', 'ü', 'x'.repeat(100)];

describe('S3: doveadm pw', () => {
  it.each([...SCHEMES, 'ARGON2ID'])('%s', async (scheme) => {
    for (const password of PASSWORDS) {
      const ours = (await ran(process.execPath, [BINARY, 'doveadm', 'pw', '-s', scheme, '-p', password])).trimEnd();
      const tested = await run('doveadm', ['pw', '-t', ours, '-p', password]);
      expect(tested, `${ours} of ${password}`).toMatchObject({ code: 0 });
      if (scheme === 'ARGON2ID') continue;
      const theirs = (await ran('doveadm', ['pw', '-s', scheme, '-p', password])).trimEnd();
      expect(await verifyPassword(Buffer.from(password), theirs), theirs).toBe(true);
    }
  });
});
