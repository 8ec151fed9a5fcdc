/** The counts of docs/reference/parameters.md; cli.test.ts checks that the page is current. */
import { describe, expect, it } from 'vitest';
import { describeCounts, stateCounts } from '../../src/config/postfix/parameter-reference.ts';
import { parameterTable } from '../../src/config/postfix/parameters.ts';

describe('docs/reference/parameters.md', () => {
  it('counts each parameter once', () => {
    const { acts, noMeaning, notSupported } = stateCounts();
    expect(acts + noMeaning + notSupported).toBe(parameterTable.size);
    expect(describeCounts({ acts: 3, noMeaning: 2, notSupported: 4, guards: 1 })).toBe(
      '3 parameters act, 2 have no meaning here, 4 are not supported yet (1 of them are security settings and make a start fail).',
    );
  });
});
