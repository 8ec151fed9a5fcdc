/** How much one delivery changes the window of its destination (Postfix: SCHEDULER_README, "concurrency feedback"). */

/** For a window of this size: 0 to 1. */
export type Feedback = (window: number) => number;

const DIVISORS: Readonly<Record<string, (window: number) => number>> = {
  concurrency: (window) => window,
  sqrt_concurrency: Math.sqrt,
};

/** `1`, `0.5`, `1/4`, `1/concurrency`. As in Postfix, anything else, and what is not from 0 to 1, stands for 1. */
export function parseFeedback(text: string): Feedback {
  const [numerator = '', denominator = '1'] = text.split('/').map((part) => part.trim());
  const by = DIVISORS[denominator];
  const amount = Number(numerator) / (by === undefined ? Number(denominator) : 1);
  if (!(amount >= 0 && amount <= 1)) return () => 1;
  return by === undefined ? () => amount : (window) => amount / by(window);
}
