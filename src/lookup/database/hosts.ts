/** The items of `hosts`: `host`, `host:port`, `inet:host:port`, `[address]:port`, `unix:/path`. */
import type { ClientFile } from './client-file.ts';

export interface Host {
  /** As written. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Of a socket; then host and port mean nothing. */
  readonly path?: string;
}

/** Throws TableFault. */
export function hostsOf<N extends string>(file: ClientFile<N>, name: N, port: number): readonly Host[] {
  return file.list(name).map((item) => hostOf(item, port) ?? fail(file, name, item));
}

function fail<N extends string>(file: ClientFile<N>, name: N, item: string): never {
  throw file.fault(name, `"${item.slice(0, 60)}": expected host, host:port or unix:/path`);
}

function hostOf(item: string, otherwise: number): Host | undefined {
  const path = /^unix:(\/.+)$/.exec(item)?.[1];
  if (path !== undefined) return { name: item, host: '', port: 0, path };
  const match = /^(?:inet:)?(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]/]+))(?::(\d{1,5}))?$/.exec(item);
  if (match === null) return undefined;
  return { name: item, host: match[1] ?? match[2] ?? '', port: Number(match[3] ?? otherwise) };
}
