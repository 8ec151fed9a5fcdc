import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type HttpRequest, startTestServer } from '../../src/authoring/test-server.ts';
import type { Json } from '../../src/bus/plugin.ts';
import { pluginState } from '../../src/bus/plugin-state.ts';
import { memoryStates } from '../../test/kit/states.ts';
import { Outbox } from './outbox.ts';

const URL = 'https://hook.example.org/mail';
const SECRET = 'a secret of the test';
const letter = { from: 'a@example.org', to: 'user@example.test' };
const plugins = [import.meta.dirname];

describe('a web hook', () => {
  it('is told of mail and logins, by signed requests', async () => {
    const asked: HttpRequest[] = [];
    const told = (): { event: string }[] =>
      asked.flatMap(({ body }) => (JSON.parse(String(body)) as { events: { event: string }[] }).events);
    await using server = await startTestServer({
      plugins,
      config: { webhook: { url: URL, secret: SECRET, events: ['accepted', 'appended', 'login'] } },
      http: {
        [URL]: (request) => {
          asked.push(request);
          return { status: 204 };
        },
      },
      worker: false,
    });
    await server.send(letter);
    await server.logIn('imap', 'user@example.test');
    await expect.poll(() => told().length, { timeout: 10_000 }).toBe(3);
    const time = Date.parse('2026-01-01T12:00:00Z');
    const [queueId, size] = [expect.any(String), expect.any(Number)];
    expect(told().sort((a, b) => a.event.localeCompare(b.event))).toEqual([
      {
        ...{ event: 'accepted', time, queueId, size, from: 'a@example.org', to: ['user@example.test'] },
        ...{ recipientCount: 1, remoteIp: '203.0.113.9', login: null },
      },
      { event: 'appended', time, account: 'user@example.test', mailbox: 'INBOX', uids: [1] },
      { event: 'login', time, account: 'user@example.test', protocol: 'imap', remoteIp: '127.0.0.1', tls: false },
    ]);
    for (const { body, headers, method } of asked) {
      const signature = createHmac('sha256', SECRET)
        .update(`${time / 1000}.${String(body)}`)
        .digest('hex');
      expect([method, headers['x-posthorn-signature']]).toEqual(['POST', `t=${time / 1000},v1=${signature}`]);
    }
    await expect.poll(() => server.metric('posthorn_plugin_webhook_events_total', { result: 'sent' })).toBe(3);
  });

  it.each([
    [{ url: 'http://hook.example.org/', secret: SECRET }, /url: is "http:.*expected an https:/],
    [{ url: 'http://127.0.0.1@hook.example.org/', secret: SECRET }, /url: is "http:.*expected an https:/],
    [{ url: URL, secret: 'short' }, /secret: is a string, expected a secret of at least 16/],
    [{ url: URL, secret: SECRET, events: ['read'] }, /events/],
  ])('refuses %j', async (webhook, fault) => {
    await expect(startTestServer({ plugins, config: { webhook } })).rejects.toThrow(fault);
  });
});

describe('what waits to be sent', () => {
  const NEVER = new AbortController().signal;
  function office(answers: () => boolean) {
    let now = 1_800_000_000_000;
    const state = pluginState('webhook', memoryStates(), () => now);
    const [sent, warned, counts] = [[] as Json[], [] as string[], {} as Record<string, number>];
    const open = (): Outbox =>
      new Outbox({
        ...{ state, keep: 86_400, clock: () => now },
        log: { info: () => {}, warn: (_fields, text) => warned.push(text) },
        async send(_id, events) {
          if (!answers()) throw new Error('hook.example.org answered 503');
          sent.push(...events);
        },
        count: (what, events) => {
          counts[what] = (counts[what] ?? 0) + events;
        },
      });
    const later = (seconds: number): void => {
      now += seconds * 1000;
    };
    return { state, sent, warned, counts, open, later };
  }

  it('is sent again with longer and longer pauses, by a process that starts later too', async () => {
    let isUp = false;
    const { open, later, sent, state, counts } = office(() => isUp);
    const first = open();
    first.add('one');
    await first.written();
    const second = open();
    for (const seconds of [10, 20, 40]) {
      later(seconds - 1);
      await second.retry(NEVER);
      later(1);
      await second.retry(NEVER);
    }
    expect([counts['failed'], sent]).toEqual([4, []]);
    isUp = true;
    later(80);
    await Promise.all([first.retry(NEVER), second.retry(NEVER)]);
    expect([sent, await state.keys()]).toEqual([['one'], []]);
  });

  it('is given up after a day, and that is told', async () => {
    const { open, later, warned, state } = office(() => false);
    const outbox = open();
    outbox.add('one');
    await outbox.written();
    for (let minutes = 0; minutes < 24 * 60; minutes += 10) {
      later(600);
      await outbox.retry(NEVER);
    }
    expect(await state.keys()).toEqual([]);
    expect(warned).toEqual([
      'events wait to be sent again: hook.example.org answered 503',
      expect.stringMatching(/^1 events were given up after \d+ tries: hook\.example\.org answered 503$/),
    ]);
  });

  it('goes together where it happens together, and is bounded', async () => {
    const { open, counts, warned, sent, state } = office(() => true);
    const outbox = open();
    for (let n = 0; n < 1500; n += 1) outbox.add(n);
    await outbox.written();
    await outbox.retry(NEVER);
    expect([sent.length, counts['left out'], warned]).toEqual([
      1000,
      500,
      ['500 events were left out: too many wait to be sent'],
    ]);
    expect(await state.keys()).toEqual([]);
  });
});
