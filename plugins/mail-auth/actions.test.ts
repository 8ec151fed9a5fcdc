import { describe, expect, it } from 'vitest';
import { deciding, reasonsOf, tellingOf, together } from './actions.ts';
import { sampleOf, unchecked } from './findings.ts';
import { type Findings, NOTHING } from './results.ts';
import { DEFAULTS, type Reason } from './settings.ts';

const dkim = (...results: readonly string[]): Findings => ({
  ...NOTHING,
  dkim: results.map((result) => ({ result, domain: 'example.org', selector: 's', unsigned: 0, isAligned: false })),
});
const dmarc = { result: 'fail', from: 'example.org', policyDomain: 'example.org', policy: 'reject' } as const;

describe('reasons', () => {
  it('a signature that holds makes up for those that do not', () => {
    expect(reasonsOf(dkim('fail', 'pass'))).toEqual([]);
    expect(reasonsOf(dkim('fail', 'neutral'))).toEqual(['dkim_fail']);
  });

  it('a DMARC that trusted sealers override is none', () => {
    expect(reasonsOf({ ...NOTHING, dmarc: { ...dmarc, isOverridden: false } })).toEqual(['dmarc_reject']);
    expect(reasonsOf({ ...NOTHING, dmarc: { ...dmarc, isOverridden: true } })).toEqual([]);
  });

  it('what could not be checked is a temporary error of each check that was wanted', () => {
    const found = unchecked(['spf', 'dmarc', 'iprev']);
    expect(reasonsOf(found)).toEqual(['dmarc_temperror', 'spf_temperror']);
    expect(found.rows.map(({ method, result }) => `${method}=${result}`)).toEqual(['spf=temperror', 'dmarc=temperror']);
  });
});

describe('actions', () => {
  it('only what all recipients want refused is; a bounce goes to nobody', () => {
    expect(together(['reject', 'reject'])).toBe('reject');
    expect(together(['reject', 'tag'])).toBe('quarantine');
    expect(together(['reject', 'defer'])).toBe('defer');
    expect(together(['none', 'tag'])).toBe('tag');
    expect(together([])).toBe('none');
  });

  it('the first rule that names an address and has the result decides, others by the general actions', () => {
    const none = Object.fromEntries(Object.keys(DEFAULTS).map((key) => [key, undefined])) as Record<Reason, undefined>;
    const decide = deciding(DEFAULTS, [
      { recipients: ['a@example.test'], actions: { ...none, spf_fail: 'defer' } },
      { recipients: ['example.test'], actions: { ...none, spf_fail: 'none', dkim_fail: 'reject' } },
    ]);
    expect(decide(['spf_fail'], ['A@example.test'])).toBe('defer');
    expect(decide(['spf_fail'], ['b@example.test'])).toBe('none');
    expect(decide(['spf_fail', 'dkim_fail'], ['a@example.test'])).toBe('reject');
    expect(decide(['spf_fail'], ['c@example.net'])).toBe('tag');
  });

  it('the reasons of the strictest action are told first', () => {
    const actionOf = (reason: Reason) => (reason === 'dkim_fail' ? 'reject' : reason === 'spf_fail' ? 'tag' : 'none');
    expect(tellingOf(['spf_fail', 'helo_fail', 'dkim_fail'], actionOf)).toEqual(['dkim_fail', 'spf_fail']);
  });

  it('queue IDs are spread over the percentages of pct', () => {
    const samples = Array.from({ length: 10_000 }, (_, n) => sampleOf(`4dRkz${n.toString(36)}vBqz`));
    expect(Math.min(...samples)).toBe(0);
    expect(Math.max(...samples)).toBe(99);
    expect(samples.filter((sample) => sample < 50).length / samples.length).toBeCloseTo(0.5, 1);
  });
});
