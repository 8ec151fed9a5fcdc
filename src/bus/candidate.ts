/** A plugin whose code and configuration were read, in the server or in a worker, before it registers. */
import type { BusSettings } from './configuration/bus-keys.ts';
import { readConfiguration } from './configuration/configuration.ts';
import type { Values } from './configuration/file.ts';
import { type AnyPlugin, importPlugin, registerPlugin } from './import-plugin.ts';
import { watchListeners } from './left-listeners.ts';
import { Lending, type LentToAll, type PluginHost, type Registrant } from './lending.ts';
import type { Located } from './locate.ts';
import type { Plugin } from './plugin.ts';

/** Where its code and its configuration are. */
export interface Source {
  readonly located: Located;
  /** The name in the file `plugins`, and of its configuration. */
  readonly listed: string;
  readonly configDirectory: string | null;
}

/** What a plugin says about itself, and its configuration about it. */
export interface About {
  readonly name: string;
  readonly onError: Plugin['onError'];
  readonly stateless: boolean;
  readonly mailsAMinute?: number;
  readonly after: readonly string[];
  readonly before: readonly string[];
  readonly settings: BusSettings;
}

export interface Candidate {
  readonly about: About;
  readonly file: string;
  /** Returns the errors in what it registered. Rejects with whatever register() throws. */
  register(bus: PluginHost, registrant: Registrant, lent: LentToAll): Promise<readonly string[]>;
  /** After its close: the events of `process` that it still listens to. Absent: its process has ended. */
  left?(): readonly string[];
  /** It is not used after all. */
  discard(): void;
}

/** Rejects with an Error, or with FaultyConfiguration. */
export async function openHere(source: Source): Promise<Candidate> {
  const { plugin, config, about } = await importConfigured(source);
  let left = (): readonly string[] => [];
  return {
    about,
    file: source.located.path,
    async register(bus, registrant, lent) {
      const registered = watchListeners();
      const faults = await registerPlugin(plugin, new Lending(bus, registrant, { ...lent, config, inWorker: false }));
      left = registered();
      return faults;
    },
    left: () => left(),
    discard: () => {},
  };
}

export interface Configured {
  readonly plugin: AnyPlugin;
  /** What its schema made of its configuration. */
  readonly config: Values;
  readonly about: About;
}

/** In this thread. Rejects with an Error, or with FaultyConfiguration. */
export async function importConfigured({ located, listed, configDirectory }: Source): Promise<Configured> {
  const plugin = await importPlugin(located);
  const { settings, config } = await readConfiguration(listed, configDirectory, plugin.config);
  const { name, onError, stateless, mailsAMinute, after = [], before = [] } = plugin;
  const about = { name, onError, stateless: stateless === true, after, before, settings };
  return { plugin, config, about: mailsAMinute === undefined ? about : { ...about, mailsAMinute } };
}
