/** Process figures from the kernel (proc(5)). */
import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks per second: USER_HZ, 100 on every Linux that Node runs on. */
const TICKS = 100;

/** Resident octets: VmRSS. */
export function resident(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
  return Number(line?.[1] ?? 0) * 1024;
}

/** Seconds of processor time so far, of all threads, in user and kernel mode. */
export const cpuSeconds = (pid: number): number => seconds(`/proc/${pid}/stat`);

/** The same of the main thread and of the busiest other one, which writes to the store. */
export function threadSeconds(pid: number): { readonly main: number; readonly writer: number } {
  const ofThread = (thread: string): number => seconds(`/proc/${pid}/task/${thread}/stat`);
  const others = readdirSync(`/proc/${pid}/task`).filter((thread) => thread !== String(pid));
  return { main: ofThread(String(pid)), writer: Math.max(...others.map(ofThread)) };
}

function seconds(file: string): number {
  const stat = readFileSync(file, 'latin1');
  // The name in brackets may contain spaces; utime and stime are the fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(') ') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}
