/**
 * What policy costs: restrictions with large tables, loading such a table, patterns for the header. Each beside the same
 * server without them, in one run.
 */
import { connect } from 'node:net';
import { startServer, type TestServer } from '../kit/server.ts';
import { BENCH_ACCOUNT, benchOptions } from './configuration.ts';
import { cpuSeconds } from './process.ts';
import { type Measurement, median, type Row } from './row.ts';
import { sendMessages } from './smtp-client.ts';

const TABLE_ROWS = 100_000;
const RESTRICTIONS = 20;
const ROUNDS = 3;
/** Recipients of a transaction, and transactions of a round. */
const RECIPIENTS = 500;
const TRANSACTIONS = 40;
const PATTERNS = 100;
const MESSAGES = 400;
const CONNECTIONS = 20;
/** As a message has it that came through two other servers. */
const HEADER = [
  ...['a', 'b'].flatMap((host) => [
    `Received: from mail.${host}.example (mail.${host}.example [192.0.2.1])`,
    '\tby relay.example (Postfix) with ESMTPS id 4TjQ2m5bHYz9sWx',
    '\tfor <somebody@bench.example>; Fri, 27 Nov 2026 11:00:00 +0000 (UTC)',
  ]),
  `DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=s1; h=from:subject; bh=${'A'.repeat(43)}=;`,
  `\tb=${'B'.repeat(340)}=`,
  'To: Somebody <somebody@bench.example>',
  'Date: Fri, 27 Nov 2026 11:00:00 +0000',
  'Message-ID: <20261127110000.4TjQ2m5bHYz@example.org>',
  'MIME-Version: 1.0',
  'Content-Type: text/plain; charset=utf-8',
  'Content-Transfer-Encoding: 8bit',
  'List-Unsubscribe: <https://example.org/unsubscribe?id=0123456789>',
  'X-Mailer: Bench 1.0',
];

/** A server of the bench with more lines in main.cf, and more files. */
function startWith(lines: readonly string[], files: Readonly<Record<string, string>> = {}): Promise<TestServer> {
  const main = `${benchOptions.files['main.cf']}${lines.join('\n')}\n`;
  return startServer({ ...benchOptions, files: { ...benchOptions.files, ...files, 'main.cf': main } });
}

const tableText = (): string =>
  Array.from({ length: TABLE_ROWS }, (_, i) => `user${i}@host${i % 1000}.example OK\n`).join('');

/** Tables in turn asked about the client, HELO, the sender and the recipient; none of them has the keys. */
const accessLine = (): string => {
  const asked = ['client', 'helo', 'sender', 'recipient'];
  const lists = Array.from(
    { length: RESTRICTIONS },
    (_, i) => `check_${asked[i % asked.length]}_access hash:$config_directory/large`,
  );
  return `smtpd_recipient_restrictions = ${lists.join(', ')}, reject_unauth_destination`;
};

/** Transactions of many recipients, pipelined; resolves when all replies have come. */
function askRecipients(port: number, transactions: number): Promise<void> {
  const recipients = `RCPT TO:<${BENCH_ACCOUNT}>\r\n`.repeat(RECIPIENTS);
  const transaction = `MAIL FROM:<sender@example.org>\r\n${recipients}RSET\r\n`;
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port });
    let left = transactions;
    let expected = 2;
    socket.setEncoding('latin1').on('error', reject);
    socket.on('data', (text: string) => {
      // A line of a reply that goes on has a hyphen after its code.
      for (const [line] of text.matchAll(/^\d{3} /gm)) {
        if (!/^2/.test(line)) return reject(new Error(text));
        expected -= 1;
      }
      if (expected > 0) return;
      if (left === 0) {
        socket.end('QUIT\r\n');
        return resolve();
      }
      left -= 1;
      expected = RECIPIENTS + 2;
      socket.write(transaction);
    });
    socket.once('connect', () => socket.write('EHLO bench.example\r\n'));
  });
}

/** Microseconds of the server's processor time for a RCPT. */
async function recipientCost(lines: readonly string[], files: Readonly<Record<string, string>>): Promise<number> {
  const server = await startWith(lines, files);
  try {
    await askRecipients(server.port(25), TRANSACTIONS);
    const costs: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const before = cpuSeconds(server.pid);
      await askRecipients(server.port(25), TRANSACTIONS);
      costs.push(((cpuSeconds(server.pid) - before) / (RECIPIENTS * TRANSACTIONS)) * 1e6);
    }
    return median(costs);
  } finally {
    await server.stop();
  }
}

async function measureDecision(say: (text: string) => void): Promise<readonly Measurement[]> {
  const without = await recipientCost([], {});
  const withTable = await recipientCost([accessLine()], { large: tableText() });
  const decision = Math.max(0, withTable - without);
  say(`RCPT: ${without.toFixed(1)} µs of processor time; with ${RESTRICTIONS} restrictions ${withTable.toFixed(1)} µs`);
  return [{ name: 'access-decision', value: Number(decision.toFixed(1)), unit: 'µs', better: 'less' }];
}

async function measureLoad(say: (text: string) => void): Promise<readonly Measurement[]> {
  const timedStart = async (lines: readonly string[], files: Readonly<Record<string, string>>): Promise<number> => {
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const begun = performance.now();
      const server = await startWith(lines, files);
      await askRecipients(server.port(25), 1);
      times.push(performance.now() - begun);
      await server.stop();
    }
    return median(times);
  };
  const without = await timedStart([], {});
  const withTable = await timedStart([accessLine()], { large: tableText() });
  say(`start and first RCPT: ${Math.round(without)} ms; with the table ${Math.round(withTable)} ms`);
  return [{ name: 'table-load', value: Math.round(withTable - without), unit: 'ms', better: 'less' }];
}

const patternText = (): string =>
  Array.from({ length: PATTERNS }, (_, i) => `/^Subject:.*(cheap|free|won) +pills? number ${i}\\b/ REJECT no\n`).join(
    '',
  );

async function measureHeaderChecks(say: (text: string) => void): Promise<readonly Measurement[]> {
  const rates: Record<'without' | 'with', number[]> = { without: [], with: [] };
  const costs: Record<'without' | 'with', number[]> = { without: [], with: [] };
  const sides = {
    without: await startWith([]),
    with: await startServer({
      ...benchOptions,
      portOffset: benchOptions.portOffset + 100,
      files: {
        ...benchOptions.files,
        patterns: patternText(),
        'main.cf': `${benchOptions.files['main.cf']}header_checks = pcre:$config_directory/patterns\n`,
      },
    }),
  };
  try {
    for (let round = 0; round <= ROUNDS; round += 1)
      for (const side of ['without', 'with'] as const) {
        const server = sides[side];
        const load = {
          port: server.port(25),
          recipient: BENCH_ACCOUNT,
          octets: 4096,
          messages: MESSAGES,
          header: HEADER,
        };
        const before = cpuSeconds(server.pid);
        const begun = performance.now();
        await Promise.all(Array.from({ length: CONNECTIONS }, () => sendMessages(load)));
        const messages = MESSAGES * CONNECTIONS;
        // The first round warms both up.
        if (round === 0) continue;
        rates[side].push(messages / ((performance.now() - begun) / 1000));
        costs[side].push(((cpuSeconds(server.pid) - before) / messages) * 1e3);
      }
  } finally {
    await Promise.all([sides.without.stop(), sides.with.stop()]);
  }
  const [without, checked] = [median(rates.without), median(rates.with)];
  say(`${Math.round(without)}/s; with ${PATTERNS} patterns ${Math.round(checked)}/s`);
  say(`${median(costs.without).toFixed(3)} and ${median(costs.with).toFixed(3)} ms of processor time for a message`);
  return [
    {
      name: 'header-checks',
      value: Number(((1 - checked / without) * 100).toFixed(1)),
      unit: '% fewer messages/s',
      better: 'less',
    },
  ];
}

export const policyRows: readonly Row[] = [
  {
    name: 'access-decision',
    about: `a RCPT with ${RESTRICTIONS} restrictions and a table of ${TABLE_ROWS.toLocaleString('en')} rows, beside one without`,
    measure: measureDecision,
  },
  {
    name: 'table-load',
    about: `from the command to the first RCPT with that table, beside a start without it`,
    measure: measureLoad,
  },
  {
    name: 'header-checks',
    about: `deliveries with ${PATTERNS} patterns in header_checks, beside a server without`,
    measure: measureHeaderChecks,
  },
];
