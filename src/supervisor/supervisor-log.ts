/**
 * The lines of a supervisor in the log: few, and each written by itself, so that what every front process needs for
 * its thousands is not loaded here.
 */
import { appendFileSync } from 'node:fs';
import type { Privileges } from '../app/privileges.ts';
import type { Started } from '../app/running-server.ts';
import { formatLine } from '../log.ts';

export type Say = (level: 'info' | 'warn' | 'error', message: string) => void;

/** To the log's file, as the owner of the data folder; `print`: also to standard output. */
export function sayTo({ file, host }: Started['log'], { asOwnerNow }: Privileges, print: boolean): Say {
  return (level, message) => {
    const time = Date.now();
    const { pid } = process;
    const entry = { level, time: new Date(time).toISOString(), pid, host, msg: message };
    try {
      asOwnerNow(() => appendFileSync(file, `${JSON.stringify(entry)}\n`, { mode: 0o600 }));
    } catch {
      // A full disk must not end what keeps the server alive.
    }
    if (print) console.log(formatLine({ time, level, host, process: 'posthorn', pid, message }));
  };
}
