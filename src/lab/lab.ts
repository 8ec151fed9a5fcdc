/**
 * The exercise of requirements section L: three sites in one process on 127.0.1.x, started from the tutorial's own
 * files, and the nine points checked over real sockets.
 */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunningServer } from '../app/running-server.ts';
import { startServer } from '../app/start-server.ts';
import { messageOf } from '../errors.ts';
import type { Site } from './client.ts';
import { type Lab, points } from './points.ts';

export interface LabOptions {
  /** The folder with `baidu`, `qq` and `dns`. */
  readonly files: string;
  readonly portOffset: number;
  /** Called at every step: `starting`, then each point's start, progress and end. */
  onProgress(event: LabEvent): void;
}

export type LabEvent =
  | { readonly kind: 'site'; readonly name: string; readonly server: RunningServer }
  | { readonly kind: 'begin'; readonly id: string; readonly title: string }
  | { readonly kind: 'say'; readonly id: string; readonly text: string }
  | { readonly kind: 'end'; readonly result: PointResult };

export interface PointResult {
  readonly id: string;
  readonly title: string;
  readonly did: string;
  readonly seen: string;
  readonly ok: boolean;
  readonly ms: number;
}

/** The lab's sites: folder, domain, mail host, address, and accounts whose passwords are their names. */
export const SITES = [
  { name: 'dns', domain: '', mailHost: '', address: '127.0.1.53', users: [] },
  {
    name: 'baidu',
    domain: 'baidu.com',
    mailHost: 'mail.baidu.com',
    address: '127.0.1.134',
    users: ['xixi', 'maomao', 'haha', 'redhat'],
  },
  {
    name: 'qq',
    domain: 'qq.com',
    mailHost: 'mail.qq.com',
    address: '127.0.1.128',
    users: ['zhangsan', 'lisi', 'wangwu', 'doudou', 'xiaodou', 'dadou'],
  },
] as const;

/** The lab's three servers, running. */
export interface RunningLab {
  readonly servers: Readonly<Record<string, RunningServer>>;
  readonly lab: Lab;
  /** The data folder of a site. */
  dataOf(site: string): string;
  close(): Promise<void>;
}

/** Starts the three sites in a fresh data folder; if one fails, everything is shut down again. */
export async function openLab(options: LabOptions): Promise<RunningLab> {
  const data = mkdtempSync(join(tmpdir(), 'posthorn-lab-'));
  const servers: Record<string, RunningServer> = {};
  const close = async (): Promise<void> => {
    await Promise.all(Object.values(servers).map((server) => server.close(3_000)));
    rmSync(data, { recursive: true, force: true });
  };
  try {
    for (const site of SITES) {
      const server = await startServer({
        configDirectory: join(options.files, site.name),
        dataDirectory: join(data, site.name),
        portOffset: options.portOffset,
        // The sites form their own Internet: they reach each other on the shifted ports too.
        peerPortOffset: options.portOffset,
        accounts: site.users.map((user) => ({ address: `${user}@${site.domain}`, password: user })),
        printLog: false,
        onStop: () => {},
      });
      servers[site.name] = server;
      options.onProgress({ kind: 'site', name: site.name, server });
    }
  } catch (error) {
    await close();
    throw error;
  }
  const site = (name: 'baidu' | 'qq'): Site => {
    const { domain, mailHost, address } = SITES[name === 'baidu' ? 1 : 2];
    return {
      domain,
      mailHost,
      address,
      ca: readFileSync(join(data, name, 'tls', `${mailHost}.pem`), 'utf8'),
      port: (wellKnown) => wellKnown + options.portOffset,
    };
  };
  const lab: Lab = {
    baidu: site('baidu'),
    qq: site('qq'),
    dns: { address: '127.0.1.53', port: 53 + options.portOffset },
    files: Object.fromEntries(Object.entries(servers).map(([name, server]) => [name, server.files])),
    say: () => {},
  };
  return { servers, lab, dataOf: (name) => join(data, name), close };
}

/** Runs the points in order; a failed point does not stop those after it. */
export async function runPoints(lab: Lab, onProgress: LabOptions['onProgress']): Promise<readonly PointResult[]> {
  const results: PointResult[] = [];
  for (const { id, title, does, run } of points) {
    onProgress({ kind: 'begin', id, title });
    const started = performance.now();
    let ok = true;
    const seen = await run({ ...lab, say: (text) => onProgress({ kind: 'say', id, text }) }).catch((error: unknown) => {
      ok = false;
      return messageOf(error);
    });
    const result = { id, title, did: does, seen, ok, ms: Math.round(performance.now() - started) };
    results.push(result);
    onProgress({ kind: 'end', result });
  }
  return results;
}
