/** The argument of `--since`. */
import { InvalidArgumentError } from 'commander';

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** `30m` is half an hour ago; ms since 1970 UTC. */
export function sinceWhen(value: string): number {
  const ago = /^(\d{1,6})([smhdw])$/.exec(value);
  const time = ago === null ? Date.parse(value) : Date.now() - Number(ago[1]) * (UNITS[ago[2] ?? ''] ?? 0);
  if (!Number.isFinite(time)) throw new InvalidArgumentError('expected a time such as 2h, 3d or 2026-11-27T08:00.');
  return time;
}
