/** What `posthorn lab` prints at its end. */
import { expect, it } from 'vitest';
import { pointTable, siteSettings } from '../../src/cli/lab.ts';

const RESULTS = [
  {
    id: 'L1',
    title: 'two companies',
    did: 'every user logs in to each company by IMAP',
    seen: 'six users, two servers',
    ok: true,
    ms: 1,
  },
  {
    id: 'L3',
    title: 'letters',
    did: `each writes to ${'everybody '.repeat(8)}there`,
    seen: 'nothing came',
    ok: false,
    ms: 1,
  },
];

it('the points are a table if it fits, and one paragraph each in a narrow terminal', () => {
  expect(pointTable(RESULTS, Number.POSITIVE_INFINITY)).toMatch(
    /^point +what +done +seen\n-+[\s-]+\nL1 +two companies .* ok\nL3 +letters .* FAILED$/,
  );
  const narrow = pointTable(RESULTS, 80);
  expect(narrow).toMatch(
    /^L1 {2}two companies: ok\n {4}done: every user .*\n {4}seen: six users, two servers\nL3 {2}letters: FAILED\n {4}done: .*\n {10}everybody/,
  );
  expect(Math.max(...narrow.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
});

it('the settings name every account, the ports in clear text too, and where log and queue are', () => {
  const sites = [
    { name: 'dns', domain: '', address: '127.0.1.53', users: [] },
    { name: 'qq', domain: 'qq.com', address: '127.0.1.128', users: ['lisi', 'dadou'] },
  ];
  const text = siteSettings(sites, 10_000, (site) => `/tmp/lab/${site}`);
  expect(text).toMatch(/^lisi@qq\.com +lisi +127\.0\.1\.128 +10993 +10995 +10465$\n^dadou@qq\.com +dadou /m);
  expect(text).toContain('SMTP 10025, POP3 10110, IMAP 10143');
  expect(text).toContain('posthorn log -f --data /tmp/lab/qq    posthorn mailq --data /tmp/lab/qq');
  expect(text).not.toContain('/tmp/lab/dns');
});
