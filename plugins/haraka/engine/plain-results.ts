/** What plugins found (`results`), as data that can be copied to another process. */
import type { Results } from '../messages.ts';

/** Characters of all results of one message. */
const LONGEST = 100_000;

/** Without what JSON cannot hold; none where they are longer than can be useful. */
export function plainResults(results: Readonly<Record<string, unknown>>): Results {
  try {
    const text = JSON.stringify(results);
    return text.length > LONGEST ? {} : (JSON.parse(text) as Results);
  } catch {
    return {};
  }
}
