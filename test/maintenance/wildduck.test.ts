/** What an import from WildDuck and an export to it calculate; test/mongodb/wildduck.test.ts has the rest. */
import { describe, expect, it, test } from 'vitest';
import type { AdminServices } from '../../src/admin/operation.ts';
import { wildDuckOperations } from '../../src/admin/wildduck.ts';
import { envelopeValues, imapValues } from '../../src/maintenance/wildduck/imap-values.ts';
import { fromWildDuck, toWildDuck } from '../../src/maintenance/wildduck/passwords.ts';
import { conflictIn } from '../../src/maintenance/wildduck/their-mailboxes.ts';
import { viewOf } from '../../src/maintenance/wildduck/users.ts';
import { indexMessage } from '../../src/protocol/mime/indexer.ts';
import { isWellFormed, verifyPassword } from '../../src/server/login/password.ts';

describe('password hashes', () => {
  test.each([
    ['$pbkdf2-sha256$i=1000$GAKOudEjkgXeyP+ULFlJMA$ZM21PRb9O6z2lUdEpusNph/ez/RaR+HqHTcpEm4iPCA', 'PBKDF2'],
    ['$2b$05$h.jnZhTKnKpOxdXkoX4RweP5gEe5BGMrbklCpkeopxSUAcIKwzuWq', 'BLF-CRYPT'],
    ['$5$PL58CFjuCaIdR.Aw$NpbcT4BKzf6Ks.vWYJ/zqo05622tPb8WP6zBRrV46u2', 'SHA256-CRYPT'],
    ['$argon2id$v=19$m=65536,t=3,p=1$3q8jBZxWeuUioeVVJ0gEkQ$HPAOSIrwnHvo1DynP/bhNmrLw1sjJc8IsYN5cQZYhuk', 'ARGON2ID'],
    ['$argon2d$v=19$m=1024,t=1,p=1$c29tZXNhbHQ$WgyCmTXB5rjo1DmSYbL3ZZqA1yPxdVTyHS1w4M3KKyA', 'ARGON2I'],
  ])('%s in both directions', (hash, scheme) => {
    expect(fromWildDuck(hash)).toBe(`{${scheme}}${hash}`);
    expect(isWellFormed(fromWildDuck(hash))).toBe(true);
    expect(toWildDuck(`{${scheme}}${hash}`)).toBe(hash);
  });

  it.each(['', '$1$salt$qJH7.N4xYta3aEG/dfqo/0', 'rEK1ecacw.7.c', '$pbkdf2-md5$i=1$a$b'])(
    '%j cannot be brought',
    (hash) => {
      expect(fromWildDuck(hash)).toBe('');
    },
  );

  it("Dovecot's PBKDF2 gets WildDuck's form", async () => {
    const dovecot = '{PBKDF2}$1$jz6dUaJpvYPRTGOs$5000$4e768eceb2a8941f11a44f30b2ee1780c06d2ccc';
    const theirs = toWildDuck(dovecot);
    expect(theirs).toMatch(/^\$pbkdf2-sha1\$i=5000\$/);
    expect(await verifyPassword(Buffer.from('maomao'), fromWildDuck(theirs))).toBe(true);
  });

  it.each(['{SSHA}E+tGE82/tkwErlttOz2I4NY/iRnhiTr+', '{PLAIN}x', ''])('%j cannot be exported', (stored) => {
    expect(toWildDuck(stored)).toBe('');
  });
});

it('reads ENVELOPE and BODYSTRUCTURE as values', () => {
  const { envelope, bodyStructure } = indexMessage(
    Buffer.from(
      'From: =?utf-8?Q?M=C3=A4o?= <m@x.example>\r\nSubject: a "b" \\ =?utf-8?Q?=C3=A9?=\r\nMessage-ID: <1@x>\r\n' +
        'Content-Type: text/plain; name="a\\"b"\r\n\r\nx\r\n',
    ),
  );
  const [, subject, from, , , to, , , , id] = envelopeValues(envelope);
  expect(String(subject)).toBe('a "b" \\ é');
  expect(from).toEqual([[Buffer.from('Mäo'), null, Buffer.from('m'), Buffer.from('x.example')]]);
  expect([to, id]).toEqual([null, '<1@x>']);
  expect(imapValues(bodyStructure)).toEqual([
    'text',
    'plain',
    ['name', 'a"b', 'charset', 'us-ascii'],
    null,
    null,
    '7bit',
    3,
    1,
    null,
    null,
    null,
    null,
  ]);
  expect(imapValues('({3}\r\n(")({0}\r\n) 7)')).toEqual(['(")', [''], 7]);
});

it('compares addresses as WildDuck does', () => {
  expect(viewOf('A.b.C@ex.ample.com')).toBe('abc@ex.ample.com');
  expect(viewOf('A.b')).toBe('ab');
});

it('sees where mail here would be mixed with other mail', () => {
  const document = { uidNext: 5, modifyIndex: 9 };
  const theirs = { name: 'a', uidValidity: 1, document } as never;
  const here = { name: 'a', uidValidity: 1, uidNext: 5, highestModseq: 9, messages: 3 };
  const why = (change: object, others: readonly object[] = []) =>
    conflictIn({ known: new Map([[theirs, { ...here, ...change } as never]]), others: new Set(others) as never });
  expect(why({})).toBeNull();
  expect(why({ uidNext: 3, highestModseq: 1 })).toBeNull();
  expect(why({ uidNext: 6 })).toMatch(/a has been in use here/);
  expect(why({ highestModseq: 10 })).toMatch(/a has been in use here/);
  expect(why({}, [{ ...here, name: 'b', messages: 0 }])).toBeNull();
  expect(why({}, [{ ...here, name: 'b' }])).toMatch(/its mailbox b here is not one of WildDuck's/);
});

it.each(['store.import.wildduck', 'store.export.wildduck'])('%s is refused while a server runs', async (name) => {
  const services = { server: {} } as AdminServices;
  await expect(wildDuckOperations[name]?.(services, { uri: 'mongodb://127.0.0.1/x' })).rejects.toThrow(/stop it first/);
});
