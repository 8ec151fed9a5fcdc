/** `posthorn explain` and `posthorn test route`, asked of a running server. */
import type { Hypothetical } from './explanation.ts';
import { type Arguments, type Operation, OperationError, optionalText, texts } from './operation.ts';

const MOST_RECIPIENTS = 100;
/** Characters of all header fields. */
const MOST_HEADERS = 65_536;

/** Nothing that ends a line: each value becomes part of one. */
function inLine(value: string, name: string): string {
  if (/[\0\r\n]/.test(value)) throw new OperationError(`"${name}" must be one line`);
  return value;
}

export function readHypothetical(given: Arguments): Hypothetical {
  const line = (name: string): string | null => {
    const value = optionalText(given, name);
    return value === undefined ? null : inLine(value, name);
  };
  const to = texts(given, 'to').map((one) => inLine(one, 'to'));
  const headers = texts(given, 'headers').map((one) => inLine(one, 'header'));
  if (to.length === 0) throw new OperationError('"to" is missing');
  if (to.length > MOST_RECIPIENTS) throw new OperationError(`at most ${MOST_RECIPIENTS} recipients`);
  if (headers.join('').length > MOST_HEADERS)
    throw new OperationError(`header fields of at most ${MOST_HEADERS} characters`);
  for (const header of headers)
    if (!/^[!-9;-~]+:/.test(header))
      throw new OperationError(`"${header.slice(0, 60)}": expected a header field such as "Subject: hello"`);
  return {
    client: line('client'),
    helo: line('helo') ?? '',
    from: line('from') ?? '',
    to,
    user: line('user'),
    headers,
    service: line('service'),
  };
}

/** Asks the running server's own configuration; another one is asked by the command itself. */
export const explainOperations: Readonly<Record<string, Operation>> = {
  explain: async ({ server }, given) => {
    const asked = readHypothetical(given);
    if (server === null) throw new OperationError('no server is running on this data folder');
    return server.explain(asked);
  },
};
