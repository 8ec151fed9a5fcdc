/** What handlers of data_post do to a message, seen in the mailbox: through a real server, milters beside. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../src/authoring/test-server.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { ALL_ACTIONS, startScriptedMilter } from '../kit/scripted-milter.ts';

const folder = temporaryFolder('change');
const FACE = new URL('../../src/bus/plugin.ts', import.meta.url).pathname;

/** Does what the message's field X-Do says; the second plugin notes what it sees. */
const EDITOR = `import { definePlugin, NEXT } from ${JSON.stringify(FACE)};
const ACTS = {
  header: async (change) => {
    change.addHeader('X-Added', 'größer');
    change.replaceHeader('SUBJECT', 'new');
    const counts = [change.removeHeader('x-twice'), change.renameHeader('X-Old', 'X-New'), change.removeHeader('X-None')];
    change.addHeader('X-Counts', counts.join());
  },
  body: (change) => change.replaceBody(async function* (body) {
    for await (const piece of body) yield piece;
    yield 'Grüße\\nend';
  }),
  shout: (change) => change.replaceBody(async function* (body) {
    for await (const piece of body) yield piece.toString('latin1').toUpperCase();
  }),
  long: (change) => change.replaceBody(async function* () {
    for (let i = 0; i < 3000; i += 1) yield ('x'.repeat(98) + '\\r\\n');
  }),
  endless: (change) => change.replaceBody(async function* () {
    for (;;) yield Buffer.alloc(65536, 0x61);
  }),
  throws: (change) => {
    change.addHeader('X-Whole', 'yes');
    return change.replaceBody(async function* () { yield 'half'; throw new Error('out of ink'); });
  },
  hangs: (change) => change.replaceBody(async function* (body) {
    yield 'late';
    await new Promise((resolve) => setTimeout(resolve, 3_000));
  }),
  some: (change, header) => {
    const counts = header.all('X-Claim').filter((value) => value.startsWith('ours')).map((value) => change.removeHeader('X-CLAIM', value));
    change.addHeader('X-Counts', [...counts, change.removeHeader('X-Claim', 'nobody')].join());
  },
  wrong: (change) => change.addHeader('X-Evil\\r\\nBcc', 'x'),
  lines: (change) => change.addHeader('X-Lines', 'a\\r\\nX-Evil: b\\r\\n\\r\\nbody'),
  many: (change) => { for (let i = 0; i < 2000; i += 1) change.addHeader('X-N', String(i)); },
};
let kept;
export default definePlugin({
  name: 'editor',
  onError: 'pass',
  register(server) {
    server.on('data_post', async ({ transaction, change }) => {
      for (const act of (transaction.header.get('X-Do') ?? '').split(' ').filter(Boolean)) await ACTS[act]?.(change, transaction.header);
      if (transaction.header.get('X-Do') === 'keep') kept = change;
      if (transaction.header.get('X-Do') === 'later') kept.addHeader('X-Late', 'yes');
      return NEXT;
    });
  },
});
`;
const WITNESS = `import { definePlugin, NEXT } from ${JSON.stringify(FACE)};
export default definePlugin({
  name: 'witness',
  register(server) {
    server.on('data_post', async ({ transaction, content, change }) => {
      const pieces = [];
      for await (const piece of content) pieces.push(piece);
      const text = Buffer.concat(pieces).toString();
      transaction.prepend.push('X-Seen: ' + [transaction.header.get('Subject'), change.changed.fields.join('+'), change.changed.body, text.length].join());
      return NEXT;
    });
  },
});
`;

let server: TestServer;
beforeAll(async () => {
  writeFileSync(join(folder, 'editor.ts'), EDITOR);
  writeFileSync(join(folder, 'witness.ts'), WITNESS);
  server = await startTestServer({
    plugins: [join(folder, 'editor.ts'), join(folder, 'witness.ts')],
    worker: false,
    config: { editor: { deadline: 2 } },
    mainCf: { message_size_limit: '1000000' },
  });
});
afterAll(async () => {
  await server.close();
  removeFolder(folder);
});

it('a message that a milter has changed first gets what plugins add and prepend all the same', async () => {
  const milter = await startScriptedMilter({ actions: ALL_ACTIONS, answers: { E: ['hX-Milter\0yes\0', 'c'] } });
  const filtered = await startTestServer({
    plugins: [join(folder, 'editor.ts'), join(folder, 'witness.ts')],
    mainCf: { smtpd_milters: milter.name },
  });
  try {
    const letter = { from: 'a@example.org', to: 'user@example.test', message: 'X-Do: header\nSubject: old\n\nx\n' };
    expect(await filtered.send(letter)).toMatch(/^250 /);
    const [message] = await filtered.messages('user@example.test');
    expect([...(message?.header.fields ?? [])].map(({ name }) => name)).toEqual([
      ...[
        'Return-Path',
        'X-Original-To',
        'Delivered-To',
        'X-Seen',
        'Received',
        'X-Do',
        'SUBJECT',
        'X-Milter',
        'X-Added',
      ],
      'X-Counts',
    ]);
  } finally {
    await filtered.close();
    await milter.close();
  }
});

/** What the second plugin saw, and the message as it is stored without our own header lines. */
async function stored(message: string): Promise<string> {
  expect(await server.send({ from: 'a@example.org', to: 'user@example.test', message })).toMatch(/^250 /);
  const all = await server.messages('user@example.test');
  const text = all.at(-1)?.text ?? '';
  const own = text.slice(text.indexOf('X-Seen: ')).replace(/Received: .*?\(UTC\)\r\n/s, '');
  const [, seen = '', length = '', rest = ''] = /^X-Seen: ([^\r]*),(\d+)\r\n(.*)$/s.exec(own) ?? [];
  // What the next plugin reads is what is kept.
  expect(rest.length).toBe(Number(length));
  return `${seen}\n${rest}`;
}

describe('a message that a plugin changes', () => {
  it('loses of the fields of a name those with a value, whatever their folding and octets', async () => {
    const head = 'X-Do: some\nX-Claim: ours;\n\tspf=pass\nX-Claim: another; spf=pass\nx-claim: ours; größe';
    expect(await stored(`${head}\n\nbody\n`)).toBe(
      ',x-claim+x-counts,false\nX-Do: some\r\nX-Claim: another; spf=pass\r\nX-Counts: 1,1,0\r\n\r\nbody\r\n',
    );
  });

  it('has fields added, replaced, removed and renamed; the others keep their octets; the next plugin sees it so', async () => {
    const head =
      'X-Do: header\nSubject: old\n folded\nsubject: older\nX-Twice: 1\nX-Odd:  kept \t\n\tas it is\nx-twice: 2\nX-OLD: v';
    expect(await stored(`${head}\n\nbody\n`)).toBe(
      [
        'new,x-added+subject+x-twice+x-new+x-old+x-none+x-counts,false\nX-Do: header',
        'SUBJECT: new',
        'X-Odd:  kept \t',
        '\tas it is',
        'X-New: v',
        'X-Added: größer',
        'X-Counts: 2,1,0',
        '',
        'body',
        '',
      ].join('\r\n'),
    );
    expect((await server.logged(/changed by plugins: header x-added/)).msg).toMatch(/^\w+: changed by plugins: /);
  });

  it('has another body, with whole lines, made by one plugin after the other', async () => {
    const shouted = Buffer.from('Grüße').toString('latin1').toUpperCase();
    expect(await stored('X-Do: body shout\nSubject: s\n\nfirst\n')).toBe(
      `s,,true\nX-Do: body shout\r\nSubject: s\r\n\r\nFIRST\r\n${shouted}\r\nEND\r\n`,
    );
    expect(await stored('X-Do: body\nSubject: s')).toBe('s,,true\nX-Do: body\r\nSubject: s\r\n\r\nGrüße\r\nend\r\n');
    const long = await stored('X-Do: long\n\nshort\n');
    expect(long.length).toBe(',,true\nX-Do: long\r\n\r\n'.length + 300_000);
  });

  it('keeps its body if the transformer throws, has no time, or makes too much; whole fields stay', async () => {
    for (const act of ['throws', 'hangs', 'endless'])
      expect(await stored(`X-Do: ${act}\nSubject: s\n\nold\n`), act).toBe(
        act === 'throws'
          ? 's,x-whole,false\nX-Do: throws\r\nSubject: s\r\nX-Whole: yes\r\n\r\nold\r\n'
          : `s,,false\nX-Do: ${act}\r\nSubject: s\r\n\r\nold\r\n`,
      );
    expect((await server.logged(/out of ink/)).msg).toMatch(/^plugin editor: data_post of \w+ rejected: out of ink/);
    expect((await server.logged(/is longer than message_size_limit/)).plugin).toBe('editor');
  });

  it('gets no field that would be more than one, no endless number of them, and none afterwards', async () => {
    expect(await stored('X-Do: wrong\n\nx\n')).toMatch(/X-Do: wrong\r\n\r\nx\r\n$/);
    expect(await stored('X-Do: lines\n\nx\n')).toMatch(/X-Do: lines\r\nX-Lines: a X-Evil: b {2}body\r\n\r\nx\r\n$/);
    expect((await stored('X-Do: many\n\nx\n')).match(/^X-N: /gm)?.length).toBe(1000);
    await stored('X-Do: keep\n\nx\n');
    expect(await stored('X-Do: later\n\nx\n')).toMatch(/X-Do: later\r\n\r\nx\r\n$/);
    expect((await server.logged(/can be changed only until/)).plugin).toBe('editor');
  });
});
