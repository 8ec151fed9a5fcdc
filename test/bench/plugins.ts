/** What plugins cost: a call of the bus, ten plugins on every hook, one plugin in a worker. */
import { readFileSync } from 'node:fs';
import { Bus } from '../../src/bus/bus.ts';
import { NEXT } from '../../src/bus/hook.ts';
import { HOOK_NAMES } from '../../src/bus/verdict.ts';
import { keyRecord, rsaKey, signedBy } from '../kit/dkim-keys.ts';
import { startServer, type TestServer } from '../kit/server.ts';
import { BENCH_ACCOUNT, benchOptions } from './configuration.ts';
import { cpuSeconds, threadSeconds } from './process.ts';
import { type Measurement, median, quantile, type Row } from './row.ts';
import { messageOf, sendMessages } from './smtp-client.ts';

const CALLS = 1_000_000;
const ROUNDS = 5;
const MESSAGES = 200;
const CONNECTIONS = 20;

const silent = { child: () => silent, info() {}, warn() {}, error() {}, debug() {} };

/** One handler that answers at once: processor time, whoever else uses the machine. */
async function measureCall(say: (text: string) => void): Promise<readonly Measurement[]> {
  const bus = new Bus({ log: silent as never, clock: Date.now });
  bus.add('empty').on('mail', () => NEXT);
  const argument = { connection: { transaction: null } as never, reversePath: 'a@example.org' };
  const times: number[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const begun = process.cpuUsage();
    for (let call = 0; call < CALLS; call += 1) void bus.run('mail', argument);
    const { user, system } = process.cpuUsage(begun);
    // The first round warms up.
    if (round > 0) times.push((user + system) / CALLS);
  }
  say(`${median(times).toFixed(3)} µs of processor time a call`);
  return [{ name: 'plugin-call', value: Number(median(times).toFixed(3)), unit: 'µs', better: 'less' }];
}

const pluginOn = (name: string, hooks: readonly string[]): string =>
  `import { definePlugin, NEXT } from 'posthorn/plugin';
export default definePlugin({ name: '${name}', stateless: true, register(server) {
  for (const hook of ${JSON.stringify(hooks)}) server.on(hook, () => NEXT);
} });\n`;

/** What both servers have, and get. */
interface Common {
  readonly files?: Readonly<Record<string, string>>;
  readonly message?: string;
  readonly recipient?: string;
}

/** Deliveries with plugins beside a server without, in turn: percent fewer. */
async function compare(
  name: string,
  files: Readonly<Record<string, string>>,
  say: (text: string) => void,
  { files: ofBoth = {}, message, recipient = BENCH_ACCOUNT }: Common = {},
): Promise<readonly Measurement[]> {
  const both = { ...benchOptions, files: { ...benchOptions.files, ...ofBoth } };
  const sides = {
    without: await startServer(both),
    with: await startServer({
      ...both,
      portOffset: benchOptions.portOffset + 100,
      files: { ...both.files, ...files },
    }),
  };
  const rates: Record<keyof typeof sides, number[]> = { without: [], with: [] };
  const costs: Record<keyof typeof sides, number[]> = { without: [], with: [] };
  const mains: Record<keyof typeof sides, number[]> = { without: [], with: [] };
  const waits: Record<keyof typeof sides, number[]> = { without: [], with: [] };
  const send = async (server: TestServer): Promise<number[]> => {
    const load = { port: server.port(25), recipient, octets: 4096, messages: MESSAGES };
    const given = message === undefined ? load : { ...load, message };
    return (await Promise.all(Array.from({ length: CONNECTIONS }, () => sendMessages(given)))).flat();
  };
  try {
    for (let round = 0; round <= ROUNDS; round += 1)
      for (const side of ['without', 'with'] as const) {
        const before = cpuSeconds(sides[side].pid);
        const mainBefore = threadSeconds(sides[side].pid).main;
        const begun = performance.now();
        const times = await send(sides[side]);
        // The first round warms both up.
        if (round === 0) continue;
        const messages = MESSAGES * CONNECTIONS;
        rates[side].push(messages / ((performance.now() - begun) / 1_000));
        costs[side].push(((cpuSeconds(sides[side].pid) - before) / messages) * 1e3);
        mains[side].push(((threadSeconds(sides[side].pid).main - mainBefore) / messages) * 1e3);
        waits[side].push(quantile(times, 0.99));
      }
  } finally {
    await Promise.all([sides.without.stop(), sides.with.stop()]);
  }
  const [without, withPlugins] = [median(rates.without), median(rates.with)];
  say(`${Math.round(without)}/s; with plugins ${Math.round(withPlugins)}/s`);
  say(`${median(costs.without).toFixed(3)} and ${median(costs.with).toFixed(3)} ms of processor time for a message`);
  say(`${median(mains.without).toFixed(3)} and ${median(mains.with).toFixed(3)} ms of it in the main thread`);
  say(`99 of 100 accepted within ${median(waits.without).toFixed(1)} and ${median(waits.with).toFixed(1)} ms`);
  const value = Number(((1 - withPlugins / without) * 100).toFixed(1));
  return [{ name, value, unit: '% fewer messages/s', better: 'less' }];
}

/** A message as most are: signed, of a domain with SPF and DMARC, which the server's own zone has. */
async function measureMailAuth(say: (text: string) => void): Promise<readonly Measurement[]> {
  const key = rsaKey(2048);
  const record = (keyRecord(key).match(/.{1,200}/g) ?? []).map((part) => `"${part}"`).join(' ');
  const { 'main.cf': main = '', 'named.conf': named = '' } = benchOptions.files ?? {};
  const files = {
    // The client is a stranger, and nobody else is asked for its name.
    'main.cf': `${main}\nmynetworks = 192.0.2.0/24\nsmtpd_peername_lookup = no\n`,
    'named.conf': `${named}zone "example.org" { type master; file "example.org"; };\n`,
    'example.org': `$TTL 1D\n@ IN SOA ns admin ( 1 1D 1H 1W 3H )\n  NS ns\n  TXT "v=spf1 ip4:127.0.0.1 -all"\nns A 127.0.0.1\n_dmarc TXT "v=DMARC1; p=reject; psd=n"\ns._domainkey TXT ( ${record} )\n`,
  };
  const message = await signedBy(messageOf({ octets: 4096 }), { key, signTime: new Date().toISOString() });
  return compare('mail-auth', { plugins: `mail-auth\n${OURS}` }, say, { files, message });
}

/** As shipped. */
const OURS = readFileSync(new URL('../../config/plugins', import.meta.url), 'utf8');
const TEN = Array.from({ length: 10 }, (_, i) => `ten${i}`);
const WORKER = {
  plugins: `${OURS}apart\n`,
  'plugins.d/apart.ts': pluginOn('apart', ['rcpt', 'data_post']),
};
const ON_ALL = {
  plugins: `${OURS}apart\n`,
  'plugins.d/apart.ts': pluginOn('apart', ['connect', 'helo', 'mail', 'rcpt', 'data', 'data_post', 'queue', 'deliver']),
};

const SIGNED = {
  plugins: `${OURS}dkim-sign\n`,
  'plugins.d/dkim-sign.json': '{ "also_domains": ["example.org"] }',
};
/** Nothing leaves the machine: what goes to other servers stays in the queue. */
const WAITING: Common = {
  files: { 'main.cf': `${benchOptions.files['main.cf']}defer_transports = smtp\n` },
  recipient: 'friend@far.example',
};

export const pluginRows: readonly Row[] = [
  { name: 'plugin-call', about: 'a call of the bus with one plugin that answers at once', measure: measureCall },
  {
    name: 'plugins-ten',
    about: `deliveries with ten plugins on each of ${HOOK_NAMES.length} hooks, in the main thread, beside a server without`,
    measure: (say) =>
      compare(
        'plugins-ten',
        {
          plugins: `${OURS}${TEN.join('\n')}\n`,
          ...Object.fromEntries(
            TEN.flatMap((one) => [
              [`plugins.d/${one}.ts`, pluginOn(one, HOOK_NAMES)],
              [`plugins.d/${one}.json`, '{ "worker": false }'],
            ]),
          ),
        },
        say,
      ),
  },
  {
    name: 'mail-auth',
    about:
      'deliveries of signed messages judged by the plugin mail-auth, DNS answered by our own zone, beside a server without',
    measure: measureMailAuth,
  },
  {
    name: 'plugin-worker',
    about: 'deliveries with one plugin in a worker, asked about each recipient and message, beside a server without',
    measure: (say) => compare('plugin-worker', WORKER, say),
  },
  {
    name: 'plugin-worker-everywhere',
    about: 'the same, asked at eight hooks of each message',
    measure: (say) => compare('plugin-worker-everywhere', ON_ALL, say),
  },
  {
    name: 'dkim-sign',
    about: 'mail of our users to other servers, signed by RSA and Ed25519, beside a server that does not sign',
    measure: (say) => compare('dkim-sign', SIGNED, say, WAITING),
  },
];
