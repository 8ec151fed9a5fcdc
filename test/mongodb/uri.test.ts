import { expect, test } from 'vitest';
import { uriWithDatabase } from '../kit/mongodb.ts';

test.each([
  ['mongodb://127.0.0.1:1/', 'mongodb://127.0.0.1:1/db'],
  ['mongodb://127.0.0.1:1', 'mongodb://127.0.0.1:1/db'],
  ['mongodb://127.0.0.1:1/?replicaSet=x', 'mongodb://127.0.0.1:1/db?replicaSet=x'],
  ['mongodb://a:1,b:2/old?tls=true', 'mongodb://a:1,b:2/db?tls=true'],
  ['mongodb://me:secret@a/admin', 'mongodb://me:secret@a/db?authSource=admin'],
  ['mongodb://me:secret@a/', 'mongodb://me:secret@a/db?authSource=admin'],
  ['mongodb+srv://me:secret@a/x?authSource=y', 'mongodb+srv://me:secret@a/db?authSource=y'],
])('%s names a database on the same server, with the same login', (uri, expected) => {
  expect(uriWithDatabase(uri, 'db')).toBe(expected);
});
