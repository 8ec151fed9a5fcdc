import { transactionOf } from './transaction-of.ts';

interface WithQueueId {
  readonly queueId?: unknown;
}

/** The queue ID of the message that a hook's argument is about; null where there is none. */
export function queueIdOf(argument: object): string | null {
  const { queueId } = argument as WithQueueId;
  const found = queueId ?? transactionOf<WithQueueId>(argument)?.queueId;
  return typeof found === 'string' ? found : null;
}
