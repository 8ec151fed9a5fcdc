/** The commands that a store sends to its database, as the driver reports them. */
import type { MongoClient } from 'mongodb';

/** Heartbeats, change streams, and what the driver does by itself. */
const BESIDE = new Set(['hello', 'ping', 'endSessions', 'killCursors']);

export interface Commands {
  readonly observe: (client: MongoClient) => void;
  /** What `act` sends until it resolves. */
  during(act: () => Promise<unknown>): Promise<{
    /** `find messages` … */
    readonly sent: readonly string[];
    /** How often it waited for an answer: commands that are under way together count once. */
    readonly waits: number;
  }>;
}

export function watchCommands(): Commands {
  const underWay = new Map<number, number>();
  let answered = new Set<number>();
  let sent: string[] = [];
  let wave = 0;
  return {
    observe(client) {
      client.on('commandStarted', ({ commandName, command, requestId }) => {
        const collection: unknown = commandName === 'getMore' ? command['collection'] : command[commandName];
        if (BESIDE.has(commandName) || collection === 'processes' || command['maxTimeMS'] === 500) return;
        if (JSON.stringify(command).includes('$changeStream')) return;
        if (underWay.size === 0) wave += 1;
        underWay.set(requestId, wave);
        sent.push(`${commandName} ${String(collection)}`);
      });
      const over = ({ requestId }: { readonly requestId: number }): void => {
        const begun = underWay.get(requestId);
        underWay.delete(requestId);
        if (begun !== undefined) answered.add(begun);
      };
      client.on('commandSucceeded', over);
      client.on('commandFailed', over);
    },
    async during(act) {
      // What was begun before has ended: journals are tidied after a second.
      await new Promise((resolve) => setTimeout(resolve, 1500));
      for (;;) {
        sent = [];
        answered = new Set();
        await act();
        // Housekeeping looked after the database at the same time.
        if (!sent.some((command) => command.startsWith('distinct'))) return { sent: [...sent], waits: answered.size };
      }
    },
  };
}
