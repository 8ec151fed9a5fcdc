/** P7: how long the result of a probe is kept, and when an address is asked about again. */
import { afterEach, expect, it, vi } from 'vitest';
import { MemoryResults } from '../../../src/delivery/verify/memory-results.ts';
import { Verifier } from '../../../src/delivery/verify/verifier.ts';
import type { Verification } from '../../../src/lookup/verifications.ts';
import { type TraceStep, traced } from '../../../src/tracing.ts';
import { recordLog } from '../../kit/log.ts';
import { parametersOf } from '../../kit/parameters.ts';

const HOUR = 3_600_000;
const GOOD: Verification = { status: 'deliverable', text: 'ok' };
const BAD: Verification = { status: 'undeliverable', text: 'no' };

afterEach(() => vi.useRealTimers());

function openVerifier(settings: Readonly<Record<string, string>> = {}) {
  const time = { now: 0 };
  const probed: { readonly address: string; answer(result: Verification | null): Promise<void> }[] = [];
  const { log, lines } = recordLog(({ level, process, message }) => `${level}: ${process}: ${message}`);
  const results = new MemoryResults();
  const verifier = new Verifier({ parameters: parametersOf(settings), clock: () => time.now, log });
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
    results,
  );
  const ask = (address = 'a@far.test'): Promise<Verification | null> => verifier.verify(address, 0);
  return { verifier, time, probed, ask, results, lines };
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
  await vi.waitFor(() => expect(probed.length).toBe(1));
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

it('P7: results that are over go each address_verify_cache_cleanup_interval, from the first question on', async () => {
  vi.useFakeTimers({ toFake: ['setInterval'] });
  const { verifier, time, probed, ask, results, lines } = openVerifier({
    address_verify_map: 'lmdb:/x/verify',
    address_verify_cache_cleanup_interval: '10s',
  });
  vi.advanceTimersByTime(60_000);
  expect(lines).toEqual([]);
  for (const [i, answer] of [GOOD, BAD].entries()) {
    await ask(`${i}@far.test`);
    await probed[i]?.answer(answer);
  }
  const said = 'info: postfix/verify: cache lmdb:/x/verify full cleanup:';
  expect(lines).toEqual([`${said} retained=0 dropped=0 entries`]);
  time.now = 100 * HOUR;
  vi.advanceTimersByTime(10_000);
  await vi.waitFor(() => expect(lines[1]).toBe(`${said} retained=1 dropped=1 entries`));
  expect(await results.find('1@far.test')).toBeNull();
  verifier.close();
  vi.advanceTimersByTime(60_000);
  expect(lines.length).toBe(2);
});

it('P7: who only explains is told what is known and how old it is; nothing is probed', async () => {
  const { verifier, time, probed, ask } = openVerifier();
  await ask();
  await probed[0]?.answer(BAD);
  time.now = 5 * HOUR;
  const steps: TraceStep[] = [];
  const asked = (address: string) =>
    traced({ hypothetical: true, add: (step) => void steps.push(step) }, () => verifier.verify(address, 1_000));
  expect(await asked('a@far.test')).toEqual(BAD);
  expect(await asked('b@far.test')).toBeNull();
  expect(steps).toMatchObject([{ value: 'undeliverable, found out 5h ago: no' }, { value: null }]);
  expect(probed.length).toBe(1);
});

it('P7: a store that fails is said in the log, and costs no more than the knowledge', async () => {
  const { verifier, probed, lines } = openVerifier();
  const broken = (): Promise<never> => Promise.reject(new Error('no disk'));
  const again: string[] = [];
  verifier.open(
    async (address) => {
      again.push(address);
      return GOOD;
    },
    { find: broken, put: broken, clean: broken },
  );
  expect(await verifier.verify('a@far.test', 1_000)).toEqual(GOOD);
  expect(await verifier.verify('a@far.test', 1_000)).toEqual(GOOD);
  expect(probed).toEqual([]);
  expect(again).toEqual(['a@far.test', 'a@far.test']);
  expect(lines).toContain('warn: postfix/verify: address_verify_map: no disk');
});
