/** The load generator as the bench uses it: a separate process, so that generating load does not disturb measuring. */
import { fork } from 'node:child_process';
import type { Job, Load } from './load/job.ts';

export interface Generator {
  /** Rejects if a server refuses what the job asks. */
  run(job: Job): Promise<Load>;
  stop(): void;
}

type Answer = { readonly load: Load } | { readonly error: string };

export function openGenerator(): Generator {
  const child = fork(new URL('./load/child.ts', import.meta.url));
  return {
    run: (job) =>
      new Promise((resolve, reject) => {
        const failed = (code: number | null): void => reject(new Error(`the load generator ended with code ${code}`));
        child.once('exit', failed);
        child.once('message', (answer: Answer) => {
          child.removeListener('exit', failed);
          if ('load' in answer) resolve(answer.load);
          else reject(new Error(`${job.kind} at port ${job.port}: ${answer.error}`));
        });
        child.send(job);
      }),
    stop: () => void child.kill(),
  };
}
