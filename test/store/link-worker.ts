/** A worker for link.test.ts: echoes, refuses, stays silent until it is released, dies. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Answer, Request, WorkerMessage } from '../../src/store/backend/sqlite/calls.ts';

const post = (message: WorkerMessage): void => parentPort?.postMessage(message);
const kept: Answer[] = [];

parentPort?.on('message', (requests: readonly Request[]) => {
  for (const { id, name, args } of requests) {
    if (name === 'die') throw new Error('the worker had enough');
    if (name === 'exit') process.exit(3);
    if (name === 'close') return parentPort?.close();
    if (name === 'refuse') kept.push({ id, failure: { kind: 'full', message: 'no room' } });
    if (name === 'echo' || name === 'keep') kept.push({ id, result: describe(args, requests.length) });
  }
  // Held requests are answered together with the next echo.
  if (requests.some(({ name }) => name !== 'keep')) post({ kind: 'answers', answers: kept.splice(0), changes: [] });
});

function describe(args: unknown, batch: number): unknown {
  const bytes = (args as { bytes?: Uint8Array }).bytes;
  return {
    batch,
    text: bytes === undefined ? '' : Buffer.from(bytes.subarray(0, 20)).toString(),
    length: bytes?.length ?? 0,
  };
}

post(workerData === 'broken' ? { kind: 'failed', message: 'it does not open' } : { kind: 'ready' });
