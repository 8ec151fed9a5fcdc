/**
 * Section L, the exercise of the tutorials, with a database for each of the two companies: in one process; and in two,
 * each with both companies and the third party, between which the clients change with every connection.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Site, waitByImap } from '../../src/lab/client.ts';
import { openLab, type RunningLab, runPoints } from '../../src/lab/lab.ts';
import { type LabFiles, openLabFiles } from '../kit/lab.ts';
import { freeOffset } from '../kit/ports.ts';
import type { Order, Told } from './lab-process.ts';

async function expectAllPoints(lab: RunningLab['lab']): Promise<void> {
  const results = await runPoints(lab, () => {});
  expect(results.map(({ id, seen, ok }) => (ok ? `${id} ok` : `${id}: ${seen}`))).toEqual(
    results.map(({ id }) => `${id} ok`),
  );
  expect(results).toHaveLength(9);
}

describe('the lab in one process', () => {
  let files: LabFiles;
  let running: RunningLab;
  beforeAll(async () => {
    files = await openLabFiles();
    running = await openLab({ files: files.folder, portOffset: await freeOffset(), onProgress: () => {} });
  });
  afterAll(async () => {
    await running.close();
    await files.remove();
  });

  it('L1–L9: all nine points hold', () => expectAllPoints(running.lab));
});

describe('the lab in two processes', () => {
  let files: LabFiles;
  let offsets: readonly [number, number];
  let here: RunningLab;
  let other: ChildProcess;
  let told: Told;
  beforeAll(async () => {
    files = await openLabFiles();
    offsets = [await freeOffset(), await freeOffset()];
    here = await openLab({ files: files.folder, portOffset: offsets[0], onProgress: () => {} });
    const script = fileURLToPath(new URL('lab-process.ts', import.meta.url));
    other = fork(script, [files.folder, String(offsets[1])], { execArgv: [] });
    [told] = (await once(other, 'message')) as [Told];
  });
  afterAll(async () => {
    const exited = once(other, 'exit');
    other.disconnect();
    await exited;
    await here.close();
    await files.remove();
  });

  const at = (name: 'baidu' | 'qq', process: number): Site => ({
    ...here.lab[name],
    ca: process === 0 ? here.lab[name].ca : told.ca[name],
    port: (wellKnown) => wellKnown + (offsets[process] ?? 0),
  });

  /** Each connection goes to the process that the one before did not go to. */
  const alternating = (name: 'baidu' | 'qq'): Site => {
    let turn = 0;
    return {
      ...here.lab[name],
      port(wellKnown) {
        turn += 1;
        return at(name, turn % 2).port(wellKnown);
      },
      // Each process has a certificate of its own; clients ask for the port first.
      get ca() {
        return at(name, turn % 2).ca;
      },
    };
  };

  it('L1–L9: all nine points hold, whichever process a client meets', () =>
    expectAllPoints({ ...here.lab, baidu: alternating('baidu'), qq: alternating('qq') }));

  it('an account that one of them made logs in at the other', async () => {
    other.send({ user: 'there' } satisfies Order);
    await once(other, 'message');
    await waitByImap(at('baidu', 0), 'there', []);
    await here.servers['baidu']?.store.directory.create({ address: 'here@baidu.com', passwordHash: '{PLAIN}here' });
    await waitByImap(at('baidu', 1), 'here', []);
  });
});
