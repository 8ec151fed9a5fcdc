/** The parameters of main.cf for commands and files of aliases. */
import { delimitersOf } from '../../lookup/delimiters.ts';
import { exportedEnvironment } from '../../lookup/exported-environment.ts';
import type { ParameterReader } from '../../lookup/parameters.ts';
import type { Delimiters } from '../../mail/address.ts';

/** Ways of delivery that get a Delivered-To: line. */
export type Delivered = 'command' | 'file' | 'forward';

export interface LocalSettings {
  readonly defaultPrivs: string;
  readonly shell: string;
  /** Milliseconds. */
  readonly timeLimit: number;
  readonly environment: Readonly<Record<string, string>>;
  /** With `$name`s; '' for the queue's. */
  readonly directory: string;
  readonly queueDirectory: string;
  /** Characters that may stand in values: of the environment, of the folder's name. */
  readonly filters: { readonly environment: ReadonlySet<string>; readonly directory: ReadonlySet<string> };
  readonly delivered: ReadonlySet<Delivered>;
  /** enable_original_recipient */
  readonly namesOriginal: boolean;
  /** recipient_delimiter */
  readonly delimiters: Delimiters;
  readonly myhostname: string;
  /** Octets of a file; 0 has no limit. */
  readonly sizeLimit: number;
  readonly lock: { readonly attempts: number; readonly delay: number; readonly stale: number };
}

export function readLocalSettings(parameters: ParameterReader): LocalSettings {
  const characters = (text: string): ReadonlySet<string> => new Set(text);
  return {
    defaultPrivs: parameters.string('default_privs'),
    shell: parameters.string('local_command_shell'),
    timeLimit: parameters.time('command_time_limit'),
    environment: exportedEnvironment(parameters),
    directory: parameters.string('command_execution_directory'),
    queueDirectory: parameters.string('queue_directory'),
    filters: {
      environment: characters(parameters.string('command_expansion_filter')),
      directory: characters(parameters.string('execution_directory_expansion_filter')),
    },
    delivered: new Set(parameters.list('prepend_delivered_header') as Delivered[]),
    namesOriginal: parameters.boolean('enable_original_recipient'),
    delimiters: delimitersOf(parameters),
    myhostname: parameters.string('myhostname'),
    sizeLimit: parameters.number('mailbox_size_limit'),
    lock: {
      attempts: parameters.number('deliver_lock_attempts'),
      delay: parameters.time('deliver_lock_delay'),
      stale: parameters.time('stale_lock_time'),
    },
  };
}
