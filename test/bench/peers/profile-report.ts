/** A report from V8's profiles (.cpuprofile, one per thread): self time by file and by function. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { table } from '../../../src/cli/output.ts';

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
}

interface Profile {
  readonly nodes: readonly ProfileNode[];
  /** Microseconds of the clock that process.hrtime also uses. */
  readonly startTime: number;
  /** Node of each sample, and microseconds since the previous one. */
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** The reported interval: microseconds of process.hrtime. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

const MOST_FUNCTIONS = 25;
const MOST_FILES = 25;
/** Threads that are busy for a smaller part of the time are omitted. */
const LEAST = 0.01;
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** A thread is named after the file that only it runs. */
const THREADS: Readonly<Record<string, string>> = {
  'sqlite/writer/writer.ts': "the store's writer",
  'sqlite/reader/reader.ts': "the store's reader",
  'watchdog/thread.ts': 'the watchdog',
};

/** What the threads did in that interval, from the profiles in the folder, the busiest first. */
export function profileReport(folder: string, span: Span): string {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.cpuprofile'))
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Profile)
    .map((profile) => summary(profile, span))
    .filter(({ busy }) => busy > LEAST * (span.to - span.from))
    .sort((a, b) => b.busy - a.busy)
    .map(({ text }) => text)
    .join('\n');
}

function summary(profile: Profile, span: Span): { readonly busy: number; readonly text: string } {
  const files = new Map<string, number>();
  const functions = new Map<string, number>();
  const times = selfTimes(profile, span);
  let [all, busy] = [0, 0];
  for (const [node, time] of times) {
    all += time;
    if (node.callFrame.functionName === '(idle)') continue;
    busy += time;
    const file = fileOf(node);
    const name = `${node.callFrame.functionName || '(anonymous)'} ${file}:${node.callFrame.lineNumber + 1}`;
    files.set(file, (files.get(file) ?? 0) + time);
    const label = node.callFrame.url === '' ? node.callFrame.functionName || '(native)' : name;
    functions.set(label, (functions.get(label) ?? 0) + time);
  }
  const head = `${threadOf(profile)}: busy for ${seconds(busy)} of ${seconds(all)} s`;
  const parts = [top('file', files, busy, MOST_FILES), top('function', functions, busy, MOST_FUNCTIONS)];
  return { busy, text: `\n=== ${head}\n\n${parts.join('\n\n')}\n` };
}

function selfTimes(
  { nodes, samples, timeDeltas, startTime }: Profile,
  { from, to }: Span,
): ReadonlyMap<ProfileNode, number> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const times = new Map<ProfileNode, number>();
  let now = startTime;
  for (const [i, id] of samples.entries()) {
    const node = byId.get(id);
    now += timeDeltas[i] ?? 0;
    if (now < from || now > to) continue;
    // The delta of the next sample is the duration of this one.
    if (node !== undefined) times.set(node, (times.get(node) ?? 0) + Math.max(0, timeDeltas[i + 1] ?? 0));
  }
  return times;
}

/** Relative to the checkout; code without a file (the collector, built-in functions) is native. */
function fileOf({ callFrame: { url } }: ProfileNode): string {
  if (url === '') return '(native)';
  return url.startsWith('file:') ? fileURLToPath(url).replace(ROOT, '') : url;
}

function threadOf({ nodes }: Profile): string {
  const found = Object.keys(THREADS).find((file) => nodes.some(({ callFrame }) => callFrame.url.endsWith(file)));
  if (found !== undefined) return THREADS[found] ?? found;
  return nodes.some(({ callFrame }) => callFrame.url.includes('/bin/posthorn.js'))
    ? 'the main thread'
    : 'another thread';
}

const seconds = (microseconds: number): string => (microseconds / 1e6).toFixed(2);

function top(title: string, times: ReadonlyMap<string, number>, busy: number, most: number): string {
  const rows = [...times].sort(([, a], [, b]) => b - a).slice(0, most);
  return table(
    ['self s', '%', title],
    rows.map(([name, time]) => [seconds(time), ((100 * time) / busy).toFixed(1), name]),
  );
}
