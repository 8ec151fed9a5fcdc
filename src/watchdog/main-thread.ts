/**
 * Access to the main thread from the watchdog's thread while its event loop is stuck: V8's inspector interrupts it,
 * returns its call stack, and evaluates an expression there. No port is opened.
 */
import { type Debugger, Session } from 'node:inspector';
import { fileURLToPath } from 'node:url';

const MOST_FRAMES = 12;

export class MainThread {
  readonly #session = new Session();
  readonly #urls = new Map<string, string>();
  /** The stack, innermost call first, once the thread has stopped. Never settles if it is stuck in native code. */
  readonly stopped: Promise<readonly string[]>;

  /** Asks the main thread to stop. */
  constructor() {
    this.#session.connectToMainThread();
    this.#session.on('Debugger.scriptParsed', ({ params }) => this.#urls.set(params.scriptId, params.url));
    this.stopped = new Promise((resolve) => {
      this.#session.on('Debugger.paused', ({ params }) =>
        resolve(params.callFrames.slice(0, MOST_FRAMES).map((frame) => this.#format(frame))),
      );
    });
    this.#session.post('Debugger.enable');
    this.#session.post('Debugger.pause');
  }

  /** Resumes it. */
  release(): void {
    this.#session.disconnect();
  }

  /** Evaluates an expression there; call only after it has stopped. Resolves if the expression returns. */
  run(expression: string): Promise<void> {
    return new Promise((resolve) =>
      this.#session.post('Runtime.evaluate', { expression, silent: true }, () => resolve()),
    );
  }

  /** `handler (/srv/config/plugins.d/greylist/index.ts:12:5)` */
  #format({ functionName, location }: Debugger.CallFrame): string {
    const url = this.#urls.get(location.scriptId) ?? '';
    const path = url.startsWith('file:') ? fileURLToPath(url.replace(/\?.*$/, '')) : url;
    return `${functionName || '(anonymous)'} (${path}:${location.lineNumber + 1}:${(location.columnNumber ?? 0) + 1})`;
  }
}
