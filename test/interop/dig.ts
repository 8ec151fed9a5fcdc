/**
 * Answers of dig as values: many questions in one run, the sections of each answer as sets of records in a normal form.
 */
import { ran } from './program.ts';

export interface Answer {
  readonly question: string;
  readonly status: string;
  /** aa, tc and other flags, without rd, which the client has set. */
  readonly flags: string;
  readonly answer: readonly string[];
  readonly authority: readonly string[];
  readonly additional: readonly string[];
}

/** Zone transfers and other output, as printed. */
export function dig(port: number, ...args: string[]): Promise<string> {
  return ran('dig', ['@127.0.0.1', '-p', String(port), '+tries=1', '+time=5', '+nocookie', ...args]);
}

/** A record in lower case (names are case-insensitive, and BIND keeps the case of the question), with single blanks. */
const record = (line: string): string => line.replace(/\s+/g, ' ').trim().toLowerCase();

function parse(question: string, text: string): Answer {
  const sections: Record<string, string[]> = { ANSWER: [], AUTHORITY: [], ADDITIONAL: [] };
  let section = '';
  for (const line of text.split('\n')) {
    const title = /^;; (\w+) SECTION:/.exec(line)?.[1];
    if (title !== undefined) section = title;
    else if (line !== '' && !line.startsWith(';')) sections[section]?.push(record(line));
  }
  const of = (name: string): string[] => (sections[name] ?? []).sort();
  const flags = (/^;; flags: ([a-z ]*);/m.exec(text)?.[1] ?? '').split(' ').filter((flag) => flag !== 'rd');
  return {
    question,
    status: /status: (\w+)/.exec(text)?.[1] ?? text.trim(),
    flags: flags.join(' '),
    answer: of('ANSWER'),
    authority: of('AUTHORITY'),
    additional: of('ADDITIONAL'),
  };
}

/** Asks each question (`name type`) with the same options; returns the answers in that order. */
export async function ask(port: number, questions: readonly string[], ...options: string[]): Promise<Answer[]> {
  const all = [
    '@127.0.0.1',
    '-p',
    String(port),
    '+tries=2',
    '+time=5',
    '+nocookie',
    '+nostats',
    '+nocmd',
    '+norec',
    ...options,
  ];
  const out = await ran('dig', [...all, '-f', '-'], { input: `${questions.join('\n')}\n`, timeoutMs: 120_000 });
  const texts = out.split(/^;; Got answer:$/m).slice(1);
  if (texts.length !== questions.length)
    throw new Error(`${questions.length} questions, ${texts.length} answers:\n${out.slice(0, 4000)}`);
  return texts.map((text, n) => parse(questions[n] ?? '', text));
}
