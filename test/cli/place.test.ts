/** What the next steps that a start prints add to a command (requirement P4). */
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { placeWords } from '../../src/cli/place.ts';

it('a folder that a command finds by itself is not named; any other is, as a word of a shell command', () => {
  const own = { config: resolve('config'), data: resolve('data'), json: false };
  expect(placeWords(own)).toEqual({ config: '', data: '' });
  expect(placeWords({ ...own, config: '/etc/post horn' })).toEqual({ config: " --config '/etc/post horn'", data: '' });
  expect(placeWords({ ...own, data: '/var/$x' })).toEqual({ config: '', data: " --data '/var/$x'" });
});
