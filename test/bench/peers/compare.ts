/** Measures rows on both sides in turn, A B A B, and compares the medians. */
import { setTimeout as delay } from 'node:timers/promises';
import { watchMemory } from './memory.ts';
import type { PeerOptions } from './options.ts';
import type { PeerRow, Sample, Storm, Tools } from './row.ts';
import type { Side } from './side.ts';

/** A line of the table; `null` if that side has no such figure. */
export interface Compared {
  readonly name: string;
  readonly posthorn: number | null;
  readonly peer: number | null;
  /** In every row, more is better for Posthorn. */
  readonly ratio: number | null;
  readonly unit: string;
}

interface Gathered {
  readonly sample: Sample;
  readonly values: Record<Side['name'], number[]>;
}

/** Load that is not measured, before the first round of each side, in s. */
const WARM_UP = 0.5;

export async function compareRows(
  sides: readonly Side[],
  { rows, rounds, calm }: PeerOptions,
  tools: Tools,
  say: (text: string) => void,
  ended: AbortSignal,
): Promise<readonly Compared[]> {
  const compared: Compared[] = [];
  let highest = new Map<Side, number>();
  for (const [index, row] of rows.entries()) {
    say(`[${index + 1}/${rows.length}] ${row.name}: ${row.about}`);
    const gathered = new Map<string, Gathered>();
    try {
      for (const side of sides) await row.measure(side, { ...tools, seconds: WARM_UP, say: () => {} });
      for (let round = 0; round < rounds; round += 1)
        for (const side of sides) {
          const told = (text: string): void => say(`    ${side.name}: ${text}`);
          const act = (): Promise<readonly Sample[]> => row.measure(side, { ...tools, say: told });
          const { result, highest: most } = await watchMemory(side, row.programs, act);
          for (const sample of result) gather(gathered, side, sample);
          highest.set(side, Math.max(most, highest.get(side) ?? 0));
          const figures = result.map(({ name, value, unit }) => `${name} ${shown(value)} ${unit}`).join(', ');
          told(`${figures}, at most ${shown(most / 1e6)} MB`);
        }
    } catch (error) {
      if (ended.aborted) throw error;
      say(`    left out: ${error instanceof Error ? error.message : String(error)}`);
    }
    compared.push(...[...gathered.values()].map(line));
    if (rows[index + 1]?.storm === row.storm) continue;
    compared.push(...(await measureMemory(sides, rows, row.storm, highest, calm, say)));
    highest = new Map();
  }
  return compared;
}

/** The highest memory during a load, and what remains after a rest. */
async function measureMemory(
  sides: readonly Side[],
  rows: readonly PeerRow[],
  storm: Storm,
  highest: ReadonlyMap<Side, number>,
  calm: number,
  say: (text: string) => void,
): Promise<readonly Compared[]> {
  const programs = [...new Set(rows.filter((row) => row.storm === storm).flatMap((row) => row.programs))];
  const gathered = new Map<string, Gathered>();
  for (const [side, octets] of highest) gather(gathered, side, megabytes(`${storm}-memory-highest`, octets));
  if (calm > 0) {
    say(`    ${calm} s of rest, then a look at the memory`);
    await delay(calm * 1000);
    for (const side of sides) gather(gathered, side, megabytes(`${storm}-memory-after`, side.memory(programs)));
  }
  return [...gathered.values()].map(line);
}

const megabytes = (name: string, octets: number): Sample => ({ name, value: octets / 1e6, unit: 'MB', better: 'less' });

function gather(gathered: Map<string, Gathered>, side: Side, sample: Sample): void {
  const found = gathered.get(sample.name) ?? { sample, values: { Posthorn: [], peer: [] } };
  found.values[side.name].push(sample.value);
  gathered.set(sample.name, found);
}

function line({ sample: { name, unit, better }, values }: Gathered): Compared {
  const [posthorn, peer] = [middle(values.Posthorn), middle(values.peer)];
  const known = posthorn !== null && peer !== null && posthorn !== 0 && peer !== 0;
  const ratio = known ? (better === 'more' ? posthorn / peer : peer / posthorn) : null;
  return { name, posthorn, peer, ratio, unit };
}

/** The median; for an even number of values, the mean of the two in the middle. */
function middle(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.floor(sorted.length / 2)]];
  return low === undefined || high === undefined ? null : (low + high) / 2;
}

/** Three significant digits. */
export function shown(value: number | null): string {
  if (value === null) return '-';
  return value >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)));
}
