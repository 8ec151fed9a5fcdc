/** A child's side of its process: what it begins with, and how it speaks with its parent. To be imported first. */
import { readSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type Beginning, DESCRIPTORS, MEGABYTE } from './descriptors.ts';
import { boundedFrameOf, FrameReader, KIND, readFrame } from './frames.ts';
import type { Guarded } from './guard.ts';
import { MarkWriter } from './mark.ts';

// A terminal and a service manager send these to all processes; the parent ends this one when it needs it no longer.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

const { parent, memoryMb, data } = answered() as Beginning;
const guarded: Guarded = { parent, memory: 2 * memoryMb * MEGABYTE };
new Worker(new URL(`./guard${extname(import.meta.url)}`, import.meta.url), {
  workerData: guarded,
  execArgv: [],
}).unref();
const mark = new MarkWriter(DESCRIPTORS.mark);

export const inside = {
  data,
  /** Throws if the value cannot be cloned, or is too large. Returns when the parent has it, or will have it. */
  post: (message: unknown): void => write(boundedFrameOf(KIND.message, message)),
  /** Waits for the parent's answer. Throws as `post` does. */
  ask(question: unknown): unknown {
    write(boundedFrameOf(KIND.question, question));
    return answered();
  },
  /** Once. */
  onMessage(hear: (message: unknown) => void): void {
    const reader = new FrameReader({ onFrame: (_kind, message) => hear(message), onFault: () => process.exit() });
    new Socket({ fd: DESCRIPTORS.messages, writable: false })
      .on('data', (piece) => reader.push(piece))
      .on('error', () => {})
      .on('close', () => process.exit());
  },
  /** What runs now; it can be read by the parent whatever happens. */
  mark: (text: string): void => mark.write(text),
};

function answered(): unknown {
  const frame = readFrame((into) => readSync(DESCRIPTORS.answers, into));
  // The parent is gone.
  if (frame === null) process.exit();
  return frame;
}

function write(frame: Buffer): void {
  for (let done = 0; done < frame.length; ) done += writeSync(DESCRIPTORS.reports, frame, done);
}
