/** What plugins cost: a call of the bus, ten plugins on every hook, one plugin in a worker. */
import { readFileSync } from 'node:fs';
import { Bus } from '../../src/bus/bus.ts';
import { NEXT } from '../../src/bus/hook.ts';
import { HOOK_NAMES } from '../../src/bus/verdict.ts';
import { startServer, type TestServer, type TestServerOptions } from '../kit/server.ts';
import { BENCH_ACCOUNT, benchOptions } from './configuration.ts';
import { cpuSeconds } from './process.ts';
import { type Measurement, median, type Row } from './row.ts';
import { sendMessages } from './smtp-client.ts';

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

/** Deliveries with plugins beside a server without, in turn: percent fewer. */
async function compare(
  name: string,
  files: Readonly<Record<string, string>>,
  say: (text: string) => void,
  { files: of, ...options }: TestServerOptions = benchOptions,
  recipient = BENCH_ACCOUNT,
): Promise<readonly Measurement[]> {
  const sides = {
    without: await startServer({ ...options, files: of }),
    with: await startServer({
      ...options,
      portOffset: (options.portOffset ?? 0) + 100,
      files: { ...of, ...files },
    }),
  };
  const rates: Record<keyof typeof sides, number[]> = { without: [], with: [] };
  const costs: Record<keyof typeof sides, number[]> = { without: [], with: [] };
  const send = async (server: TestServer): Promise<void> => {
    const load = { port: server.port(25), recipient, octets: 4096, messages: MESSAGES };
    await Promise.all(Array.from({ length: CONNECTIONS }, () => sendMessages(load)));
  };
  try {
    for (let round = 0; round <= ROUNDS; round += 1)
      for (const side of ['without', 'with'] as const) {
        const before = cpuSeconds(sides[side].pid);
        const begun = performance.now();
        await send(sides[side]);
        // The first round warms both up.
        if (round === 0) continue;
        const messages = MESSAGES * CONNECTIONS;
        rates[side].push(messages / ((performance.now() - begun) / 1_000));
        costs[side].push(((cpuSeconds(sides[side].pid) - before) / messages) * 1e3);
      }
  } finally {
    await Promise.all([sides.without.stop(), sides.with.stop()]);
  }
  const [without, withPlugins] = [median(rates.without), median(rates.with)];
  say(`${Math.round(without)}/s; with plugins ${Math.round(withPlugins)}/s`);
  say(`${median(costs.without).toFixed(3)} and ${median(costs.with).toFixed(3)} ms of processor time for a message`);
  const value = Number(((1 - withPlugins / without) * 100).toFixed(1));
  return [{ name, value, unit: '% fewer messages/s', better: 'less' }];
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

/** The sender of the messages is one of ours. */
const SIGNED = {
  plugins: `${OURS}dkim-sign\n`,
  'plugins.d/dkim-sign.json': '{ "also_domains": ["example.org"] }',
};
/** Nothing leaves the machine: what goes to other servers stays in the queue. */
const WAITING = {
  ...benchOptions,
  files: { ...benchOptions.files, 'main.cf': `${benchOptions.files['main.cf']}defer_transports = smtp\n` },
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
    measure: (say) => compare('dkim-sign', SIGNED, say, WAITING, 'friend@far.example'),
  },
];
