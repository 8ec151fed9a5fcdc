/**
 * Compares us with a real Dovecot 2.3 when commands and messages are faulty, and when other sessions interfere: the
 * same commands to both, the same kind of answers. A table gives the reasons for intended differences; its rows must be
 * true.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { type Dovecot, say, startDovecot } from './dovecot.ts';
import { ADDRESS_SEARCHES, CONTENT_TYPES, MULTIPARTS, SEARCHED, SEARCHES, withType } from './dovecot-corpus.ts';
import { account, type House, PASSWORD, startInteropHouse } from './house.ts';
import { type Data, readData } from './imap-data.ts';

let house: House;
let dovecot: Dovecot;

/** Which server answers. */
type Side = 'ours' | 'theirs';
const SIDES: readonly Side[] = ['ours', 'theirs'];

const sessions: LineClient[] = [];

async function login(side: Side): Promise<LineClient> {
  const client = await LineClient.connect(
    side === 'ours'
      ? { host: '127.0.0.1', port: house.port(993), tls: true }
      : { host: '127.0.0.1', port: dovecot.port },
  );
  sessions.push(client);
  await client.line();
  const who = side === 'ours' ? `"${account('maomao')}" "${PASSWORD}"` : 'maomao secret';
  expect((await client.imap('l1', `LOGIN ${who}`)).at(-1)).toMatch(/^l1 OK/);
  return client;
}

/** `OK`, `NO [TRYCREATE]`: how the command ended. */
const completion = (answer: string): string =>
  /^q1 (OK|NO|BAD)(?: (\[[A-Z-]+))?.*$/m.exec(answer)?.slice(1, 3).filter(Boolean).join(' ') ?? answer;
const status = (answer: string): string => completion(answer).split(' ')[0] ?? '';

async function append(client: LineClient, mailbox: string, text: string): Promise<void> {
  client.send(`a1 APPEND ${mailbox} {${text.length}}`);
  await client.linesUntil((line) => line.startsWith('+ '));
  client.send(text);
  expect((await client.linesUntil((line) => line.startsWith('a1 '))).at(-1)).toMatch(/^a1 OK/);
}

/** Sends to both; differences must be in the table. */
async function both<T>(ask: (side: Side) => Promise<T>): Promise<readonly [T, T]> {
  return [await ask('ours'), await ask('theirs')];
}

type Deviations = Readonly<Record<string, string>>;

/** Expects the same answer from both, unless the table has a reason. */
function compare(name: string, [ours, theirs]: readonly [unknown, unknown], deviations: Deviations): void {
  if (name in deviations) expect([name, ours]).not.toEqual([name, theirs]);
  else expect([name, ours]).toEqual([name, theirs]);
}

/** Dovecot allows ten sessions per user and address. */
function closeAll(): void {
  for (const client of sessions.splice(0)) client.close();
}

const SIMPLE = 'From: a@b\r\nSubject: x\r\n\r\nhi\r\n';

beforeAll(async () => {
  dovecot = await startDovecot('secret');
  house = await startInteropHouse();
}, 60_000);
afterAll(async () => {
  await house?.stop();
  await dovecot?.stop();
});

describe('SEARCH of unusual messages', () => {
  afterAll(closeAll);
  const names = Object.keys(SEARCHED);
  const clients = {} as Record<Side, LineClient>;
  beforeAll(async () => {
    for (const side of SIDES) {
      clients[side] = await login(side);
      await say(clients[side], 'CREATE searched');
      for (const text of Object.values(SEARCHED)) await append(clients[side], 'searched', text);
      await say(clients[side], 'SELECT searched');
    }
  });

  const MARKUP = 'what stands in tags, comments and scripts is no text';
  const READ = 'a Content-Type without its semicolon is read all the same';
  const DEVIATIONS: Deviations = {
    'CHARSET UTF-8 BODY "attrword"': MARKUP,
    'CHARSET UTF-8 TEXT "attrword"': MARKUP,
    'CHARSET UTF-8 BODY "commentword"': MARKUP,
    'CHARSET UTF-8 TEXT "commentword"': MARKUP,
    'CHARSET UTF-8 BODY "scriptword"': MARKUP,
    'CHARSET UTF-8 TEXT "scriptword"': MARKUP,
    'CHARSET UTF-8 BODY "semicolonword"': READ,
    'CHARSET UTF-8 TEXT "semicolonword"': READ,
    'CHARSET UTF-8 CC "<a@b>, <c@d>"': 'an empty place in a list is passed over',
    'SUBJECT "two  words"': 'white space in the key counts as one blank too',
  };

  it.each([...SEARCHES, ...ADDRESS_SEARCHES])('D2: SEARCH %s', async (criteria) => {
    const found = await both(async (side) => {
      const answer = await say(clients[side], `SEARCH ${criteria}`);
      return [
        status(answer),
        ...(/^\* SEARCH(.*)$/m.exec(answer)?.[1] ?? '').split(' ').flatMap((number) => names[Number(number) - 1] ?? []),
      ];
    });
    compare(criteria, found, DEVIATIONS);
  });
});

describe('FETCH of unusual messages', () => {
  afterAll(closeAll);
  const messages = { ...Object.fromEntries(CONTENT_TYPES.map((type) => [type, withType(type)])), ...MULTIPARTS };
  const names = Object.keys(messages);
  const clients = {} as Record<Side, LineClient>;
  beforeAll(async () => {
    for (const side of SIDES) {
      clients[side] = await login(side);
      await say(clients[side], 'CREATE fetched');
      for (const text of Object.values(messages)) await append(clients[side], 'fetched', text);
      await say(clients[side], 'SELECT fetched');
    }
  });

  const lower = (data: Data): Data =>
    data === null ? null : typeof data === 'string' ? data.toLowerCase() : data.map(lower);
  const fetched = async (side: Side, name: string, item: string): Promise<Data> => {
    const answer = await say(clients[side], `FETCH ${names.indexOf(name) + 1} ${item}`);
    const data = readData(answer.slice(answer.indexOf('FETCH (') + 'FETCH '.length));
    // A missing part: NIL from us, which shows that; an empty string from Dovecot.
    return (Array.isArray(data) ? data[1] : data) ?? '';
  };

  const UNREADABLE = 'Dovecot shows a type that it cannot read as "" ""; it is text/plain (RFC 2045 section 5.2)';
  const NO_SEMICOLON = 'Dovecot gives up type and parameters; they can be read';
  const CONTENT = 'and so the parts are found';
  const LAX = 'parameters that Dovecot gives up can be read';
  const LINE_END =
    'the line end before a boundary belongs to the boundary (RFC 2046 section 5.1.1), behind an inner multipart too';
  const STRUCTURES: Deviations = {
    ...Object.fromEntries(
      [
        'text',
        'text/',
        '/plain',
        '/',
        '',
        'multipart',
        'message',
        'application',
        'html',
        '"text/plain"',
        'text.html; charset=utf-8',
        'text=plain',
        '=?utf-8?q?text/html?=',
        'attachment; filename=x',
      ].map((type) => [type, UNREADABLE]),
    ),
    ...Object.fromEntries(
      [
        'text/plain charset=utf-8',
        'text/plain charset=utf-8; format=flowed',
        'text/plain, charset=utf-8',
        'text/plain: charset=utf-8',
        'text/html foo/bar',
        'text/plain/foo',
        'text/html charset="utf-8"',
        'multipart/mixed boundary=b',
        'multipart/mixed boundary="b"',
        'multipart/mixed, boundary=b',
        'application/octet-stream name=x',
        'text/plain\n charset=utf-8',
        'text/x y; charset=utf-8',
        'text/html,text/plain',
        'message/rfc822 foo',
      ].map((type) => [type, NO_SEMICOLON]),
    ),
    'text/plain;; charset=utf-8': LAX,
    'text/html; name=a/b': LAX,
  };
  const FIRST_PARTS: Deviations = {
    'multipart/mixed boundary=b': CONTENT,
    'multipart/mixed boundary="b"': CONTENT,
    'multipart/mixed, boundary=b': CONTENT,
    'the same boundary within': LINE_END,
    'a longer boundary within': LINE_END,
    'only the last boundary within': LINE_END,
  };
  const FIRST_HEADERS: Deviations = {
    'multipart/mixed boundary=b': CONTENT,
    'multipart/mixed boundary="b"': CONTENT,
    'multipart/mixed, boundary=b': CONTENT,
    'parts of an empty line': 'a header without a body keeps its line end',
  };

  it.each(names)('D2: BODYSTRUCTURE and the first part of %j', async (name) => {
    compare(name, await both(async (side) => lower(await fetched(side, name, 'BODYSTRUCTURE'))), STRUCTURES);
    compare(name, await both((side) => fetched(side, name, 'BODY.PEEK[1]')), FIRST_PARTS);
    compare(name, await both((side) => fetched(side, name, 'BODY.PEEK[1.MIME]')), FIRST_HEADERS);
    compare(name, await both((side) => fetched(side, name, 'BODY.PEEK[TEXT]')), {});
    compare(name, await both((side) => fetched(side, name, 'BODY.PEEK[HEADER]')), {});
  });
});

describe('faulty arguments', () => {
  afterAll(closeAll);
  const FINE = 'we are more exact, and no client needs it';
  const DEVIATIONS: Deviations = {
    'SELECT a b': FINE,
    ENABLE: FINE,
    'ID foo': FINE,
    'NAMESPACE x': FINE,
    'EXPUNGE 1': FINE,
    'FETCH 1 BODY[0]': FINE,
    'FETCH 1 BODY[]<0.0>': FINE,
    'SEARCH BEFORE 32-Jan-2020': FINE,
    'SEARCH UNKEYWORD ""': FINE,
    'CREATE x (USE (\\Foo))': 'a special use that is none is refused (RFC 6154)',
    'CREATE x2 (FOO (\\Foo))': FINE,
    [`CREATE "${'x'.repeat(300)}"`]: 'our names may be longer',
    'CREATE "../x"': 'our mailboxes are no folders of a file system',
    'UID COPY 999 nosuch': 'the mailbox is looked for first',
    'UID MOVE 999 nosuch': 'the mailbox is looked for first',
    'SEARCH $': 'SEARCHRES is not offered',
    'SEARCH FUZZY TEXT x': 'SEARCH=FUZZY is not offered',
    'SEARCH SAVEDATESUPPORTED': 'SAVEDATE is not offered',
  };
  const COMMANDS = [
    ...[
      'SELECT',
      'EXAMINE',
      'CREATE',
      'DELETE',
      'SUBSCRIBE',
      'UNSUBSCRIBE',
      'RENAME INBOX',
      'COPY 1',
      'UID COPY 1',
      'MOVE 1',
      'UID MOVE 1',
    ].flatMap((name) => ['&bad', '&Jjo', '&AGE-', '"a\x01b"', '"\xc3\xbc"'].map((mailbox) => `${name} ${mailbox}`)),
    ...[
      'RENAME &bad x',
      'STATUS &bad (MESSAGES)',
      'APPEND &bad {0+}\r\n',
      'LIST "" &bad',
      'LIST &bad *',
      'LIST "" (&bad INBOX)',
      'LSUB "" &bad',
      'LSUB &bad *',
    ],
    ...[
      'CREATE ""',
      'SELECT ""',
      'SELECT "a//b"',
      'CREATE "/x"',
      'CREATE "a//b"',
      'STATUS INBOX (FOO)',
      'STATUS INBOX ()',
      'STATUS INBOX',
      'SELECT INBOX (FOO)',
    ],
    ...[
      'LIST (FOO) "" *',
      'LIST (RECURSIVEMATCH) "" *',
      'LIST "" * RETURN (FOO)',
      'LIST "" % RETURN (STATUS (FOO))',
      'CREATE x (USE (\\Foo))',
      'CREATE x2 (FOO (\\Foo))',
    ],
    ...[
      'ENABLE FOO',
      'ENABLE',
      'ID foo',
      'ID ("a")',
      'NAMESPACE x',
      `SELECT "${'x'.repeat(1200)}"`,
      `SELECT "${'x'.repeat(300)}"`,
      `CREATE "${'x'.repeat(300)}"`,
    ],
    ...[
      'CREATE "../x"',
      'SUBSCRIBE nosuch',
      'UNSUBSCRIBE nosuch',
      'DELETE INBOX',
      'RENAME nosuch y',
      'GETACL INBOX',
      'FOO',
      'SELECT',
      'SELECT a b',
      'LOGIN a b',
      'STARTTLS',
    ],
    ...[
      'FETCH 0 FLAGS',
      'FETCH 1 FOO',
      'FETCH 99 FLAGS',
      'FETCH 1:99 FLAGS',
      'UID FETCH 0 FLAGS',
      'UID FETCH 999 FLAGS',
      'FETCH 1 BODY[0]',
      'FETCH 1 BODY[FOO]',
    ],
    ...[
      'FETCH 1 BODY[1.FOO]',
      'FETCH 1 BODY[]<0.0>',
      'FETCH 1 BODY.PEEK[]<0.5000000000>',
      'FETCH 1 (FLAGS',
      'FETCH 1 ()',
      'FETCH 1 BODY[HEADER.FIELDS ()]',
      'FETCH 1 BODY[MIME]',
    ],
    ...[
      'FETCH a FLAGS',
      'FETCH 1 FLAGS (FOO)',
      'STORE 1 FLAGS (\\Foo)',
      'STORE 1 +FLAGS (\\Recent)',
      'STORE 1 +FLAGS ()',
      'STORE 1 FOO (\\Seen)',
      'STORE 99 +FLAGS (\\Seen)',
    ],
    ...[
      'STORE 1 +FLAGS (a]b)',
      'STORE 1 +FLAGS (a*b)',
      'STORE 1 +FLAGS ("quoted")',
      'COPY 99 INBOX',
      'COPY 1 nosuch',
      'UID COPY 999 nosuch',
      'UID COPY 999 INBOX',
      'UID MOVE 999 nosuch',
    ],
    ...[
      'SEARCH FOO',
      'SEARCH',
      'SEARCH CHARSET foo ALL',
      'SEARCH BEFORE foo',
      'SEARCH BEFORE 32-Jan-2020',
      'SEARCH LARGER x',
      'SEARCH 99',
      'SEARCH 0',
      'SEARCH UID 0',
    ],
    ...[
      'SEARCH KEYWORD a]b',
      'SEARCH UNKEYWORD ""',
      'SEARCH RETURN (FOO) ALL',
      'SEARCH RETURN () ALL',
      'SEARCH HEADER',
      'SEARCH ()',
      'SEARCH NOT',
      'SEARCH OR ALL',
    ],
    ...[
      'SEARCH YOUNGER 0',
      'SEARCH OLDER 0',
      'SEARCH SMALLER 99999999999',
      'UID EXPUNGE',
      'UID EXPUNGE 0',
      'UID FOO',
      'UID',
      'EXPUNGE 1',
      'SEARCH $',
      'SEARCH FUZZY TEXT x',
    ],
    ...[
      'SEARCH SAVEDATESUPPORTED',
      'SEARCH MIMEPART x',
      'SEARCH X-GM-RAW x',
      `UID FETCH ${'1,'.repeat(35_000)}1 FLAGS`,
      `SEARCH TEXT ${'x'.repeat(70_000)}`,
    ],
    ...[`SEARCH TEXT "${'x'.repeat(70_000)}"`, `SEARCH ${'TEXT "x" '.repeat(9000)}ALL`, `${'x'.repeat(70_000)}`],
  ];

  it('D2: every command ends as in Dovecot: OK, NO or BAD, with its tag', async () => {
    const answers = {} as Record<Side, string[]>;
    for (const side of SIDES) {
      const client = await login(side);
      await say(client, 'CREATE faulty');
      await append(client, 'faulty', SIMPLE);
      answers[side] = [];
      for (const command of COMMANDS) {
        // Earlier commands' effects on the selection, and repeated responses, are ignored.
        expect(status(await say(client, 'SELECT faulty'))).toBe('OK');
        answers[side].push(status(await say(client, command)));
      }
    }
    for (const [n, command] of COMMANDS.entries()) compare(command, [answers.ours[n], answers.theirs[n]], DEVIATIONS);
  });

  it('D2: a name that is not modified UTF-7 lists nothing, and the other requested names are listed', async () => {
    for (const command of ['LIST "" &bad', 'LIST &bad *', 'LSUB "" &bad', 'LIST "" (&bad INBOX)']) {
      const listed = await both(
        async (side) =>
          (await say(await login(side), command))
            .match(/^\* (LIST|LSUB) .*$/gm)
            ?.map((line) => line.split(' ').at(-1)) ?? [],
      );
      compare(command, listed, {});
    }
  });
});

describe('literals that look like commands', () => {
  afterAll(closeAll);
  const DATA = 'x NOOP\r\n';
  /** Here Dovecot runs data as commands. */
  const RUNS_DATA = 'Dovecot takes the octets of the literal for commands';
  const DEVIATIONS: Deviations = {
    'an unknown command': RUNS_DATA,
    'two literals of an unknown command': RUNS_DATA,
    'APPEND with a faulty flag': RUNS_DATA,
    'a literal8 for SELECT': RUNS_DATA,
    NOOP: RUNS_DATA,
    'a quoted string without its end': RUNS_DATA,
    'an atom': RUNS_DATA,
    'a line that is too long': RUNS_DATA,
    IDLE: RUNS_DATA,
  };
  const TEXTS: Readonly<Record<string, string>> = {
    APPEND: `m APPEND INBOX {8+}\r\n${DATA}`,
    'APPEND with a second message': `m APPEND INBOX {8+}\r\n${DATA} {8+}\r\n${DATA}`,
    'APPEND to a mailbox that is not there': `m APPEND No {8+}\r\n${DATA} {8+}\r\n${DATA}`,
    'APPEND of nothing, then more': `m APPEND INBOX {0+}\r\n {8+}\r\n${DATA}`,
    'APPEND with a faulty flag': `m APPEND INBOX (\\Foo) {8+}\r\n${DATA}`,
    'APPEND to a name that is none': `m APPEND &bad {8+}\r\n${DATA}`,
    'APPEND of a literal8': `m APPEND INBOX ~{8+}\r\n${DATA}`,
    SELECT: `m SELECT {8+}\r\n${DATA}`,
    'a size with zeros before it': `m SELECT {${'0'.repeat(40)}8+}\r\n${DATA}`,
    'many empty literals': `m SELECT${' {0+}\r\n'.repeat(200)}`,
    'an unknown command': `m FOO {8+}\r\n${DATA}`,
    'two literals of an unknown command': `m FOO {8+}\r\n${DATA} {8+}\r\n${DATA}`,
    'a literal8 for SELECT': `m SELECT ~{8+}\r\n${DATA}`,
    NOOP: `m NOOP {8+}\r\n${DATA}`,
    'a quoted string without its end': `m SELECT "a{8+}\r\n${DATA}`,
    'an atom': `m SELECT a{8+}\r\n${DATA}`,
    'a line that is too long': `m SEARCH TEXT ${'x'.repeat(70_000)} {8+}\r\n${DATA}`,
    IDLE: `m IDLE\r\nfoo {8+}\r\n${DATA}`,
  };

  it.each(Object.entries(TEXTS))('D2: %s: the same tags are answered', async (name, text) => {
    const tags = await both(async (side) => {
      const client = await login(side);
      client.send(`${text}\r\nz NOOP`);
      const lines = await client.linesUntil((line) => line.startsWith('z '));
      client.close();
      return lines.flatMap((line) => /^(\S+) (?:OK|NO|BAD)/.exec(line)?.[1] ?? []);
    });
    expect(tags[0]).toEqual(['m', 'z']);
    compare(name, tags, DEVIATIONS);
  });
});

describe('changes by other sessions', () => {
  afterAll(closeAll);
  const PARTLY = 'those that are there are copied, and COPYUID says which';
  const SAYS_SO = 'we say that a message is gone; Dovecot answers from what it remembers of it';
  const DEVIATIONS: Deviations = {
    'FETCH 2 FLAGS': SAYS_SO,
    'FETCH 1:3 (UID FLAGS)': SAYS_SO,
    'FETCH 2 RFC822.SIZE': SAYS_SO,
    'UID FETCH 2 FLAGS': SAYS_SO,
    'STORE 2 +FLAGS (\\Seen)': SAYS_SO,
    'STORE 1:3 +FLAGS (\\Seen)': SAYS_SO,
    'UID STORE 2 +FLAGS (\\Seen)': SAYS_SO,
    'UID STORE 1:3 +FLAGS (\\Seen)': SAYS_SO,
    'STORE 2 (UNCHANGEDSINCE 100) +FLAGS (\\Seen)': SAYS_SO,
    'SEARCH UNSEEN': SAYS_SO,
    'SEARCH LARGER 1': SAYS_SO,
    'SEARCH MODSEQ 1': SAYS_SO,
    'COPY 1:3 INBOX': PARTLY,
    'UID COPY 1:3 INBOX': PARTLY,
    'MOVE 1:3 INBOX': PARTLY,
    'UID MOVE 1:3 INBOX': PARTLY,
  };
  const pairs = new Map<Side, readonly [LineClient, LineClient]>();
  const pair = async (side: Side): Promise<readonly [LineClient, LineClient]> => {
    const known = pairs.get(side) ?? ([await login(side), await login(side)] as const);
    pairs.set(side, known);
    return known;
  };

  it.each([
    ...[
      'FETCH 2 FLAGS',
      'FETCH 1:3 (UID FLAGS)',
      'FETCH 2 (BODY.PEEK[])',
      'FETCH 1:3 (BODY.PEEK[])',
      'FETCH 2 BODY[]',
      'FETCH 2 ENVELOPE',
      'FETCH 2 RFC822.SIZE',
    ],
    ...[
      'UID FETCH 2 BODY.PEEK[]',
      'UID FETCH 1:3 BODY.PEEK[]',
      'UID FETCH 2 FLAGS',
      'STORE 2 +FLAGS (\\Seen)',
      'STORE 2 +FLAGS.SILENT (\\Seen)',
      'STORE 1:3 +FLAGS (\\Seen)',
    ],
    ...[
      'STORE 1:3 +FLAGS.SILENT (\\Seen)',
      'UID STORE 2 +FLAGS (\\Seen)',
      'UID STORE 1:3 +FLAGS (\\Seen)',
      'STORE 2 (UNCHANGEDSINCE 100) +FLAGS (\\Seen)',
    ],
    ...[
      'COPY 2 INBOX',
      'UID COPY 2 INBOX',
      'MOVE 2 INBOX',
      'UID MOVE 2 INBOX',
      'COPY 1:3 INBOX',
      'UID COPY 1:3 INBOX',
      'MOVE 1:3 INBOX',
      'UID MOVE 1:3 INBOX',
    ],
    ...[
      'SEARCH ALL',
      'SEARCH TEXT hi',
      'SEARCH SUBJECT x',
      'SEARCH HEADER X ""',
      'SEARCH SINCE 1-Jan-2001',
      'SEARCH UNSEEN',
      'SEARCH LARGER 1',
      'SEARCH RETURN (COUNT) TEXT hi',
    ],
    ...[
      'UID SEARCH TEXT hi',
      'SEARCH NOT TEXT hi',
      'SEARCH 2',
      'SEARCH MODSEQ 1',
      'EXPUNGE',
      'UID EXPUNGE 2',
      'CHECK',
      'NOOP',
    ],
  ])('D2: %s, after another session has expunged message 2, ends as in Dovecot', async (command) => {
    const ended = await both(async (side) => {
      const [one, other] = await pair(side);
      await say(one, 'UNSELECT');
      await say(one, 'DELETE shared');
      await say(one, 'CREATE shared');
      for (let i = 0; i < 4; i += 1) await append(one, 'shared', SIMPLE);
      for (const client of [one, other]) await say(client, 'SELECT shared');
      await say(other, 'STORE 2 +FLAGS.SILENT (\\Deleted)');
      await say(other, 'EXPUNGE');
      await say(other, 'UNSELECT');
      const answer = await say(one, command);
      // The state of the expunged message is reported before its expunge; Dovecot reports it only where sequence
      // numbers stay.
      return [
        completion(answer),
        answer.match(/^\* \d+ EXPUNGE/gm) ?? [],
        /^\* (?:E?SEARCH).*$/m.exec(answer)?.[0].replace(/ MODSEQ \d+|\(MODSEQ \d+\)/, '') ?? '',
      ];
    });
    compare(command, ended, DEVIATIONS);
  });

  it('D2: \\Recent belongs to the first session that is notified', async () => {
    const told = await both(async (side) => {
      const [one, two, three, other] = [await login(side), await login(side), await login(side), await login(side)];
      const seen: string[] = [];
      const recent = async (client: LineClient): Promise<void> =>
        void seen.push(/^\* SEARCH.*$/m.exec(await say(client, 'UID SEARCH RECENT'))?.[0] ?? '?');
      const open = async (client: LineClient, command: string): Promise<void> =>
        void seen.push(/^\* \d+ RECENT/m.exec(await say(client, `${command} recent`))?.[0] ?? '?');
      const count = async (): Promise<void> =>
        void seen.push(/RECENT (\d+)/.exec(await say(other, 'STATUS recent (RECENT)'))?.[0] ?? '?');
      const news = async (client: LineClient): Promise<void> =>
        void seen.push((await say(client, 'NOOP')).match(/^\* .*$/gm)?.join(' ') ?? '-');
      await say(one, 'CREATE recent');
      await append(other, 'recent', SIMPLE);
      await count();
      await open(two, 'EXAMINE');
      await count();
      await open(three, 'EXAMINE');
      await open(one, 'SELECT');
      await open(three, 'SELECT');
      await recent(two);
      await open(two, 'SELECT');
      await append(other, 'recent', SIMPLE);
      await count();
      for (const client of [one, two, three]) await news(client);
      await count();
      for (const client of [one, two, three]) await recent(client);
      await append(other, 'recent', SIMPLE);
      await open(other, 'SELECT');
      for (const client of [one, two]) await news(client);
      await say(other, 'UNSELECT');
      await append(one, 'recent', SIMPLE);
      await recent(one);
      await news(two);
      await say(one, 'COPY 1 recent');
      await recent(one);
      await recent(two);
      await open(two, 'EXAMINE');
      for (const client of [one, three]) await say(client, 'UNSELECT');
      await append(other, 'recent', SIMPLE);
      await news(two);
      await count();
      await open(one, 'SELECT');
      await recent(two);
      await say(one, 'STORE 1:2 +FLAGS.SILENT (\\Deleted)');
      await say(one, 'EXPUNGE');
      await recent(one);
      return seen;
    });
    expect(told[0]).toEqual(told[1]);
  });

  it('D2: the MODSEQ of ESEARCH is that of the returned message, or the highest of all', async () => {
    const answers = await both(async (side) => {
      const client = await login(side);
      await say(client, 'CREATE modseq');
      for (let i = 0; i < 5; i += 1) await append(client, 'modseq', SIMPLE);
      await say(client, 'SELECT modseq (CONDSTORE)');
      for (const number of [3, 1, 5, 2]) await say(client, `STORE ${number} +FLAGS (\\Seen)`);
      const fetched = await say(client, 'FETCH 1:* (MODSEQ)');
      const modseqs = [...fetched.matchAll(/MODSEQ \((\d+)\)/g)].map(([, modseq]) => Number(modseq));
      const seen: string[] = [];
      for (const options of [
        'MIN',
        'MAX',
        'MIN MAX',
        'ALL',
        'COUNT',
        'MIN COUNT',
        'MIN ALL',
        'MAX COUNT',
        'MIN MAX COUNT',
        '',
        'MIN MAX ALL COUNT',
      ])
        for (const key of ['MODSEQ 1', 'MODSEQ 1 UNSEEN', 'MODSEQ 100000', 'UID 2:4 MODSEQ 1', 'ALL']) {
          const answer = /^\* ESEARCH.*$/m.exec(await say(client, `SEARCH RETURN (${options}) ${key}`))?.[0] ?? '?';
          // By message instead of by number: the two count differently.
          seen.push(
            `${options} ${key}: ${answer.replace(/MODSEQ (\d+)/, (_, modseq: string) => `MODSEQ of ${modseqs.indexOf(Number(modseq)) + 1}`)}`,
          );
        }
      return seen;
    });
    expect(answers[0]).toEqual(answers[1]);
  });
});

describe('LIST', () => {
  afterAll(closeAll);
  const REDUNDANT = 'CHILDINFO of a name whose matching inferiors are all listed says nothing new (RFC 5258 section 4)';
  const DEVIATIONS: Deviations = {
    'LIST (SUBSCRIBED RECURSIVEMATCH) "" "*"': REDUNDANT,
    'LIST (SUBSCRIBED RECURSIVEMATCH) "" (L L/a/b)': REDUNDANT,
    'LIST (SUBSCRIBED RECURSIVEMATCH) "" (O O/p)': REDUNDANT,
  };
  const clients = {} as Record<Side, LineClient>;
  beforeAll(async () => {
    for (const side of SIDES) {
      clients[side] = await login(side);
      for (const name of ['INBOX', 'Archive', 'Drafts', 'Junk', 'Sent', 'Trash'])
        await say(clients[side], `UNSUBSCRIBE ${name}`);
      for (const name of ['L', 'L/a', 'L/a/b', 'L/c', 'M', 'M/x', 'N', 'O', 'O/p'])
        await say(clients[side], `CREATE ${name}`);
      for (const name of ['L', 'L/a/b', 'M/x', 'O', 'O/p']) await say(clients[side], `SUBSCRIBE ${name}`);
    }
  });
  it.each(
    [
      '"*"',
      '"%"',
      '"L/%"',
      '"L/*"',
      '(L M)',
      '(L L/a M)',
      '(L L/a/b)',
      '(L M M/x)',
      'O',
      '(O O/p)',
      'M',
      '(M/x N)',
      'N',
      '"M/%"',
    ].map((pattern) => `LIST (SUBSCRIBED RECURSIVEMATCH) "" ${pattern}`),
  )('D2: %s', async (command) => {
    const listed = await both(async (side) =>
      ((await say(clients[side], command)).match(/^\* LIST .*$/gm) ?? [])
        .map((line) => {
          const [, flags = '', name = '', info] = /^\* LIST \((.*?)\) "\/" (\S+)( .*)?$/.exec(line) ?? [];
          return `${name}${flags.includes('\\Subscribed') ? ' subscribed' : ''}${info === undefined ? '' : ' childinfo'}`;
        })
        .sort(),
    );
    compare(command, listed, DEVIATIONS);
  });
});
