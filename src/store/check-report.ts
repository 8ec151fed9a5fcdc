/** What one part of a check has looked at and found: counts, and the first findings. */
import type { Finding, Inspection } from './check.ts';

const LISTED = 100;

export class Part implements Inspection {
  readonly name: string;
  checked = 0;
  wrong = 0;
  mended = 0;
  readonly findings: Finding[] = [];

  /** `name`: what is looked at, in the plural. */
  constructor(name: string) {
    this.name = name;
  }

  add(place: string, problem: string, mended = false): void {
    this.wrong += 1;
    if (mended) this.mended += 1;
    if (this.findings.length < LISTED) this.findings.push({ place, problem, mended });
  }
}
