/** What the pool and its threads tell each other. Every value is copied (structured clone). */

/** To a thread. */
export type ToThread =
  | { readonly kind: 'work'; readonly id: number; readonly input: unknown }
  | { readonly kind: 'answer'; readonly id: number; readonly question: number; readonly value: unknown }
  | { readonly kind: 'refusal'; readonly id: number; readonly question: number; readonly message: string }
  /** Nobody waits for that piece of work any more. */
  | { readonly kind: 'drop'; readonly id: number }
  | { readonly kind: 'ping' };

/** From a thread. */
export type FromThread =
  | { readonly kind: 'ask'; readonly id: number; readonly question: number; readonly value: unknown }
  | { readonly kind: 'done'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly message: string }
  | { readonly kind: 'pong' };

/** What a thread's work may ask the main thread meanwhile; rejects with what the main thread's handler threw. */
export type Ask<Question = unknown, Answer = unknown> = (question: Question) => Promise<Answer>;
