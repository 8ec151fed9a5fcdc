/**
 * Transports of master.cf beside a real Postfix: the same main.cf, the same rows and the same mail. What the commands
 * read, what the filter gets and gives back, and the log of each recipient are the same.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { type LineServer, openLineServer, openSink, type Sink } from '../delivery/client/sink.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { startServer, type TestServer } from '../kit/server.ts';
import { maillogOf } from './conversation.ts';
import { withoutTrace } from './octets.ts';
import { type Postfix, startPostfix } from './postfix.ts';
import { freePort, until } from './program.ts';

const SIDES = ['ours', 'theirs'] as const;
type Side = (typeof SIDES)[number];

/** The arguments and input of the command, into a file of its own; then what the case asks for. */
const SCRIPT = `#!/bin/sh
out=$1; mode=$2; shift 2
[ "$out" = none ] || { for a in "$@"; do echo "[$a]"; done; cat; } > $out
case $mode in
  die) kill -9 $$;;
  many) yes line | head -c 200000; exit 69;;
  dsn) echo "5.2.2 full"; exit 75;;
  soft) echo "4.2.2 full"; exit 69;;
  said) echo stored; echo too >&2;;
  odd) printf 'a\\n\\tb\\001\\n'; exit 69;;
  [0-9]*) echo words; exit $mode;;
esac
`;

interface Row {
  readonly attributes?: string;
  /** What the script does after it has read. */
  readonly mode?: string;
  readonly words?: string;
  readonly to?: readonly string[];
  readonly from?: string;
}
const EVERYTHING =
  '-f ${sender} ${recipient} u=$user e=$extension m=$mailbox d=$domain n=$(nexthop) o=${original_recipient} { a b } $$x';

const CLIENT =
  'a=${client_address} n=${client_hostname} h=${client_helo} p=${client_protocol} m=${sasl_method} u=${sasl_username} s=${sasl_sender} ${queue_id}_ -f ${sender}';

const ROWS: Readonly<Record<string, Row>> = {
  plain: {},
  flags: { attributes: 'flags=DRhuO', words: EVERYTHING, to: ['Ab+EXT@FLAGS.test'], from: '' },
  quoted: {
    attributes: 'flags=FqB.> null_sender=',
    words: EVERYTHING,
    to: ['"B c"@Quoted.test', 'd@quoted.test'],
    from: '',
  },
  unquoted: { words: EVERYTHING, to: ['"B c"@Unquoted.test', 'd@unquoted.test'] },
  crlf: { attributes: 'eol=\\r\\n' },
  small: { attributes: 'size=20' },
  nowhere: { attributes: 'directory=/nowhere/at/all' },
  macro: { words: '${nothere}' },
  forwarded: { words: `${CLIENT} port=\${client_port} \${recipient}` },
  ...Object.fromEntries(
    [
      'die',
      'many',
      'dsn',
      'soft',
      'said',
      'odd',
      '1',
      '64',
      '65',
      '66',
      '67',
      '68',
      '69',
      '70',
      '71',
      '72',
      '73',
      '74',
      '75',
      '76',
      '77',
      '78',
      '99',
      '127',
    ].map((mode) => [`m${mode}`, { mode }]),
  ),
};
const MESSAGE =
  'From: <a@b.test>\r\nTo: <c@d.test>\r\nCc: somebody\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\nMessage-ID: <1@b.test>\r\nSubject: s\r\n\r\nbody\r\nFrom here\r\n..dot\r\nlast\r\n.';

/** Takes all mail, and offers XFORWARD. */
function openForwardingServer(): Promise<LineServer> {
  let inData = false;
  return openLineServer((line, socket) => {
    if (inData) {
      inData = line !== '.';
      if (!inData) socket.write('250 taken\r\n');
      return;
    }
    inData = line === 'DATA';
    socket.write(
      line.startsWith('EHLO')
        ? '250-told\r\n250-PIPELINING\r\n250 XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE\r\n'
        : inData
          ? '354 go on\r\n'
          : line.includes('IDENT=refused')
            ? '501 5.5.4 no\r\n'
            : line.startsWith('RCPT TO:<refused')
              ? '550 5.1.1 no\r\n'
              : '250 2.0.0 Ok\r\n',
    );
  });
}

let folder: string;
let server: TestServer;
let postfix: Postfix;
const sinks: Partial<Record<Side, Sink>> = {};
const filters: Partial<Record<Side, Sink>> = {};
const ports: Record<Side, number> = { ours: 0, theirs: 0 };
const told: Partial<Record<Side, LineServer>> = {};
const filtered: Record<Side, number> = { ours: 0, theirs: 0 };
const back: Record<Side, number> = { ours: 0, theirs: 0 };

function files(side: Side): { readonly main: string[]; readonly master: string[] } {
  const script = join(folder, 'script');
  const names = Object.keys(ROWS);
  const pipes = names.map((name) => {
    const { attributes = '', mode = 'ok', words = '${recipient}' } = ROWS[name] ?? {};
    return `${name} unix - n n - - pipe ${attributes} user=nobody argv=${script} ${join(folder, side, name)} ${mode} ${words}`;
  });
  const map = [
    ...names.map((name) => `{${name}.test=${name}:}`),
    '{slow.test=slow:}',
    '{.forwarded.test=forwarded:}',
    `{.told.test=tell:[127.0.0.1]:${told[side]?.port}}`,
    '{fall.test=smtp:[127.0.0.1]:9}',
  ];
  return {
    main: [
      `transport_maps = inline:{${map.join(', ')}, {missing.test=missing:}, {absent.test=absent:}, {hang.test=hang:}}`,
      'recipient_delimiter = +',
      'smtpd_authorized_verp_clients = 127.0.0.1',
      'flags_destination_recipient_limit = 1',
      'hang_time_limit = 1s',
      'virtual_alias_domains = alias.test',
      'virtual_alias_maps = inline:{{one@alias.test=two@out.test}}',
      'always_bcc =',
      'notify_classes =',
      `smtp_fallback_relay = [127.0.0.1]:${sinks[side]?.port}`,
      `relayhost = [127.0.0.1]:${sinks[side]?.port}`,
    ],
    master: [
      ...pipes,
      `missing unix - n n - - pipe user=nobody argv=${join(folder, 'not-there')} x`,
      'hang unix - n n - - pipe user=nobody argv=/bin/sleep 60',
      'tell unix - - n - 1 smtp -o smtp_send_xforward_command=yes',
      `slow unix - - n - 2 smtp -o smtp_helo_name=slow.example -o smtp_header_checks=inline:{{subject:=x}}`,
      `127.0.0.1:${filtered[side]} inet n - n - - smtpd -o content_filter=scan:[127.0.0.1]:${filters[side]?.port}`,
      'scan unix - - n - 1 smtp -o smtp_helo_name=scan.example -o smtp_fallback_relay=',
      `127.0.0.1:${back[side]} inet n - n - - smtpd -o smtpd_authorized_xforward_hosts=127.0.0.1 -o content_filter= -o receive_override_options=no_address_mappings,no_unknown_recipient_checks`,
    ],
  };
}

beforeAll(async () => {
  folder = temporaryFolder('transports');
  chmodSync(folder, 0o755);
  writeFileSync(join(folder, 'script'), SCRIPT);
  chmodSync(join(folder, 'script'), 0o755);
  for (const side of SIDES) {
    mkdirSync(join(folder, side));
    chmodSync(join(folder, side), 0o777);
    sinks[side] = await openSink({ rcpt: (to) => (to.startsWith('refused') ? [550, '5.7.1 no'] : null) });
    filters[side] = await openSink({ mail: (from) => (from.startsWith('later') ? [450, '4.7.1 later'] : null) });
    told[side] = await openForwardingServer();
    for (const one of [ports, filtered, back]) one[side] = await freePort();
  }
  const theirs = files('theirs');
  postfix = await startPostfix({
    main: ['myhostname = mail.ours.test', 'always_add_missing_headers = no', ...theirs.main],
    services: theirs.master,
  });
  ports.theirs = postfix.port;
  const ours = files('ours');
  server = await startServer({
    portOffset: 0,
    accounts: {},
    files: {
      'main.cf': `${['compatibility_level = 3.6', 'myhostname = mail.ours.test', 'inet_interfaces = 127.0.0.1', 'mydestination =', 'alias_maps =', 'mynetworks = 127.0.0.0/8', ...ours.main].join('\n')}\n`,
      'master.cf': `${[`127.0.0.1:${ports.ours} inet n - n - - smtpd`, ...ours.master].join('\n')}\n`,
      'dovecot.conf': 'protocols =\n',
    },
  });
});
afterAll(async () => {
  await server?.stop();
  await postfix?.stop();
  for (const side of SIDES) {
    await sinks[side]?.close();
    await filters[side]?.close();
    await told[side]?.close();
  }
  if (folder !== undefined) removeFolder(folder);
});

const said = (side: Side): string[] => (side === 'theirs' ? postfix.said().split('\n') : maillogOf(server));

/** `plain dsn=2.0.0 sent (…)` of each recipient at a domain, without what differs by nature. */
const statuses = (side: Side, domain: string): string[] =>
  said(side)
    .flatMap((line) => {
      const [, agent, to, relay, rest] =
        new RegExp(`postfix/(\\w+)\\[\\d+\\]: \\w+: to=<([^>]*@${domain})>.* relay=([^,]*),.* (dsn=.*)$`, 'i').exec(
          line,
        ) ?? [];
      return agent === undefined ? [] : [`${agent} ${to} ${relay} ${rest}`];
    })
    .map((line) =>
      line
        .replaceAll(folder, 'DIR')
        .replace(/DIR\/(ours|theirs)/g, 'DIR')
        .replace(/queued as \w+/g, 'queued as ID')
        .replace(/\]:\d+/g, ']:PORT')
        .replace(/(line ){30,}.*/, 'line …'),
    )
    .sort();

async function send(port: number, from: string, to: readonly string[], before: readonly string[] = []): Promise<void> {
  const client = await LineClient.connect({ host: '127.0.0.1', port, timeoutMs: 20_000 });
  try {
    await client.smtp();
    for (const line of [
      'EHLO client.example',
      ...before,
      `MAIL FROM:<${from}${from.includes('>') ? '' : '>'}`,
      ...to.map((one) => `RCPT TO:<${one}>`),
      'DATA',
      MESSAGE,
    ]) {
      const answer = await client.smtp(line);
      if (!/^[23]/.test(answer)) throw new Error(`${line}: ${answer}`);
    }
  } finally {
    client.close();
  }
}

/** The same mail to both, until each recipient has a result. */
async function both(
  domain: string,
  from: string,
  to: readonly string[],
  at: Record<Side, number> = ports,
  before: readonly string[] = [],
): Promise<Record<Side, string[]>> {
  await Promise.all(SIDES.map((side) => send(at[side], from, to, before)));
  await until(`results of ${domain}`, async () => SIDES.every((side) => statuses(side, domain).length >= to.length));
  return { ours: statuses('ours', domain), theirs: statuses('theirs', domain) };
}

const seen = (side: Side, name: string): string => {
  const path = join(folder, side, name);
  if (!existsSync(path)) return '(not run)';
  return readFileSync(path, 'latin1')
    .replace(/^(Received):.*\r?\n(?:\t.*\r?\n)*/m, '')
    .replace(/^(From \S+ {2}).*$/m, '$1DATE')
    .replace(/^\[\w+_\]$/m, '[ID]')
    .replace(/^\[port=\d{4,5}\]$/m, '[port=N]');
};

describe('P3: rows of master.cf deliver as in Postfix', () => {
  it.each(Object.entries(ROWS))('a pipe: %s', async (name, { to = [`r@${name}.test`], from = 'sender@src.test' }) => {
    const { ours, theirs } = await both(`${name}.test`, from, to);
    expect(ours).toEqual(theirs);
    expect(seen('ours', name)).toBe(seen('theirs', name));
  });

  it.each(['missing', 'hang', 'absent', 'slow', 'fall'])('%s', async (name) => {
    const { ours, theirs } = await both(`${name}.test`, 'sender@src.test', [`r@${name}.test`]);
    expect(ours).toEqual(theirs);
  });
});

const FAR = 'XFORWARD NAME=far.test ADDR=192.0.2.1';
const FORWARDED: Readonly<Record<string, readonly string[]>> = {
  nothing: [],
  everything: [FAR, 'XFORWARD PORT=77 HELO=a+3Cb IDENT=ABC SOURCE=REMOTE PROTO=smtp'],
  'that it is local': [FAR, 'XFORWARD SOURCE=LOCAL'],
  'an address': ['XFORWARD ADDR=192.0.2.1'],
  'a name': ['XFORWARD NAME=far.test'],
  'nothing that is known': ['XFORWARD NAME=[UNAVAILABLE] ADDR=[UNAVAILABLE] HELO=[UNAVAILABLE]'],
  'what the server refuses': ['XFORWARD IDENT=refused'],
};

describe('P9: the client of a message is told on as in Postfix', () => {
  it.each(Object.entries(FORWARDED))('of whom XFORWARD said %s', async (what, before) => {
    for (const name of ['forwarded', 'told']) {
      const domain = `${name[0]}${Object.keys(FORWARDED).indexOf(what)}.${name}.test`;
      const { ours, theirs } = await both(domain, 'sender@src.test', [`r@${domain}`], back, before);
      expect(ours).toEqual(theirs);
    }
    expect(seen('ours', 'forwarded')).toBe(seen('theirs', 'forwarded'));
    expect(dialog('ours')).toEqual(dialog('theirs'));
    expect(clients('ours')).toEqual(clients('theirs'));
  });

  const clients = (side: Side): string[] =>
    said(side).flatMap((line) => /postfix\/smtpd\[\d+\]: \w+: (client=.*)$/.exec(line)?.[1] ?? []);
  const dialog = (side: Side): string[] =>
    (told[side]?.lines ?? [])
      .filter((line) => /^(XFORWARD|MAIL|RCPT)/.test(line))
      .map((line) => line.replace(/ PORT=\d{4,5}$/, ' PORT=N').replace(/IDENT=(?!ABC|refused)\w+/, 'IDENT=ID'));
});

describe('P11: VERP as in Postfix', () => {
  const envelopes = (side: Side): string[] =>
    (told[side]?.lines ?? []).flatMap((line, i, all) =>
      line.startsWith('RCPT') && line.includes('verp') ? [`${all[i - 1]} ${line}`] : [],
    );
  const reported = (side: Side): string[] =>
    (sinks[side]?.received ?? []).flatMap(({ from, to }) => (from === '' && to[0]?.includes('verp') ? to : []));

  it('each recipient has a sender of its own, and each bounce goes to that one', async () => {
    const to = ['A@verp.told.test', '"b c"@verp.told.test', 'refused1@verp.told.test', 'refused2@verp.told.test'];
    const { ours, theirs } = await both('verp.told.test', 'list+verp@src.test> XVERP=-=', to);
    expect(ours).toEqual(theirs);
    const rows = await both('verp.forwarded.test', 'list@src.test> XVERP', ['r@verp.forwarded.test']);
    expect(rows.ours).toEqual(rows.theirs);
    await until('two bounces', async () => SIDES.every((side) => reported(side).length >= 2));
    expect(envelopes('ours').sort()).toEqual(envelopes('theirs').sort());
    expect(reported('ours').sort()).toEqual(reported('theirs').sort());
    expect(reported('ours')).toContain('list+verp-refused1=verp.told.test@src.test');
  });
});

describe('P9: a content_filter', () => {
  const got = (side: Side): unknown[] =>
    (filters[side]?.received ?? []).map(({ from, to, text }) => ({ from, to, text: withoutTrace(text) }));

  it('gets all mail by its own transport, after virtual aliases, and the log says the same', async () => {
    const { ours, theirs } = await both('out.test', 'sender@src.test', ['one@alias.test', 'x@out.test'], filtered);
    expect(ours).toEqual(theirs);
    expect(got('ours')).toEqual(got('theirs'));
    expect(got('ours')).toMatchObject([{ from: 'sender@src.test', to: ['two@out.test', 'x@out.test'] }]);
  });

  it('that refuses for now keeps the mail', async () => {
    const { ours, theirs } = await both('kept.test', 'later@src.test', ['x@kept.test'], filtered);
    expect(ours).toEqual(theirs);
    expect(ours[0]).toContain('status=deferred');
  });

  it('gives back to a service without it, where addresses stay as they are', async () => {
    await Promise.all(SIDES.map((side) => send(back[side], 'sender@src.test', ['one@alias.test'])));
    await until('results', async () => SIDES.every((side) => statuses(side, 'alias.test').length > 0));
    expect(statuses('ours', 'alias.test')).toEqual(statuses('theirs', 'alias.test'));
  });
});
