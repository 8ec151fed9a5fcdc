/** How many processes serve a configuration (`front_processes`), and whether its store lets them be several. */
import { availableParallelism } from 'node:os';
import type { Fault } from './fault.ts';
import type { MainParameters } from './postfix/parameters-reader.ts';

/** Whether several processes may use the store that `mail_store` names at the same time. */
export const isShared = (mailStore: string): boolean => /^mongodb(\+srv)?:\/\//.test(mailStore);

export function frontProcesses(parameters: MainParameters): number {
  const given = parameters.string('front_processes');
  if (given !== 'auto') return Number(given);
  return isShared(parameters.string('mail_store')) ? availableParallelism() : 1;
}

/** `place`: where the number is set. */
export function processFaults(parameters: MainParameters, place: Omit<Fault, 'message'>): Fault[] {
  const processes = frontProcesses(parameters);
  if (processes === 1 || isShared(parameters.string('mail_store'))) return [];
  return [
    {
      ...place,
      message:
        `${processes} processes need a store that they can share, and an SQLite store is a file that one process owns; ` +
        'leave it out (then one process serves), or move the mail to a database (mail_store = mongodb://…)',
    },
  ];
}
