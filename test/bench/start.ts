/** From the command to open ports, on existing folders: with and without the compile cache of an earlier start. */
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { startServer } from '../kit/server.ts';
import { benchOptions } from './configuration.ts';
import { type Measurement, median, type Row } from './row.ts';

const STARTS = 5;

async function measure(say: (text: string) => void): Promise<readonly Measurement[]> {
  const first = await startServer(benchOptions);
  await first.stop({ keep: true });
  const { accounts: _made, ...again } = { ...benchOptions, folders: first.folders };
  const timed = async (): Promise<number> => {
    const begun = performance.now();
    const server = await startServer(again);
    const took = performance.now() - begun;
    await server.stop({ keep: true });
    return took;
  };
  const cache = temporaryFolder('bench-cache');
  try {
    const warm: number[] = [];
    for (let i = 0; i < STARTS; i += 1) warm.push(await timed());
    say(`warm: ${warm.map((ms) => Math.round(ms)).join(', ')} ms`);
    process.env['NODE_COMPILE_CACHE'] = cache;
    const cold = await timed();
    say(`the first after an installation: ${Math.round(cold)} ms`);
    return [
      { name: 'start', value: Math.round(median(warm)), unit: 'ms', better: 'less' },
      { name: 'start-cold', value: Math.round(cold), unit: 'ms', better: 'less' },
    ];
  } finally {
    delete process.env['NODE_COMPILE_CACHE'];
    removeFolder(cache);
    removeFolder(first.folders.root);
  }
}

export const startRows: readonly Row[] = [{ name: 'start', about: 'from the command to open doors', measure }];
