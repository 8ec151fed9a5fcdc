import { expect, it } from 'vitest';
import { Remembered } from './remembered.ts';
import type { Answer, Question } from './work.ts';

/** What was asked, where each name has the answer. */
async function asked(answer: Answer, names: readonly string[]): Promise<string[]> {
  const heard: string[] = [];
  const ask = new Remembered().over(async (question: Question) => {
    heard.push(question === null ? 'octets' : question.name);
    return answer;
  });
  for (const name of names) expect(await ask({ name, type: 'TXT' })).toEqual(answer);
  return heard;
}

it('asks once for what is there, in any case', async () => {
  expect(await asked({ records: [['x']] }, ['a.example', 'A.example', 'b.example'])).toEqual([
    'a.example',
    'b.example',
  ]);
});

it('asks once for what is not there, but always for a key that may come', async () => {
  const names = ['_dmarc.example', '_dmarc.example', 's._domainkey.example', 's._domainkey.example'];
  expect(await asked({ code: 'ENOTFOUND' }, names)).toEqual(['_dmarc.example', ...names.slice(2)]);
});

it.each(['ESERVFAIL', 'ETIMEOUT', 'EBADNAME'])('asks again after %s', async (code) => {
  expect(await asked({ code }, ['a.example', 'a.example'])).toHaveLength(2);
});

it('keeps no octets of messages, and no answer that is too long', async () => {
  const remembered = new Remembered();
  let calls = 0;
  const ask = remembered.over(async (question) => {
    calls += 1;
    return question === null ? new Uint8Array(1) : { records: [['x'.repeat(5_000_000)]] };
  });
  for (let n = 0; n < 2; n += 1) await ask(null);
  for (let n = 0; n < 2; n += 1) await ask({ name: 'a.example', type: 'TXT' });
  expect(calls).toBe(4);
});
