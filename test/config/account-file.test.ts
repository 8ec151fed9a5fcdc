import { expect, it } from 'vitest';
import { passwdFileAccounts, systemAccounts, uidRangeOf } from '../../src/config/account-file.ts';

it('D1: a passwd-file of Dovecot has rows, remarks and fields of its own', () => {
  const text =
    '# x\n\na:{SSHA}h:1:1::/home:/sh:userdb_mail=maildir:~/x proxy host=y\r\nb:secret\nc\nd:{PLAIN}p:::::: nologin\n';
  expect(passwdFileAccounts(text, 'users', 'PLAIN')).toMatchObject([
    { name: 'a', hash: '{SSHA}h', disabled: false, line: 3, inert: ['proxy', 'host'] },
    { name: 'b', hash: '{PLAIN}secret', disabled: false, line: 4, inert: [] },
    { name: 'c', hash: '', line: 5 },
    { name: 'd', disabled: true, line: 6 },
  ]);
});

it('D1: of /etc/passwd only people are taken, and of /etc/shadow no locked hash', () => {
  const passwd =
    'root:x:0:0::/root:/bin/sh\na:x:1000:1::/home/a:/bin/sh\nb:x:1001:1:::\nc:x:1002:1:::\nnobody:x:65534:1:::\n+::::::\n';
  const shadow = 'root:$6$r:1\na:$6$a:1:0\nb:!$6$b:1\nnobody:*:1\n';
  const range = uidRangeOf('UID_MIN 1000\n#UID_MAX 5\n UID_MAX\t\t60000\n');
  expect(systemAccounts({ text: passwd, file: 'passwd' }, shadow, range)).toMatchObject([
    { name: 'a', hash: '{CRYPT}$6$a', line: 2 },
    { name: 'b', hash: '', line: 3 },
    { name: 'c', hash: '', line: 4 },
  ]);
  expect(uidRangeOf('')).toEqual({ least: 1000, most: 60_000 });
});
