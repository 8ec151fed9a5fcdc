/**
 * A process that does one operation and kills itself: `node child.ts URI OPERATION TAG before|after N` before the Nth
 * write is sent to the database, or when its answer has arrived. Prints what it prepared, that the operation was
 * answered, and how many writes there were if it lived to see the end of them.
 */
import { writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { CommandStartedEvent, CommandSucceededEvent, MongoClient } from 'mongodb';
import { openMongoStore } from '../../../src/store/backend/mongodb/open.ts';
import { quietLog } from '../../kit/log.ts';
import { OPERATIONS } from './operations.ts';

const [uri = '', name = '', tag = '', phase = 'before', nth = '0'] = process.argv.slice(2);
const WRITES = new Set(['insert', 'update', 'delete', 'findAndModify']);
/** Longer than it takes until the journals are tidied. */
const UNTIL_QUIET = 1_300;

let armed = false;
let count = 0;
const numbers = new Map<number, number>();

const die = (): void => void process.kill(process.pid, 'SIGKILL');

/** The heartbeat is not part of the operation. */
const isWrite = ({ commandName, command }: CommandStartedEvent): boolean =>
  armed && WRITES.has(commandName) && command[commandName] !== 'processes';

const observe = (client: MongoClient): void => {
  client.on('commandStarted', (event: CommandStartedEvent) => {
    if (!isWrite(event)) return;
    count += 1;
    numbers.set(event.requestId, count);
    if (phase === 'before' && count === Number(nth)) die();
  });
  client.on('commandSucceeded', (event: CommandSucceededEvent) => {
    if (phase === 'after' && numbers.get(event.requestId) === Number(nth)) die();
  });
};

const say = (line: object): void => void writeSync(1, `${JSON.stringify(line)}\n`);
const open = () => openMongoStore({ uri, log: quietLog, observe });

const operation = OPERATIONS[name];
if (operation === undefined) throw new Error(`no operation ${name}`);
// What it prepares is settled before the writes are counted.
const first = await open();
const facts = await operation.prepare(first, tag);
await first.close();
const store = await open();
say({ facts });
armed = true;
await operation.run(store, tag, facts);
say({ answered: true });
await delay(UNTIL_QUIET);
say({ writes: count });
die();
