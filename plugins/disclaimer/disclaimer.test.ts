import { afterEach, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../src/authoring/test-server.ts';
import type { Part } from '../../src/mail/message.ts';
import { indexMessage } from '../../src/protocol/mime/indexer.ts';
import { decodedText } from '../../src/protocol/mime/text.ts';
import { replaced } from './rewrite.ts';

const USER = 'user@example.test';
let server: TestServer;
afterEach(() => server?.close());

async function start(config: object = {}): Promise<void> {
  server = await startTestServer({
    plugins: [import.meta.dirname],
    config: {
      disclaimer: { disclaimers: { 'example.test': { text: 'For you & nobody else.\nThe house' } }, ...config },
    },
    worker: false,
  });
}
/** As our user, to itself; the message as it was kept. */
async function sent(header: Record<string, string>, text: string, user: string | null = USER): Promise<string> {
  const own = user === null ? {} : { user };
  const answer = await server.send({ from: USER, to: USER, header: { From: USER, To: USER, ...header }, text, ...own });
  expect(answer).toMatch(/^250/);
  return (await server.messages(USER)).at(-1)?.text ?? '';
}
const body = (message: string): string => message.slice(message.indexOf('\r\n\r\n') + 4);
/** The texts of a message, decoded. */
function texts(message: string): string[] {
  const octets = Buffer.from(message);
  const walk = (part: Part): string[] => [
    ...(part.type === 'text' ? [decodedText(part, octets.subarray(part.bodyStart, part.bodyEnd))] : []),
    ...part.parts.flatMap(walk),
  ];
  return walk(indexMessage(octets).root);
}
const ADDED = '\r\nFor you & nobody else.\r\nThe house\r\n';

describe('G18: disclaimer', () => {
  it('stands behind the text of our users, once', async () => {
    await start();
    const once = await sent({ Subject: 'x' }, 'Hello.');
    expect(body(once)).toBe(`Hello.\r\n${ADDED}`);
    const quoted = body(once)
      .trimEnd()
      .split('\r\n')
      .map((line) => `> ${line}`)
      .join('\r\n');
    expect(body(await sent({ Subject: 'Re: x' }, `Yes.\r\n${quoted}`))).toBe(`Yes.\r\n${quoted}\r\n`);
    const count = (result: string) => server.metric('posthorn_plugin_disclaimer_messages_total', { result });
    expect([await count('added'), await count('there already')]).toEqual([1, 1]);
  });

  it('is not for strangers, other domains, and where it is for the outside alone, not within the house', async () => {
    await start();
    expect(body(await sent({}, 'Hello.', null))).toBe('Hello.\r\n');
    await server.reload({ disclaimer: { disclaimers: { 'other.test': { text: 'x' } } } });
    expect(body(await sent({}, 'Hello.'))).toBe('Hello.\r\n');
    await server.reload({ disclaimer: { disclaimers: { '*': { text: 'Outside.' } }, to: 'outside' } });
    expect(body(await sent({}, 'Hello.'))).toBe('Hello.\r\n');
    await server.send({ from: USER, to: [USER, 'a@example.org'], user: USER, text: 'Hello.' });
    expect((await server.queued()).map(({ text }) => body(text))).toEqual(['Hello.\r\n\r\nOutside.\r\n']);
  });

  it('stands in HTML before its end, escaped or as it is given', async () => {
    await start();
    const html = '<html><BODY><p>Hello.</p></BODY></html>';
    expect(body(await sent({ 'Content-Type': 'text/html' }, html))).toBe(
      '<html><BODY><p>Hello.</p><p>For you &amp; nobody else.<br>\r\nThe house</p>\r\n</BODY></html>\r\n',
    );
    await server.reload({ disclaimer: { disclaimers: { 'example.test': { text: 't', html: '<b>t</b>' } } } });
    expect(body(await sent({ 'Content-Type': 'text/html' }, 'Hello.'))).toBe('Hello.\r\n<b>t</b>\r\n');
  });

  it.each([
    ['7bit', 'us-ascii', 'Hello.', 'Hello.', 'Only.'],
    ['8bit', 'utf-8', '你好', '你好', '仅限收件人。'],
    ['base64', 'utf-8', Buffer.from('你好').toString('base64'), '你好', '仅限收件人。'],
    ['quoted-printable', 'iso-8859-1', 'Gr=FC=DFe=\r\n alle', 'Grüße alle', '仅限收件人。'],
    ['base64', 'gb2312', 'xOO6ww==', '你好', '仅限收件人。'],
    ['7bit', 'us-ascii', 'Hello.', 'Hello.', '仅限收件人。'],
  ])('%s in %s', async (encoding, charset, text, shown, disclaimer) => {
    await start({ disclaimers: { 'example.test': { text: disclaimer } } });
    const fields = { 'MIME-Version': '1.0', 'Content-Type': `text/plain; charset=${charset}; format=flowed` };
    const message = await sent({ ...fields, 'Content-Transfer-Encoding': encoding }, text);
    expect(texts(message)).toEqual([`${shown}\r\n\r\n${disclaimer}\r\n`]);
    const stays = encoding === '8bit' || disclaimer === 'Only.';
    expect(message).toContain(`Content-Type: text/plain; charset=${stays ? charset : 'utf-8'}; format=flowed\r\n`);
    expect(message).toContain(`Content-Transfer-Encoding: ${stays ? encoding : 'base64'}\r\n`);
  });

  it('stands in each form of a text and nowhere else, and attachments stay octet for octet', async () => {
    await start();
    const attachment = `--m\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nleave me\r\n--m--\r\n`;
    const message = [
      '--m',
      'Content-Type: multipart/alternative; boundary=a',
      '',
      '--a',
      '',
      'plain',
      '--a',
      'Content-Type: text/html; charset=gbk',
      'Content-Transfer-Encoding: quoted-printable',
      'Content-Id: <keep@me>',
      '',
      '<p>=C4=E3</p>',
      '--a--',
      attachment,
    ].join('\r\n');
    const kept = await sent({ 'MIME-Version': '1.0', 'Content-Type': 'multipart/mixed; boundary=m' }, message);
    expect(texts(kept)).toEqual([
      `plain\r\n${ADDED}`,
      '<p>你</p>\r\n<p>For you &amp; nobody else.<br>\r\nThe house</p>\r\n',
      'leave me',
    ]);
    expect(kept).toContain('Content-Id: <keep@me>\r\nContent-Type: text/html; charset=utf-8\r\n');
    expect(kept.endsWith(attachment)).toBe(true);
  });

  it.each([
    ['multipart/signed; boundary=m', '--m\r\n\r\nHello.\r\n--m--'],
    ['multipart/encrypted; boundary=m', '--m\r\n\r\nHello.\r\n--m--'],
    ['application/pkcs7-mime', 'abc'],
    ['application/pdf', 'abc'],
    ['text/plain', 'x'.repeat(70).concat('\r\n').repeat(16_000)],
  ])('%s stays as it is, and the log says so', async (type, text) => {
    await start();
    expect(body(await sent({ 'MIME-Version': '1.0', 'Content-Type': type }, text)).trimEnd()).toBe(text.trimEnd());
    expect((await server.logged(/no disclaimer/)).msg).toMatch(/: no disclaimer: (?:sealed|no text|too long)$/);
  });

  it('bad MIME costs nothing but the disclaimer', async () => {
    await start();
    for (const [type, text] of [
      ['multipart/mixed', 'no boundary'],
      [
        'multipart/mixed; boundary=m',
        '--m\r\nContent-Type: text/plain; charset=none\r\nContent-Transfer-Encoding: base64\r\n\r\n?!',
      ],
      [
        'multipart/mixed; boundary=m',
        Array.from(
          { length: 200 },
          (_, n) => `--b${n}\r\nContent-Type: multipart/mixed; boundary=b${n + 1}\r\n\r\n`,
        ).join(''),
      ],
      ['text/html; charset=utf-16', '<'.repeat(5_000)],
    ] as const)
      expect(await sent({ 'MIME-Version': '1.0', 'Content-Type': type }, text)).toContain('\r\n');
  });
});

it('replacements do not depend on how a body is divided', async () => {
  const octets = Buffer.from('0123456789');
  const changes = [
    { start: 102, end: 104, octets: Buffer.from('AB') },
    { start: 104, end: 104, octets: Buffer.from('-') },
    { start: 107, end: 110, octets: Buffer.from('') },
    { start: 110, end: 110, octets: Buffer.from('!') },
  ];
  for (let size = 1; size <= 11; size += 1) {
    const body = (async function* () {
      for (let at = 0; at < octets.length; at += size) yield octets.subarray(at, at + size);
    })();
    const pieces: Uint8Array[] = [];
    for await (const piece of replaced(body, 100, changes)) pieces.push(piece);
    expect(Buffer.concat(pieces).toString()).toBe('01AB-456!');
  }
});
