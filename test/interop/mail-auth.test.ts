/**
 * Verdicts of plugins/mail-auth beside those of Debian's opendkim, dkimpy, pyspf and authheaders: the same on generated
 * messages. POSTHORN_TEST_WHOLE=1 judges 1,000 of them instead of 150.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { judged, WORK } from '../kit/judged.ts';
import { DMARC, SPF } from '../kit/mail-auth-cases.ts';
import { ran, run } from './program.ts';
import { KEYS_ZONE, type Message, signedMessage } from './signed-messages.ts';

const COUNT = process.env['POSTHORN_TEST_WHOLE'] === undefined ? 150 : 1000;
const folder = temporaryFolder('mail-auth');
afterAll(() => removeFolder(folder));

/** Their verdicts. */
async function theirs<T>(cases: readonly object[]): Promise<readonly T[]> {
  const out = await ran('/usr/bin/python3', ['-I', join(import.meta.dirname, 'mail-auth.py')], {
    input: JSON.stringify(cases),
    timeoutMs: 300_000,
  });
  return JSON.parse(out);
}

const messages: Promise<readonly Message[]> = Promise.all(
  Array.from({ length: COUNT }, (_, seed) => signedMessage(seed)),
);

async function ours(text: string): Promise<boolean[]> {
  const found = await judged(text, KEYS_ZONE, { checks: ['dkim'] });
  return found.dkim.map(({ result }) => result === 'pass');
}

const own: Promise<readonly string[]> = messages.then(async (all) => {
  const verdicts: string[] = [];
  for (const { text } of all) verdicts.push((await ours(text)).join());
  return verdicts;
});

/** Where others judge otherwise, with the number of the message. */
async function differences(found: readonly string[]): Promise<string[]> {
  return (await own).flatMap((one, seed) =>
    one === found[seed] ? [] : [`${seed}: ours ${one}, theirs ${found[seed]}`],
  );
}

describe('DKIM (S8)', { timeout: 400_000 }, () => {
  it('each signature as dkimpy', async () => {
    const found = await theirs<boolean[]>(
      (await messages).map(({ text, signatures }) => ({
        ...{ kind: 'dkim', message: Buffer.from(text, 'latin1').toString('base64') },
        ...{ signatures, zone: KEYS_ZONE },
      })),
    );
    const passed = (await own).filter((verdicts) => verdicts.includes('true')).length;
    expect(passed / COUNT).toBeGreaterThan(0.3);
    expect(passed / COUNT).toBeLessThan(0.7);
    expect(await differences(found.map((verdicts) => verdicts.join()))).toEqual([]);
  });

  it('each signature as opendkim', async () => {
    const keys = Object.entries(KEYS_ZONE).map(([key, records]) => `${key.replace('TXT ', '')} ${records[0]}\n`);
    writeFileSync(join(folder, 'keys'), keys.join(''));
    writeFileSync(
      join(folder, 'conf'),
      `Mode v\nMaximumSignaturesToVerify 20\nTestPublicKeys ${join(folder, 'keys')}\n`,
    );
    const different: string[] = [];
    let compared = 0;
    for (const [seed, { text }] of (await messages).entries()) {
      const mine = (await own)[seed]?.split(',') ?? [];
      const found = await opendkim(seed, text);
      for (const [index, header] of headersOf(text).entries()) {
        const one = found[index];
        if (header !== 'relaxed' || one === undefined) continue;
        compared += 1;
        if (String(one) !== mine[index]) different.push(`${seed}, ${index}: ours ${mine[index]}, theirs ${one}`);
      }
    }
    expect(compared).toBeGreaterThan(COUNT * 0.5);
    expect(different).toEqual([]);
  });
});

/**
 * How each signature wants its header: with -t, opendkim does not see what blanks follow the colon of a field, so what it
 * says of `simple` means nothing.
 */
const headersOf = (text: string): string[] =>
  (text.split('\r\n\r\n', 1)[0] ?? '')
    .split(/\r\n(?![ \t])/)
    .filter((field) => /^dkim-signature/i.test(field))
    .map((field) => /\bc=(\w+)/.exec(field)?.[1] ?? 'simple');

/** Whether each signature holds; none where it does not look for them, because From is not as it wants it. */
async function opendkim(seed: number, text: string): Promise<boolean[]> {
  const name = `${seed}.eml`;
  writeFileSync(join(folder, name), text, 'latin1');
  const { out } = await run('/usr/sbin/opendkim', ['-x', join(folder, 'conf'), '-vv', '-t', name], { cwd: folder });
  return [...out.matchAll(/\bdkim=(\w+)/g)].map(([, result]) => result === 'pass');
}

/** pyspf takes a macro that is not ended for text; RFC 7208 section 7.1 has no such text. */
const OTHERWISE_BY_PYSPF = ['a macro that is not ended'];

describe('SPF (S8)', () => {
  it('as pyspf', async () => {
    const cases = SPF.map(([, record, , more = {}, work = {}]) => ({
      ...{ kind: 'spf', ip: WORK.ip, sender: WORK.sender, helo: WORK.helo, ...work },
      zone: { ...(record === null ? {} : { 'TXT example.org': [record] }), ...more },
    }));
    const found = await theirs<string>(cases);
    const different = SPF.flatMap(([what, , result], index) =>
      found[index] === result || OTHERWISE_BY_PYSPF.includes(what)
        ? []
        : [`${what}: ${result}, theirs ${found[index]}`],
    );
    expect(different).toEqual([]);
  });
});

/** Of a table it takes one record of a name, and no failure. */
const NOT_BY_AUTHHEADERS = ['two records', 'a record among others', 'DNS that fails'];

describe('DMARC (S8)', () => {
  it('by the public suffix list, as authheaders', async () => {
    const asked = DMARC.filter(([what]) => !NOT_BY_AUTHHEADERS.includes(what));
    const found = await theirs<readonly [string, string]>(
      asked.map(([, zone, from, spf]) => ({ kind: 'dmarc', zone, from, spf })),
    );
    const different: string[] = [];
    for (const [index, [what, zone, from, spf]] of asked.entries()) {
      const { dmarc } = await judged(
        `From: a@${from}\r\n\r\nx\r\n`,
        { ...zone, [`TXT ${spf}`]: ['v=spf1 +all'] },
        { sender: `a@${spf}`, organization: 'list' },
      );
      if (dmarc?.result !== found[index]?.[0]) different.push(`${what}: ${dmarc?.result}, theirs ${found[index]}`);
    }
    expect(different).toEqual([]);
  });
});
