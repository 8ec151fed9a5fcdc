/** Measures a row on each side in turn, A B A B; each figure is the median of the rounds. */
import type { Generator } from '../peers/generator.ts';
import { median } from '../row.ts';
import type { StoreRow } from './rows.ts';
import type { StoreSide } from './side.ts';

export interface Figures {
  readonly side: string;
  readonly perSecond: number;
  /** Milliseconds of processor time for each unit: of our processes beyond what they take at rest; of the database's. */
  readonly own: number;
  readonly database: number | null;
}

export interface MeasuredRow {
  readonly row: StoreRow;
  readonly sides: readonly Figures[];
}

export interface MeasureOptions {
  readonly generator: Generator;
  readonly messages: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly say: (text: string) => void;
}

/** Load before the first round counts, s: until then code is compiled that later runs for nothing. */
const WARM_UP = 4;

export async function measureRow(
  row: StoreRow,
  sides: readonly StoreSide[],
  options: MeasureOptions,
): Promise<MeasuredRow> {
  const { generator, rounds, say } = options;
  const figures = new Map<StoreSide, Figures[]>(sides.map((side) => [side, []]));
  for (const side of sides) await generator.run(row.job(side, { ...options, seconds: WARM_UP }));
  for (let round = 0; round < rounds; round += 1)
    for (const side of sides) {
      const one = await measureOnce(row, side, options);
      figures.get(side)?.push(one);
      say(
        `    ${side.name}: ${Math.round(one.perSecond)} ${row.unit}/s, ${one.own.toFixed(2)} ms of our processor time`,
      );
    }
  return { row, sides: sides.map((side) => middle(side.name, figures.get(side) ?? [])) };
}

async function measureOnce(row: StoreRow, side: StoreSide, options: MeasureOptions): Promise<Figures> {
  const [own, database] = [side.cpu(), side.databaseCpu()];
  const { units, seconds } = await options.generator.run(row.job(side, options));
  const after = side.databaseCpu();
  const rest = side.rest * seconds;
  return {
    side: side.name,
    perSecond: units / seconds,
    own: (Math.max(0, side.cpu() - own - rest) / units) * 1000,
    database: database === null || after === null ? null : ((after - database) / units) * 1000,
  };
}

function middle(side: string, figures: readonly Figures[]): Figures {
  const databases = figures.flatMap(({ database }) => (database === null ? [] : [database]));
  return {
    side,
    perSecond: median(figures.map(({ perSecond }) => perSecond)),
    own: median(figures.map(({ own }) => own)),
    database: databases.length === 0 ? null : median(databases),
  };
}
