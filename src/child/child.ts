/**
 * A parent's side of a process of its own for code that is not trusted to return, to keep to its memory, or to stay
 * alive. Whatever happens there, also when the engine aborts, ends that process alone.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type Beginning, DESCRIPTORS } from './descriptors.ts';
import { FrameReader, frameOf, KIND } from './frames.ts';
import { eachLine } from './lines.ts';
import { closeMark, openMark, readMark } from './mark.ts';

export interface ChildOptions {
  /** The module that runs there; it imports inside.ts first. */
  readonly entry: URL;
  /** What it begins with. */
  readonly data: unknown;
  /** Of its heap, and as much again outside of it. */
  readonly memoryMb: number;
  readonly onMessage: (message: unknown) => void;
  /** `answer` is called once, in that turn: the child waits. It throws if the value cannot be cloned. */
  readonly onQuestion: (question: unknown, answer: (value: unknown) => void) => void;
  /** A line of its standard output or error. */
  readonly onPrinted: (line: string) => void;
}

/** Why it ended; `words` follow `the process`. */
export interface ChildEnd {
  readonly kind: 'memory' | 'exit' | 'error';
  readonly words: string;
}

/** How long it may take after its end until all that it has written is read, ms. */
const READ_WITHIN = 200;

/** As bin/runtime.js sets them for the server: V8's cache of compiled code is one for each set. */
const FLAGS = [
  '--enable-experimental-regexp-engine-on-excessive-backtracks',
  '--wasm-wrapper-tiering-budget=2147483647',
  '--disable-warning=ExperimentalWarning',
  '--disable-warning=MODULE_TYPELESS_PACKAGE_JSON',
];

export class Child {
  readonly #process: ChildProcess;
  readonly #mark: number;
  readonly #memoryMb: number;
  #end: ChildEnd | null = null;
  #lastMark: string | null = null;
  /** What V8 says when it aborts. */
  #fatal: string | null = null;
  /** Resolves once, also when it could not be started. */
  readonly ended: Promise<ChildEnd>;

  constructor({ entry, data, memoryMb, onMessage, onQuestion, onPrinted }: ChildOptions) {
    this.#memoryMb = memoryMb;
    this.#mark = openMark();
    const child = spawn(process.execPath, [...FLAGS, `--max-old-space-size=${memoryMb}`, fileURLToPath(entry)], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe', this.#mark],
    });
    this.#process = child;
    this.ended = new Promise((resolve) => {
      const over = (end: ChildEnd): void => {
        this.#end ??= end;
        this.#lastMark = readMark(this.#mark);
        closeMark(this.#mark);
        resolve(this.#end);
      };
      child.once('error', ({ message }) => {
        if (child.pid === undefined) over({ kind: 'error', words: `could not be started: ${message}` });
      });
      child.once('exit', (code, signal) => {
        const end = (): void => {
          clearTimeout(timer);
          child.off('close', end);
          over(this.#endOf(code, signal));
        };
        // What it started may still have its output open.
        const timer = setTimeout(end, READ_WITHIN);
        child.once('close', end);
      });
    });
    // There are no pipes where the system has no more files.
    if (child.pid === undefined) return;
    // Of a process that has ended: its end is heard of.
    for (const stream of child.stdio) stream?.on('error', () => {});
    const reader = new FrameReader({
      onFrame: (kind, value) => {
        if (this.#end !== null) return;
        if (kind === KIND.message) onMessage(value);
        else onQuestion(value, (answer) => this.#write(DESCRIPTORS.answers, answer));
      },
      onFault: (fault) => this.#kill({ kind: 'error', words: fault }),
    });
    this.#stream(DESCRIPTORS.reports).on('data', (piece: Buffer) => reader.push(piece));
    eachLine(child.stdout as Readable, onPrinted);
    eachLine(child.stderr as Readable, (line) => this.#hear(line, onPrinted));
    const beginning: Beginning = { parent: process.pid, memoryMb, data };
    this.#write(DESCRIPTORS.answers, beginning);
  }

  /** Throws if the value cannot be cloned. Nothing happens when it has ended. */
  post(message: unknown): void {
    this.#write(DESCRIPTORS.messages, message);
  }

  /** What it says that runs now, or ran at its end. */
  get mark(): string {
    return this.#lastMark ?? readMark(this.#mark);
  }

  /** At once. Nothing of it is heard any more. */
  kill(): void {
    this.#kill({ kind: 'exit', words: 'was ended' });
  }

  #kill(end: ChildEnd): void {
    this.#end ??= end;
    this.#process.kill('SIGKILL');
  }

  #stream(descriptor: number): Readable & Writable {
    return this.#process.stdio[descriptor] as Readable & Writable;
  }

  #write(descriptor: number, value: unknown): void {
    const frame = frameOf(KIND.message, value);
    if (this.#process.pid === undefined || this.#end !== null) return;
    const stream = this.#stream(descriptor);
    if (stream.writable) stream.write(frame);
  }

  /** V8 prints the state of its heap and its own stack when it aborts: one line of that is for people. */
  #hear(line: string, onPrinted: (line: string) => void): void {
    const [, fatal] = /^FATAL ERROR: (.*)/.exec(line) ?? [];
    if (fatal !== undefined) this.#fatal = fatal;
    else if (line.startsWith('<--- Last few GCs')) this.#fatal ??= '';
    else if (this.#fatal === null) onPrinted(line);
  }

  #endOf(code: number | null, signal: NodeJS.Signals | null): ChildEnd {
    // Its guard, or the system where there is no more memory.
    if (signal === 'SIGKILL' || this.#fatal?.includes('out of memory') === true)
      return { kind: 'memory', words: `needs more than ${this.#memoryMb} MB of memory` };
    if (signal === null && this.#fatal === null)
      return { kind: 'exit', words: `ended itself by process.exit(${code})` };
    return { kind: 'error', words: `fell: ${this.#fatal ?? `it was ended by ${signal}`}` };
  }
}
