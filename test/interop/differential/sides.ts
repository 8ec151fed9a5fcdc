/**
 * The same main.cf, tables and smtpd services for a real Postfix and for ours, side by side, and dialogs played with both.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LineClient } from '../../../src/lab/line-client.ts';
import { wholeLines } from '../../kit/json-lines.ts';
import { startServer, type TestServer } from '../../kit/server.ts';
import { sayAll } from '../conversation.ts';
import { type Postfix, startPostfix } from '../postfix.ts';
import { freePort, ran } from '../program.ts';

export interface House {
  readonly name: string;
  /** Lines of main.cf. */
  readonly main: readonly string[];
  /** Files of the configuration folder, which main.cf finds in `$config_directory`. */
  readonly files?: Readonly<Record<string, string>>;
  /** Tables of which the real one needs an index, with the options of postmap. */
  readonly indexes?: Readonly<Record<string, readonly string[]>>;
  /** Of ours; `xixi` and `maomao` of ours.test if absent. */
  readonly accounts?: readonly string[];
  /** smtpd services by name, with the settings in which they differ from main.cf. */
  readonly services: Readonly<Record<string, readonly string[]>>;
}

export interface Dialog {
  readonly service: string;
  /** The client's address (127.0.0.1). */
  readonly client?: string;
  /** What the client says, each line when the one before it has been answered; a `.` ends a message. */
  readonly says: readonly string[];
}

export interface Sides {
  /** The replies of both, from the greeting on; what differs by nature (queue ids) is replaced. */
  play(dialog: Dialog): Promise<{ readonly ours: readonly string[]; readonly theirs: readonly string[] }>;
  /** Where a service listens, on 127.0.0.1. */
  ports(service: string): { readonly ours: number; readonly theirs: number };
  /** The maillog of both so far. */
  logs(): { readonly ours: string; readonly theirs: string };
  stop(): Promise<void>;
}

const COMMON = [
  'compatibility_level = 3.6',
  'myhostname = mail.ours.test',
  'mydomain = ours.test',
  'myorigin = $mydomain',
  'inet_protocols = ipv4',
  'mynetworks = 127.0.0.1/32',
  'smtpd_peername_lookup = no',
  'smtpd_banner = $myhostname ESMTP',
  'smtpd_error_sleep_time = 0',
  'smtpd_client_connection_count_limit = 0',
  'smtpd_client_connection_rate_limit = 0',
  'local_recipient_maps = inline:{xixi=x, maomao=x, postmaster=x}',
  'alias_maps =',
];
const ACCOUNTS = ['xixi@ours.test', 'maomao@ours.test'];
/** Mail that was accepted goes nowhere. */
const NOWHERE = {
  theirs: [
    'default_transport = discard',
    'local_transport = discard:',
    'relay_transport = discard',
    'virtual_transport = discard',
  ],
  ours: ['relayhost = [127.0.0.1]:9'],
};

const OUR_LOG = ['maillog_file_prefixes = /', 'maillog_file = $config_directory/maillog'];

const rows = (services: House['services'], ports: ReadonlyMap<string, number>): string[] =>
  Object.entries(services).map(
    ([name, settings]) =>
      `127.0.0.1:${ports.get(name)} inet n - n - - smtpd${settings.map((setting) => `\n  -o { ${setting} }`).join('')}`,
  );

export async function startSides(house: House): Promise<Sides> {
  const names = Object.keys(house.services);
  const ports = await distinctPorts(2 * names.length);
  const portsOf = (from: number): Map<string, number> => new Map(names.map((name, i) => [name, ports[from + i] ?? 0]));
  const [ours, theirs] = [portsOf(0), portsOf(names.length)];
  const files = house.files ?? {};
  const main = [...COMMON, 'mydestination = $mydomain, $myhostname, localhost', ...house.main];
  let postfix: Postfix | undefined;
  let server: TestServer | undefined;
  const stop = async (): Promise<void> => {
    await Promise.all([postfix?.stop(), server?.stop()]);
  };
  try {
    postfix = await startPostfix({
      main: [...main, ...NOWHERE.theirs],
      services: rows(house.services, theirs),
      prepare: async (config) => {
        for (const [name, text] of Object.entries(files)) writeFileSync(join(config, name), text);
        for (const [name, options] of Object.entries(house.indexes ?? {}))
          await ran('postmap', ['-c', config, ...options, `hash:${join(config, name)}`]);
      },
    });
    server = await startServer({
      portOffset: 0,
      accounts: Object.fromEntries((house.accounts ?? ACCOUNTS).map((address) => [address, 'password'])),
      files: {
        'main.cf': `${[...main, 'inet_interfaces = 127.0.0.1', ...OUR_LOG, ...NOWHERE.ours].join('\n')}\n`,
        'master.cf': `${rows(house.services, ours).join('\n')}\n`,
        'dovecot.conf': 'protocols =\n',
        ...files,
      },
    });
  } catch (error) {
    await stop();
    throw error;
  }
  const portsAt = (service: string): ReturnType<Sides['ports']> => ({
    ours: ours.get(service) ?? 0,
    theirs: theirs.get(service) ?? 0,
  });
  return {
    async play({ service, client = '127.0.0.1', says }) {
      const at = portsAt(service);
      const [said, answered] = await Promise.all([converse(at.ours, client, says), converse(at.theirs, client, says)]);
      return { ours: said, theirs: answered };
    },
    ports: portsAt,
    logs: () => ({
      ours: wholeLines(readFileSync(join(server.folders.config, 'maillog'), 'utf8')),
      theirs: postfix.said(),
    }),
    stop,
  };
}

async function distinctPorts(count: number): Promise<readonly number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
}

const withoutIds = (text: string): string =>
  text.replace(/queued as \w+/, 'queued as ID').replace(/(?<=from MAILER-DAEMON@\S+ )\w+/, 'ID');

async function converse(port: number, localAddress: string, says: readonly string[]): Promise<string[]> {
  const client = await LineClient.connect({ host: '127.0.0.1', port, localAddress, timeoutMs: 20_000 });
  const replies: string[] = [];
  try {
    await sayAll(client, says, replies, withoutIds);
  } catch (error) {
    // A reset instead of an end says only that it had not read everything.
    const text = error instanceof Error ? error.message : String(error);
    replies.push(/ECONNRESET|EPIPE|closed/.test(text) ? '(closed)' : `(${text})`);
  } finally {
    client.close();
  }
  return replies;
}
