/** Haraka's log goes to the server's. */
import type { Haraka } from './haraka.ts';

const GRAVE: ReadonlySet<string> = new Set(['WARN', 'ERROR', 'CRIT', 'ALERT', 'EMERG']);

export function takeLog({ logger, constants }: Haraka, log: (isGrave: boolean, text: string) => void): void {
  logger.log_respond = (code, _text, item) => {
    // A plugin of the hook `log` has written it.
    if (code !== constants['cont']) return false;
    log(GRAVE.has(item.level), item.data.replace(/^\[[A-Z]+\] (?:\[-\] )?/, ''));
    return true;
  };
}
