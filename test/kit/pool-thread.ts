/** The entry of the threads of plugins/pool/pool.test.ts. */
import { octetsOf } from '../../plugins/pool/octets.ts';
import { serve } from '../../plugins/pool/serve.ts';

export type Task =
  | { readonly do: 'double'; readonly n: number }
  | { readonly do: 'ask'; readonly question: string }
  | { readonly do: 'count'; readonly first: Uint8Array; readonly isWhole: boolean }
  | { readonly do: 'throw' | 'hang' | 'loop' | 'fall' | 'allocate' };

serve<Task, unknown, string, unknown>(async (task, ask) => {
  switch (task.do) {
    case 'double':
      return task.n * 2;
    case 'ask':
      return ask(task.question);
    case 'count': {
      let size = 0;
      for await (const { length } of octetsOf(task, () => ask('more') as Promise<Uint8Array | null>)) size += length;
      return size;
    }
    case 'throw':
      throw new TypeError('no such thing');
    case 'hang':
      return new Promise(() => {});
    case 'loop':
      for (;;);
    case 'fall':
      return process.exit(3);
    default: {
      const kept: number[][] = [];
      for (;;) kept.push(Array.from({ length: 10_000 }, Math.random));
    }
  }
});
