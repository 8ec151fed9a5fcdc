/** What plugins are loaded from, and the services that they are lent. */
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { PluginStates } from '../store/plugin-states.ts';
import type { LeftOut } from './left-out.ts';
import type { HttpSend } from './lent/http.ts';
import type { PluginMail, Server } from './plugin.ts';
import type { Versions } from './versions/fallen.ts';

export interface LoadOptions {
  /** In the order in which they are called. */
  readonly names: readonly string[];
  /** Folders that contain a folder for each plugin, searched in this order: the built-in ones, then the operator's. */
  readonly directories: readonly string[];
  /** The one of the built-in ones: others run in workers, unless their configuration says something else. */
  readonly ours: string;
  /**
   * The configuration folder, for `plugins.d/<name>.json` (or .toml …) and for packages installed beside it; null if there is none.
   */
  readonly configDirectory: string | null;
  /** The services passed to every plugin. */
  readonly server: Pick<
    Server,
    | 'parameters'
    | 'tables'
    | 'domains'
    | 'resolver'
    | 'verifications'
    | 'directory'
    | 'messages'
    | 'resolvePath'
    | 'connectLocal'
  >;
  /** Those that blocked the server; none of ours. */
  readonly leftOut?: readonly LeftOut[];
  /** Accepts mail of a plugin; returns the queue ID. */
  readonly send: (plugin: string, mail: PluginMail) => Promise<string>;
  /** Absent: other versions of plugins are not looked at. */
  readonly versions?: Versions;
  /** Sends the requests of plugins. */
  readonly http: HttpSend;
  /** Where each plugin has a room of its own. */
  readonly states: PluginStates;
  readonly log: Log;
  readonly clock: Clock;
}
