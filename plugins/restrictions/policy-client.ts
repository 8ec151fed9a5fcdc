/**
 * Queries a policy service (SMTPD_POLICY_README): attributes as `name=value` lines and an empty line, answered by an
 * `action=…` line and an empty line. Connections are reused, for one query at a time.
 *
 * Limits: an answer has at most 8 KiB; a query has a deadline; a few idle connections are kept for a minute.
 */
import type { Duplex } from 'node:stream';

const LONGEST_ANSWER = 8192;
const MOST_IDLE = 20;
const IDLE_FOR = 60_000;

class Silence extends Error {
  override readonly name = 'Silence';
}

export class PolicyClient {
  readonly #connect: () => Duplex;
  readonly #idle: { readonly socket: Duplex; readonly timer: NodeJS.Timeout }[] = [];
  #closed = false;

  constructor(connect: () => Duplex) {
    this.#connect = connect;
  }

  /** Returns the action. Rejects if the service cannot be reached, is too slow, or gives an invalid answer. */
  async ask(request: string, deadline: number): Promise<string> {
    const kept = this.#idle.pop();
    if (kept !== undefined) {
      clearTimeout(kept.timer);
      try {
        return await this.#exchange(kept.socket, request, deadline);
      } catch (error) {
        // The service may have closed the connection meanwhile: retry on a new one. After a timeout there is no time
        // left to retry.
        if (error instanceof Silence) throw error;
      }
    }
    return this.#exchange(this.#connect(), request, deadline);
  }

  close(): void {
    this.#closed = true;
    for (const { socket, timer } of this.#idle.splice(0)) {
      clearTimeout(timer);
      socket.destroy();
    }
  }

  #exchange(socket: Duplex, request: string, deadline: number): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    let answer = '';
    const timer = setTimeout(() => fail(new Silence(`no answer within ${deadline / 1000} s`)), deadline);
    const forget = (): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      // An idle socket that breaks is not an error.
      socket.on('error', () => {});
    };
    const fail = (error: Error): void => {
      forget();
      socket.destroy();
      reject(error);
    };
    socket.removeAllListeners();
    socket.on('error', fail);
    socket.on('close', () => fail(new Error('connection closed')));
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      const end = answer.indexOf('\n\n');
      if (end < 0) {
        if (answer.length > LONGEST_ANSWER) fail(new Error('answer too long'));
        return;
      }
      const action = /^action=(.*)$/m.exec(answer.slice(0, end))?.[1];
      if (action === undefined) {
        fail(new Error('answer without action='));
        return;
      }
      forget();
      this.#keep(socket);
      resolve(Buffer.from(action.trim(), 'latin1').toString('utf8'));
    });
    socket.write(request);
    return promise;
  }

  #keep(socket: Duplex): void {
    if (this.#closed || this.#idle.length >= MOST_IDLE) {
      socket.destroy();
      return;
    }
    const drop = (): void => {
      const at = this.#idle.indexOf(entry);
      if (at >= 0) this.#idle.splice(at, 1);
      clearTimeout(entry.timer);
      socket.destroy();
    };
    const entry = { socket, timer: setTimeout(drop, IDLE_FOR) };
    entry.timer.unref();
    socket.on('close', drop);
    this.#idle.push(entry);
  }
}
