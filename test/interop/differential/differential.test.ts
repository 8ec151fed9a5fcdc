/**
 * The same files and the same dialogs, with a real Postfix and with ours: the same replies, word for word. Postfix's own
 * words are not written down here: it is asked.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { access } from './access.ts';
import type { Cases } from './cases.ts';
import { dialogs } from './dialogs.ts';
import { domains } from './domains.ts';
import { limits } from './limits.ts';
import { oddSessions } from './odd-sessions.ts';
import { proxies } from './proxies.ts';
import { restrictions } from './restrictions.ts';
import { sessionRules } from './session-rules.ts';
import { type Sides, startSides } from './sides.ts';
import { transports } from './transports.ts';
import { verification } from './verification.ts';

const AT_ONCE = 6;
const ALL: readonly Cases[] = [
  ...access,
  restrictions,
  limits,
  dialogs,
  oddSessions,
  sessionRules,
  domains,
  proxies,
  transports,
  verification,
];

describe.each(ALL.map((cases) => [cases.house.name, cases] as const))('%s', (_, { house, dialogs: all }) => {
  let sides: Sides;
  beforeAll(async () => {
    sides = await startSides(house);
  });
  afterAll(() => sides?.stop());

  it.each(Object.keys(house.services))('P7: %s', async (service) => {
    const differences: unknown[] = [];
    const work = all.filter((dialog) => dialog.service === service).values();
    const player = async (): Promise<void> => {
      for (const dialog of work) {
        const { ours, theirs } = await sides.play(dialog);
        const at = theirs.findIndex((reply, i) => ours[i] !== reply);
        if (at >= 0)
          differences.push({
            client: dialog.client,
            said: dialog.says.slice(0, at),
            theirs: theirs[at],
            ours: ours[at],
          });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, player));
    expect(differences).toEqual([]);
  });
});
