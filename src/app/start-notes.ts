/** Start notes about shifted ports and about the rights of the process's user; one line each. */
import type { Configuration } from '../config/configuration.ts';
import { SHIFTED } from './port-offset.ts';
import { unreadable } from './read.ts';
import type { ServerOptions } from './server-parts.ts';

export const portNotes = (options: ServerOptions, portOffset: number): string[] =>
  options.portOffset === undefined && portOffset === SHIFTED
    ? [`cannot bind ports below 1024 as this user; adding ${SHIFTED} to every port`]
    : [];

/** Called after root was dropped. `owner` is the user that the process became; null if it did not change. */
export function rightsNotes(configuration: Configuration, files: readonly string[], owner: string | null): string[] {
  if (owner === null)
    return process.getuid?.() === 0
      ? [
          'running as root: set mail_owner in main.cf to a user that owns nothing else, so that the server gives up root after binding its ports',
        ]
      : [];
  return unreadable(configuration, files).map(
    (path) => `${path}: ${owner} cannot read it, so a reload would fail; run chgrp ${owner} and chmod g+r`,
  );
}
