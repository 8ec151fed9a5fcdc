/** In the thread: answers of DNS are kept for half a minute, so that a burst of mail asks once. Failures are not. */
import { LRUCache } from 'lru-cache';
import type { Ask } from '../pool/messages.ts';
import type { Answer, Question } from './work.ts';

const KEPT_MS = 30_000;
/** Of all answers, in characters as JSON. */
const MOST = 4 * 1024 * 1024;
/** What is known not to be there may be published at any moment: a key that comes with its first message, above all. */
const MAY_BE_NEW = /\._domainkey\./i;

export class Remembered {
  readonly #answers = new LRUCache<string, { readonly answer: Answer }>({
    ...{ maxSize: MOST, ttl: KEPT_MS },
    sizeCalculation: ({ answer }, key) => key.length + JSON.stringify(answer).length,
  });

  /** Asks, or knows. */
  over(ask: Ask<Question, Answer>): Ask<Question, Answer> {
    return async (question) => {
      if (question === null) return ask(question);
      const key = `${question.type} ${question.name.toLowerCase()}`;
      const known = this.#answers.get(key);
      if (known !== undefined) return known.answer;
      const answer = await ask(question);
      if (isLasting(question.name, answer)) this.#answers.set(key, { answer });
      return answer;
    };
  }
}

function isLasting(name: string, answer: Answer): boolean {
  if (answer === null || answer instanceof Uint8Array) return false;
  if ('records' in answer) return true;
  return (answer.code === 'ENOTFOUND' || answer.code === 'ENODATA') && !MAY_BE_NEW.test(name);
}
