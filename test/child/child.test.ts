/** Code in a process of its own: whatever happens there ends that process alone. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from 'vitest';
import { Child, type ChildEnd } from '../../src/child/child.ts';

const opened: Child[] = [];
afterEach(() => {
  for (const child of opened.splice(0)) child.kill();
});

interface Started {
  readonly child: Child;
  readonly heard: unknown[];
  readonly printed: string[];
}

/** `answer` is called with what the child asks. */
function start(answer: (question: unknown) => unknown = () => null, memoryMb = 64): Started {
  const heard: unknown[] = [];
  const printed: string[] = [];
  const child = new Child({
    entry: new URL('./echo.ts', import.meta.url),
    data: { list: [1] },
    memoryMb,
    onMessage: (message) => void heard.push(message),
    onQuestion: (question, reply) => reply(answer(question)),
    onPrinted: (line) => void printed.push(line),
  });
  opened.push(child);
  return { child, heard, printed };
}

const BEGUN = ['data', { list: [1] }];
const MEMORY: ChildEnd = { kind: 'memory', words: 'needs more than 64 MB of memory' };

describe('a process of its own', () => {
  it('has what it begins with, hears and speaks, and waits for answers', async () => {
    const { child, heard } = start((question) => [question, 'answered']);
    const large = Buffer.alloc(1_500_000, 'x');
    for (const message of [
      ['echo', new Map([[1, large]])],
      ['ask', large],
      ['echo', 'last'],
    ])
      child.post(message);
    await expect.poll(() => heard.length, { timeout: 10_000 }).toBe(4);
    expect(heard).toEqual([BEGUN, new Map([[1, large]]), [large, 'answered'], 'last']);
  });

  it('says what runs, also when it does not come back, and can be ended then', async () => {
    const { child } = start();
    child.post(['loop']);
    await expect.poll(() => child.mark).toBe('loop');
    child.kill();
    expect(await child.ended).toEqual({ kind: 'exit', words: 'was ended' });
    expect(child.mark).toBe('loop');
    // Nobody hears it.
    child.post(['echo', 1]);
  });

  it('prints lines, of a bounded length', async () => {
    const { child, printed } = start();
    child.post(['print', `one\n${'x'.repeat(100_000)}\nthree`]);
    await expect.poll(() => printed.length).toBe(3);
    expect(printed).toEqual(['one', 'x'.repeat(2_000), 'three']);
  });

  it.each<[string, unknown, ChildEnd]>([
    ['one allocation at which the engine aborts', ['fill'], MEMORY],
    ['one clone at which the engine aborts', ['clone'], MEMORY],
    ['a full heap', ['heap'], MEMORY],
    ['a gigabyte outside of the heap', ['buffer'], MEMORY],
    ['an exit', ['exit', 3], { kind: 'exit', words: 'ended itself by process.exit(3)' }],
    ['an error that nobody catches', ['throw'], { kind: 'exit', words: 'ended itself by process.exit(1)' }],
  ])('%s ends it alone, and says why', async (_what, trouble, end) => {
    const { child } = start();
    child.post(trouble);
    expect(await child.ended).toEqual(end);
    expect(child.mark).toBe((trouble as readonly string[])[0]);
  });

  it('is not ended by what a terminal sends to all processes, and ends when its parent has ended, even in a loop', async () => {
    const parent = spawn(
      process.execPath,
      [
        '--input-type=module',
        '--eval',
        `import { Child } from '${new URL('../../src/child/child.ts', import.meta.url)}';
         const child = new Child({ entry: new URL('${new URL('./echo.ts', import.meta.url)}'), data: null, memoryMb: 64,
           onMessage() {}, onQuestion() {}, onPrinted: (line) => console.log(line) });
         child.post(['mark', 'x']);
         child.post(['print', 'begun']);
         child.post(['loop']);`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    await once(createInterface({ input: parent.stdout }), 'line');
    const [pid] = execFileSync('ps', ['--ppid', String(parent.pid), '-o', 'pid='], { encoding: 'utf8' })
      .split('\n')
      .map(Number);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(pid as number, signal);
    const lives = (): boolean => {
      try {
        return process.kill(pid as number, 0);
      } catch {
        return false;
      }
    };
    expect(lives()).toBe(true);
    parent.kill('SIGKILL');
    await expect.poll(lives, { timeout: 10_000 }).toBe(false);
  });
});
