/**
 * A private Postfix: its own configuration, queue and data folders, one port on loopback, no chroot, no local delivery,
 * no DNS. It sends mail to its relayhost and logs to its own file.
 */
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { wholeLines } from '../kit/json-lines.ts';
import { makeFilesOld } from './old-files.ts';
import { freePort, ran, run, until } from './program.ts';

export interface Postfix {
  /** The configuration folder. */
  readonly config: string;
  readonly port: number;
  /** All complete lines of its mail log so far. */
  said(): string;
  /** Number of messages in its queue. */
  queued(): Promise<number>;
  stop(): Promise<void>;
}

export interface PostfixOptions {
  /** Lines of main.cf in addition to those here. */
  readonly main: readonly string[];
  /** Lines of master.cf in addition to those here. */
  readonly services?: readonly string[];
  /** Before it starts: more files in its configuration folder. */
  prepare?(config: string): Promise<void>;
}

/** Name, private, wake-up time, process limit, program. */
const SERVICES = [
  ['pickup', 'n', '60', '1', 'pickup'],
  ['cleanup', 'n', '-', '0', 'cleanup'],
  ['qmgr', 'n', '300', '1', 'qmgr'],
  ['tlsmgr', 'y', '1000?', '1', 'tlsmgr'],
  ['rewrite', 'y', '-', '-', 'trivial-rewrite'],
  ['bounce', 'y', '-', '0', 'bounce'],
  ['defer', 'y', '-', '0', 'bounce'],
  ['trace', 'y', '-', '0', 'bounce'],
  ['proxymap', 'y', '-', '-', 'proxymap'],
  ['smtp', 'y', '-', '-', 'smtp'],
  ['relay', 'y', '-', '-', 'smtp'],
  ['showq', 'n', '-', '-', 'showq'],
  ['error', 'y', '-', '-', 'error'],
  ['retry', 'y', '-', '-', 'error'],
  ['discard', 'y', '-', '-', 'discard'],
  ['verify', 'y', '-', '1', 'verify'],
  ['anvil', 'y', '-', '1', 'anvil'],
  ['scache', 'y', '-', '1', 'scache'],
] as const;

async function id(flag: '-u' | '-g'): Promise<number> {
  return Number(await ran('id', [flag, 'postfix']));
}

/**
 * Of several lines that set a parameter, the last: Postfix warns of each other one in each of its processes, and
 * postlogd stands still where it warns too often before it reads its own socket.
 */
const lastOnly = (lines: readonly string[]): string[] => [
  ...new Map(lines.map((line) => [/^[^\s=]*/.exec(line)?.[0], line])).values(),
  '',
];

export async function startPostfix({ main, services = [], prepare }: PostfixOptions): Promise<Postfix> {
  const port = await freePort();
  const folder = temporaryFolder('postfix');
  // Its processes enter as the user postfix.
  chmodSync(folder, 0o755);
  const [config, queue, data] = ['config', 'queue', 'data'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const path of [config, queue, data]) mkdirSync(path);
  chownSync(data, await id('-u'), await id('-g'));
  const log = join(folder, 'log');
  writeFileSync(
    join(config, 'main.cf'),
    lastOnly([
      'compatibility_level = 3.6',
      `queue_directory = ${queue}`,
      `data_directory = ${data}`,
      `maillog_file = ${log}`,
      `maillog_file_prefixes = ${folder}`,
      'inet_interfaces = 127.0.0.1',
      'inet_protocols = ipv4',
      'mynetworks = 127.0.0.0/8',
      'mydestination =',
      'alias_maps =',
      'alias_database =',
      'local_recipient_maps =',
      'smtp_dns_support_level = disabled',
      'smtp_host_lookup = native',
      'disable_dns_lookups = yes',
      'in_flow_delay = 0',
      ...main,
    ]).join('\n'),
  );
  writeFileSync(
    join(config, 'master.cf'),
    [
      `127.0.0.1:${port} inet n - n - - smtpd`,
      'postlog unix-dgram n - n - 1 postlogd',
      ...SERVICES.map(([name, secret, wake, max, program]) => `${name} unix ${secret} - n ${wake} ${max} ${program}`),
      ...services,
      '',
    ].join('\n'),
  );
  makeFilesOld(config);
  await prepare?.(config);
  makeFilesOld(config);
  const said = (): string => (existsSync(log) ? wholeLines(readFileSync(log, 'utf8')) : '');
  const remove = (): void => removeFolder(folder);
  try {
    await ran('postfix', ['-c', config, 'start']);
  } catch (error) {
    const text = said();
    remove();
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${text}`);
  }
  return {
    config,
    port,
    said,
    queued: async () => (await ran('postqueue', ['-c', config, '-j'])).split('\n').filter(Boolean).length,
    stop: async () => {
      await run('postfix', ['-c', config, 'stop']);
      await until('postfix to stop', async () => (await run('postfix', ['-c', config, 'status'])).code !== 0);
      remove();
    },
  };
}
