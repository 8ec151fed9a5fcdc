/** What must be known of a configuration before it is known which process reads all of it. */
import { resolve } from 'node:path';
import { findFolder } from '../config/folder.ts';
import { frontProcesses, isShared } from '../config/front-processes.ts';
import { thisMachine } from '../config/machine.ts';
import { PathResolver } from '../config/paths.ts';
import { unlessMacroError } from '../config/postfix/macro.ts';
import { MainParameters } from '../config/postfix/parameters-reader.ts';
import { readMainCf } from '../config/postfix/read-main-cf.ts';
import { choosePrivileges, type Privileges } from './privileges.ts';

export interface Front {
  /** How many processes serve: 1 where the configuration cannot have several. Its faults are for a start to report. */
  readonly processes: number;
  readonly mailStore: string;
  readonly metricsListen: string;
  /** Throws ConfigurationError if root cannot become mail_owner. */
  choosePrivileges(): Privileges;
}

/** `processes` overrides front_processes. Throws if the folder or main.cf cannot be read at all. */
export function readFront(configDirectory: string, processes?: number): Front {
  const { directory } = findFolder(resolve(configDirectory));
  const { settings, sources } = readMainCf(directory, new PathResolver(directory), {
    directory,
    overrides: processes === undefined ? {} : { front_processes: String(processes) },
    ...thisMachine(),
  });
  const parameters = new MainParameters({ ...sources, settings });
  const mailStore = unlessMacroError(() => parameters.string('mail_store'), '');
  const wanted = unlessMacroError(() => frontProcesses(parameters), 1);
  return {
    processes: isShared(mailStore) && wanted >= 1 ? wanted : 1,
    mailStore,
    metricsListen: unlessMacroError(() => parameters.string('metrics_listen'), ''),
    choosePrivileges: () => choosePrivileges({ parameters, directory }),
  };
}
