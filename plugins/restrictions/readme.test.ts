import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { openHouse, rcpt } from '../../test/bus/house.ts';

const README = readFileSync(new URL('./README.md', import.meta.url), 'utf8');
const block = (name: string): string => new RegExp(`\`\`\`${name}\\n(.*?)\`\`\``, 's').exec(README)?.[1] ?? '';
const ROWS = [...README.matchAll(/^\| ([\d.]+) +\| (\S+) +\| (\S+) +\| `(.*)` +\|$/gm)].map((row) => row.slice(1, 5));

it.each(ROWS)('the README: from %s, %s to %s: %s', async (ip = '', sender = '', to = '', answer = '') => {
  const parameters = Object.fromEntries(
    block('main.cf')
      .trim()
      .split('\n')
      .map((line) => line.replaceAll('hash:', 'hash:TABLES/').split(' = ')),
  );
  const house = await openHouse({ plugins: ['restrictions'], parameters, files: { access: block('access') } });
  expect(await rcpt(house, to, { ip, sender })).toBe(answer);
});

it('the README has examples', () => expect(ROWS).toHaveLength(6));
