import { afterEach, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../src/authoring/test-server.ts';
import { leavesOf } from './leaves.ts';
import { zipNames } from './zip-names.ts';

/** A ZIP archive of empty files, stored. */
function zipOf(names: readonly string[], comment = ''): Buffer {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const name of names) {
    const octets = Buffer.from(name);
    const head = Buffer.alloc(30);
    head.writeUInt32LE(0x04034b50, 0);
    head.writeUInt16LE(octets.length, 26);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(octets.length, 28);
    entry.writeUInt32LE(offset, 42);
    local.push(head, octets);
    central.push(entry, octets);
    offset += 30 + octets.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(names.length, 8);
  end.writeUInt16LE(names.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  end.writeUInt16LE(comment.length, 20);
  return Buffer.concat([...local, directory, end, Buffer.from(comment)]);
}

interface Attached {
  readonly fields?: string;
  readonly octets?: Buffer;
}

const messageOf = (...attachments: readonly Attached[]): string =>
  [
    'From: <a@example.org>\nSubject: papers\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n',
    '--b\nContent-Type: text/plain\n\nSee below.',
    ...attachments.map(
      ({ fields = 'Content-Type: application/octet-stream', octets = Buffer.from('x') }) =>
        `--b\n${fields}\nContent-Transfer-Encoding: base64\n\n${octets.toString('base64').replace(/.{76}/g, '$&\n')}`,
    ),
    '--b--\n',
  ].join('\n');

let server: TestServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});
const start = async (config: object = {}): Promise<TestServer> => {
  server = await startTestServer({ plugins: [import.meta.dirname], config: { attachments: config }, worker: false });
  return server;
};
const send = (...attachments: readonly Attached[]): Promise<string> | undefined =>
  server?.send({ from: 'a@example.org', to: 'user@example.test', message: messageOf(...attachments) });

const QUEUED = /^250 2\.0\.0 Ok/;
const attachment = (name: string, octets?: Buffer): Attached => ({
  fields: `Content-Type: application/octet-stream\nContent-Disposition: attachment; ${name}`,
  ...(octets === undefined ? {} : { octets }),
});

it('programs are refused by their names, however these are written, and in archives', async () => {
  await start();
  const cases: readonly (readonly [Attached, string])[] = [
    [attachment('filename=invoice.exe'), 'invoice.exe'],
    [attachment('filename="Invoice.PDF.EXE. "'), 'Invoice.PDF.EXE. '],
    [attachment(`filename*=utf-8''r%C3%A9sum%C3%A9.scr`), 'r?sum?.scr'],
    [attachment('filename*0="in"; filename*1="voice.js"'), 'invoice.js'],
    [attachment('filename="=?utf-8?B?eC5leGU=?="'), 'x.exe'],
    [{ fields: 'Content-Type: application/pdf; name=x.vbs\nContent-Disposition: inline; filename=x.pdf' }, 'x.vbs'],
    [attachment('filename=papers.zip', zipOf(['a.txt', 'dir/run.exe'])), 'papers.zip: dir/run.exe'],
    // An archive by what is in it, whatever it is called.
    [attachment('filename=papers.dat', zipOf(['run.exe'])), 'papers.dat: run.exe'],
    [attachment('filename=broken.zip', zipOf(['a.txt']).subarray(0, -3)), 'broken.zip, whose contents cannot be read,'],
  ];
  for (const [one, shown] of cases)
    expect(await send({}, one)).toBe(`554 5.7.1 Error: attachment ${shown} is not accepted here`);
  expect(await server?.metric('posthorn_plugin_attachments_messages_total', { action: 'reject' })).toBe(cases.length);
});

it('a message with more parts than are looked at, or deeper ones, is refused as one that cannot be read', async () => {
  const refusal = '554 5.7.1 Error: attachment multipart/mixed, whose contents cannot be read, is not accepted here';
  await start();
  const parts = Array.from({ length: 1_001 }, () => ({}));
  expect(await send(...parts)).toBe(refusal);
  let deep = 'Content-Type: text/plain\n\nHello.\n';
  for (let i = 0; i < 60; i += 1)
    deep = `Content-Type: multipart/mixed; boundary=b${i}.\n\n--b${i}.\n${deep}\n--b${i}.--\n`;
  expect(await server?.send({ from: 'a@example.org', to: 'user@example.test', message: deep })).toBe(refusal);
});

it('other attachments come through as they are', async () => {
  await start();
  const innocent = [attachment('filename=paper.pdf'), attachment('filename=papers.zip', zipOf(['a.txt', 'exe']))];
  expect(await send(...innocent, attachment('filename=exe'))).toMatch(QUEUED);
  const [message] = (await server?.messages('user@example.test')) ?? [];
  expect(message?.text).toContain(zipOf(['a.txt', 'exe']).toString('base64').slice(0, 76));
});

it('the first rule that is about an attachment decides: hold, tag or reject', async () => {
  await start({
    text: 'is too much',
    rules: [
      { action: 'hold', endings: ['.iso'] },
      { action: 'tag', types: ['video/*', 'application/zip'], endings: ['.docm'] },
      { endings: ['.exe'] },
    ],
  });
  expect(await send(attachment('filename=x.iso'), attachment('filename=x.exe'))).toMatch(QUEUED);
  expect((await server?.queued())?.map(({ state }) => state)).toEqual(['hold']);
  expect(await send({ fields: 'Content-Type: Video/MP4; name=film.mp4\nX-Attachment-Warning: mine' })).toMatch(QUEUED);
  const [message] = (await server?.messages('user@example.test')) ?? [];
  expect(message?.header.get('X-Attachment-Warning')).toBe('film.mp4');
  expect(await send(attachment('filename=x.exe'))).toBe('554 5.7.1 Error: attachment x.exe is too much');
  expect((await server?.logged(/: tag$/))?.msg).toMatch(/^\w+: attachment film\.mp4: tag$/);
});

it('a mark that the sender has set is removed', async () => {
  await start();
  const message = messageOf({}).replace('Subject:', 'X-Attachment-Warning: trust me\nSubject:');
  expect(await server?.send({ from: 'a@example.org', to: 'user@example.test', message })).toMatch(QUEUED);
  const [stored] = (await server?.messages('user@example.test')) ?? [];
  expect(stored?.header.get('X-Attachment-Warning')).toBeNull();
});

it('faulty rules are told', async () => {
  await expect(start({ rules: [{ endings: ['exe'], types: ['zip'] }] })).rejects.toThrow(/ending such as "\.exe"/);
});

it('the names in an archive, however the message is cut into pieces', async () => {
  const names = Array.from({ length: 300 }, (_, i) => `folder/file-${i}.txt`);
  const octets = Buffer.from(messageOf(attachment('filename=a.zip', zipOf(names)), {}).replaceAll('\n', '\r\n'));
  for (const size of [1, 7, 1000, octets.length]) {
    async function* pieces() {
      for (let at = 0; at < octets.length; at += size) yield octets.subarray(at, at + size);
    }
    const leaves = await leavesOf({ [Symbol.asyncIterator]: () => pieces() }, true);
    expect(leaves.map(({ inside }) => inside)).toEqual([undefined, names, undefined]);
  }
});

it('an archive may have a comment, and something before it', () => {
  expect(zipNames(Buffer.concat([Buffer.from('MZ program'), zipOf(['a', 'b'], 'a comment')]))).toEqual(['a', 'b']);
});

it('whatever an archive claims, its reader ends, and says null where it is none', () => {
  const good = zipOf(['a.exe', 'b.txt'], 'c');
  for (let at = 0; at < good.length; at += 1)
    for (const value of [0, 1, 0x7f, 0xff]) {
      const bad = Buffer.from(good);
      bad[at] = value;
      const names = zipNames(bad);
      expect(names === null || names.length <= 2).toBe(true);
    }
  for (let length = 0; length < good.length; length += 1) expect(zipNames(good.subarray(0, length))).toBeNull();
  const manyClaimed = zipOf(['a']);
  manyClaimed.writeUInt16LE(0xffff, manyClaimed.length - 12);
  expect(zipNames(manyClaimed)).toBeNull();
});
