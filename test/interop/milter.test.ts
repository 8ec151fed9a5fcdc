/**
 * A milter that follows a script, beside a real Postfix and beside ours: both are told the same, with the same macros,
 * answer the client the same, and send the same message on.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { openSink, type Sink } from '../delivery/client/sink.ts';
import { type ScriptedMilter, startScriptedMilter } from '../kit/scripted-milter.ts';
import { startServer, type TestServer } from '../kit/server.ts';
import { sayAll } from './conversation.ts';
import { CASES, type MilterCase } from './milter-cases.ts';
import { withoutTrace } from './octets.ts';
import { type Postfix, startPostfix } from './postfix.ts';
import { freePort, until } from './program.ts';

interface Side {
  readonly port: number;
  readonly milter: ScriptedMilter;
  readonly sink: Sink;
}

const MAIN = [
  'myhostname = mail.ours.test',
  'mydomain = ours.test',
  'myorigin = $mydomain',
  'mydestination = $mydomain',
  'mynetworks = 127.0.0.0/8',
  'local_recipient_maps = inline:{xixi=x}',
  'alias_maps =',
  'smtpd_peername_lookup = no',
  'smtpd_banner = $myhostname ESMTP',
  'smtpd_error_sleep_time = 0',
  'smtpd_client_connection_count_limit = 0',
  'smtpd_relay_restrictions = permit_mynetworks, reject',
  'undisclosed_recipients_header =',
  'milter_macro_v = v',
  'milter_unknown_command_macros = j {nothing}',
  'milter_macro_defaults = nothing=some, {other = a b}',
];

let postfix: Postfix;
let server: TestServer;
const sides: Partial<Record<'ours' | 'theirs', Side>> = {};

beforeAll(async () => {
  const [ourMilter, theirMilter, ourSink, theirSink] = await Promise.all([
    startScriptedMilter(),
    startScriptedMilter(),
    openSink(),
    openSink(),
  ]);
  postfix = await startPostfix({
    main: [...MAIN, `smtpd_milters = ${theirMilter.name}`, `relayhost = [127.0.0.1]:${theirSink.port}`],
  });
  const port = await freePort();
  server = await startServer({
    portOffset: 0,
    accounts: { 'xixi@ours.test': 'password' },
    files: {
      'main.cf': [...MAIN, 'inet_interfaces = 127.0.0.1', `relayhost = [127.0.0.1]:${ourSink.port}`, ''].join('\n'),
      'master.cf': `127.0.0.1:${port} inet n - n - - smtpd\n  -o { smtpd_milters = { ${ourMilter.name}, connect_timeout=9s } }\n`,
      'dovecot.conf': 'protocols =\n',
    },
  });
  sides.ours = { port, milter: ourMilter, sink: ourSink };
  sides.theirs = { port: postfix.port, milter: theirMilter, sink: theirSink };
});
afterAll(async () => {
  await Promise.all([postfix?.stop(), server?.stop()]);
  for (const side of Object.values(sides)) await Promise.all([side.milter.close(), side.sink.close()]);
});

const common = (line: string): string =>
  line
    .replace(/(?<=["|A-Z]i\|)\w+(?=\|)/, 'ID')
    .replace(/^C (\S+) 4 \d+/, 'C $1 4 PORT')
    .replace(/(?<="Message-Id\| ?)<.*>/, '-')
    .replace(/(?<="Date\| ?)[^|]*/, '-')
    .replace(/(?<=\{mail_host\}\||\{rcpt_host\}\|)\[127\.0\.0\.1\]:\d+/, 'RELAYHOST');

async function play({ port, milter, sink }: Side, { script, says }: MilterCase) {
  milter.script = script;
  milter.told.length = 0;
  sink.received.length = 0;
  const replies: string[] = [];
  const client = await LineClient.connect({ host: '127.0.0.1', port, timeoutMs: 20_000 });
  try {
    // What EHLO announces is compared elsewhere.
    await sayAll(client, says, replies, (answer, line) =>
      line.startsWith('EHLO') ? answer.slice(0, 3) : answer.replace(/queued as \w+/, 'queued as ID'),
    );
  } catch {
    replies.push('(closed)');
  } finally {
    client.close();
  }
  await until('the milter to be left', async () => {
    const ends = milter.told.filter((line) => line === '-').length;
    return ends === milter.told.filter((line) => line === '+').length;
  });
  const taken = isDiscarded(script) ? 0 : replies.filter((answer) => answer.includes('queued as')).length;
  await until('the messages', async () => sink.received.length >= taken);
  return {
    replies,
    told: milter.told.map(common),
    received: sink.received.map(({ from, to, text }) => ({ from, to: [...to].sort(), text: withoutTrace(text) })),
  };
}

const isDiscarded = ({ answers = {} }: MilterCase['script']): boolean =>
  Object.entries(answers).some(([step, list]) => 'MRTLNBE'.includes(step) && Array.isArray(list) && list.includes('d'));

describe('a milter beside Postfix', () => {
  it.each(CASES)('$name', async (one) => {
    const [ours, theirs] = await Promise.all([play(sides.ours as Side, one), play(sides.theirs as Side, one)]);
    expect(ours).toEqual(theirs);
  });
});
