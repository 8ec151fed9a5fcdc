/** P7: how long the result of a probe is kept, and when an address is asked about again. */
import { expect, it } from 'vitest';
import { Verifier } from '../../../src/delivery/verify/verifier.ts';
import type { Verification } from '../../../src/lookup/verifications.ts';
import { parametersOf } from '../../kit/parameters.ts';

const HOUR = 3_600_000;
const GOOD: Verification = { status: 'deliverable', text: 'ok' };
const BAD: Verification = { status: 'undeliverable', text: 'no' };

function openVerifier(settings: Readonly<Record<string, string>> = {}) {
  const time = { now: 0 };
  const probed: { readonly address: string; answer(result: Verification | null): Promise<void> }[] = [];
  const verifier = new Verifier({ parameters: parametersOf(settings), clock: () => time.now });
  verifier.open(
    (address) =>
      new Promise((resolve) => {
        probed.push({
          address,
          answer: async (result) => {
            resolve(result);
            await new Promise(setImmediate);
          },
        });
      }),
  );
  const ask = (address = 'a@far.test'): Promise<Verification | null> => verifier.verify(address, 0);
  return { verifier, time, probed, ask };
}

it('P7: an address is asked about once, and who does not wait is told later', async () => {
  const { probed, ask } = openVerifier();
  expect(await Promise.all([ask(), ask()])).toEqual([null, null]);
  expect(probed.length).toBe(1);
  await probed[0]?.answer(BAD);
  expect(await ask()).toEqual(BAD);
  expect(probed.length).toBe(1);
});

it('P7: who waits gets the answer when it is there', async () => {
  const { verifier, probed } = openVerifier();
  const waiting = verifier.verify('a@far.test', 60_000);
  await probed[0]?.answer(GOOD);
  expect(await waiting).toEqual(GOOD);
});

it('P7: a good result outlives a failed refresh, until it expires', async () => {
  const { time, probed, ask } = openVerifier();
  await ask();
  await probed[0]?.answer(GOOD);
  time.now = 8 * 24 * HOUR;
  expect(await ask()).toEqual(GOOD);
  await probed[1]?.answer(BAD);
  expect(await ask()).toEqual(GOOD);
  expect(probed.length).toBe(2);
  time.now = 32 * 24 * HOUR;
  expect(await ask()).toBeNull();
});

it('P7: a bad result is refreshed, and not kept without address_verify_negative_cache', async () => {
  const { time, probed, ask } = openVerifier();
  await ask();
  await probed[0]?.answer(BAD);
  time.now = 4 * HOUR;
  expect(await ask()).toEqual(BAD);
  await probed[1]?.answer(GOOD);
  expect(await ask()).toEqual(GOOD);

  const forgetful = openVerifier({ address_verify_negative_cache: 'no' });
  await forgetful.ask();
  await forgetful.probed[0]?.answer(BAD);
  expect(await forgetful.ask()).toBeNull();
  expect(forgetful.probed.length).toBe(2);
});

it('P7: address_verify_pending_request_limit; a probe that found nothing out is made again', async () => {
  const { probed, ask } = openVerifier({ address_verify_pending_request_limit: '1' });
  await ask('a@far.test');
  await ask('b@far.test');
  expect(probed.map(({ address }) => address)).toEqual(['a@far.test']);
  await probed[0]?.answer(null);
  await ask('b@far.test');
  expect(probed.map(({ address }) => address)).toEqual(['a@far.test', 'b@far.test']);
});
