/** What the tests of child.ts run: what it is told, it does. */
import { inside } from '../../src/child/inside.ts';

const kept: unknown[] = [];
const DO: Readonly<Record<string, (value: never) => unknown>> = {
  echo: (value) => inside.post(value),
  ask: (value) => inside.post(inside.ask(value)),
  mark: (value) => inside.mark(value),
  print: (value) => console.log(value),
  exit: (value) => process.exit(value),
  throw: () => {
    throw new Error('thrown');
  },
  loop: () => {
    for (;;);
  },
  // One call of the engine far above the limit: V8 aborts.
  fill: () => kept.push(new Array(1e8).fill(0)),
  clone: () => kept.push(structuredClone(Array.from({ length: 10 }, (_, i) => String(i).repeat(1e8)))),
  heap: () => {
    for (;;) kept.push({ a: [1, 2, 3] });
  },
  buffer: () => kept.push(new Uint8Array(1e9).fill(1)),
};

inside.post(['data', inside.data]);
inside.onMessage((message) => {
  const [name, value] = message as readonly [string, never];
  inside.mark(name);
  DO[name]?.(value);
});
