import { afterEach, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../src/authoring/test-server.ts';
import { indexMessage } from '../../src/protocol/mime/indexer.ts';

const USER = 'user@example.test';
const ARCHIVE = 'archive@example.test';
const QUEUED = /^250 2\.0\.0 Ok: queued as (\w+)/;
let server: TestServer;
afterEach(() => server?.close());

const start = async (config: object = {}, mainCf: Record<string, string> = {}): Promise<void> => {
  server = await startTestServer({
    plugins: [import.meta.dirname],
    config: { archive: { to: ARCHIVE, ...config } },
    accounts: [USER, ARCHIVE],
    mainCf: { alias_maps: 'inline:{team=user}', ...mainCf },
    worker: false,
  });
};
const archived = async (): Promise<readonly string[]> => (await server.messages(ARCHIVE)).map(({ text }) => text);
const counted = (result: string) => server.metric('posthorn_plugin_archive_messages_total', { result });

describe('G18: archive', () => {
  it('has each message with what was known of it, as it is, blind copies too', async () => {
    await start();
    const header = { Subject: 'Grüße', 'Message-ID': '<1@example.org>' };
    const answer = await server.send({
      from: 'a@example.org',
      to: ['team@example.test', USER],
      header,
      text: 'Hello 你好.',
    });
    const [, queueId = ''] = QUEUED.exec(answer) ?? [];
    const [text = ''] = await archived();
    const octets = Buffer.from(text);
    const { root } = indexMessage(octets);
    const [report, message] = root.parts.map(({ bodyStart, bodyEnd }) =>
      octets.subarray(bodyStart, bodyEnd).toString(),
    );
    expect(report?.split('\r\n')).toEqual([
      'Sender: <a@example.org>',
      'Recipient: <team@example.test>',
      'Recipient: <user@example.test>',
      'Client: unknown[203.0.113.9]',
      'Helo: client.example.org',
      'TLS: no',
      'Received: 2026-01-01T12:00:00.000Z',
      `Queue-Id: ${queueId}`,
      expect.stringMatching(/^Size: \d+$/),
      'Message-Id: <1@example.org>',
      '',
    ]);
    expect(root.parts[1]).toMatchObject({ type: 'message', subtype: 'rfc822' });
    expect(message).toMatch(/^From: <a@example\.org>\r\n[\s\S]*Subject: Grüße\r\n[\s\S]*\r\n\r\nHello 你好\.\r\n$/);
    expect(text).toMatch(/^Subject: =\?UTF-8\?B\?/m);
    expect((await server.messages(USER))[0]?.text.endsWith(message ?? '?')).toBe(true);
  });

  it('has a plain copy with its envelope where that is wanted', async () => {
    await start({ form: 'copy' });
    await server.send({ from: 'a@example.org', to: USER, header: { Subject: 'x', 'X-Archived-Sender': '<forged@x>' } });
    const [message] = await server.messages(ARCHIVE);
    expect(message?.header.all('X-Archived-Sender')).toEqual(['<a@example.org>', '<forged@x>']);
    expect(message?.header.all('X-Archived-Recipient')).toEqual(['<user@example.test>']);
    expect(message?.text.endsWith('\r\nHello.\r\n')).toBe(true);
  });

  it('is for some directions, and never for its own mail', async () => {
    await start({ only: ['out', 'internal'] });
    const before = (await counted('out')) ?? 0;
    await server.send({ from: 'a@example.org', to: USER });
    await server.send({ from: USER, to: USER, user: USER });
    await server.send({ from: USER, to: 'b@example.org', user: USER });
    await server.send({ from: USER, to: ARCHIVE, user: USER });
    expect(await server.messages(ARCHIVE)).toHaveLength(3);
    expect(((await counted('out')) ?? 0) - before).toBe(1);
  });

  it('holds nothing back of a message that is as long as messages may be', async () => {
    await start({}, { message_size_limit: '100000' });
    const text = 'x'.repeat(70).concat('\n').repeat(1_380);
    expect(await server.send({ from: 'a@example.org', to: USER, text })).toMatch(QUEUED);
    expect((await archived())[0]).toContain(text.replaceAll('\n', '\r\n'));
  });

  it('a message that cannot be archived is not accepted, and comes again', async () => {
    await start({ to: 'nobody@example.test' });
    expect(await server.send({ from: 'a@example.org', to: USER })).toMatch(/^451 4\.3\.0 /);
    expect((await server.logged(/data_post/)).msg).toMatch(
      /^plugin archive: data_post of \w+ rejected: there is no address nobody@example\.test: make the account/,
    );
    expect(await server.messages(USER)).toEqual([]);
    await server.reload({ archive: { to: 'nobody@example.test', onError: 'pass' } });
    expect(await server.send({ from: 'a@example.org', to: USER })).toMatch(QUEUED);
  });

  it('keeps to its number of messages in memory, and loses none', async () => {
    await start({ at_once: 1 });
    const letters = Array.from({ length: 12 }, (_, n) => ({ from: `a${n}@example.org`, to: USER }));
    for (const answer of await Promise.all(letters.map((letter) => server.send(letter))))
      expect(answer).toMatch(QUEUED);
    const senders = (await archived()).map((text) => /^Sender: <(.*)>\r$/m.exec(text)?.[1]);
    expect(senders.toSorted()).toEqual(letters.map(({ from }) => from).toSorted());
  });

  it('envelopes that are hostile end in no field of their own', async () => {
    await start({ form: 'copy' });
    const dialog = await server.connect();
    await dialog.say('EHLO a\tb');
    await dialog.say('MAIL FROM:<"a b"@example.org>');
    await dialog.say(`RCPT TO:<${USER}>`);
    await dialog.say('DATA');
    expect(await dialog.say('no header at all\r\n.')).toMatch(QUEUED);
    dialog.close();
    expect((await archived())[0]).toContain('X-Archived-Sender: <"a b"@example.org>\r\n');
    expect((await archived())[0]).toContain('X-Archived-Helo: a?b\r\n');
    expect((await archived())[0]).toContain('X-Archived-Size: 20\r\n');
  });
});
