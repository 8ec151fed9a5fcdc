/** G9: what a server took and did not deliver before it ended is delivered by the other one on the same database. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type LoopbackServer, openLoopback } from '../kit/loopback.ts';
import { freeOffset } from '../kit/ports.ts';
import { startServer } from '../kit/server.ts';
import { deliver, openPair, type Pair, smtp } from './pair.ts';

/** The next hop: what it answers to the name that a server gives. */
let answerTo: (name: string) => string | null;
/** Whom it got which message from. */
let taken: string[];
/** Who has sent one that was not answered. */
let waiting: string[];

let nextHop: LoopbackServer;
let pair: Pair;
beforeAll(async () => {
  nextHop = await openLoopback((socket) => {
    let [name, text, inData] = ['', '', false];
    socket.on('error', () => {});
    socket.write('220 next.example ESMTP\r\n');
    socket.setEncoding('latin1').on('data', (piece: string) => {
      text += piece;
      if (inData) {
        if (!text.endsWith('\r\n.\r\n')) return;
        const subject = /Subject: (.*)\r\n/.exec(text)?.[1] ?? '';
        const answer = answerTo(name);
        if (answer === null) waiting.push(`${name}: ${subject}`);
        else socket.write(`${answer}\r\n`);
        if (answer?.startsWith('250') === true) taken.push(`${name}: ${subject}`);
        [text, inData] = ['', false];
        return;
      }
      for (const line of text.split('\r\n').slice(0, -1)) {
        name = /^[EH][EH]LO (.*)/.exec(line)?.[1] ?? name;
        inData = line === 'DATA';
        socket.write(inData ? '354 go on\r\n' : '250 ok\r\n');
      }
      text = '';
    });
  });
  pair = await openPair(
    [],
    [
      `relayhost = [127.0.0.1]:${nextHop.port}`,
      'smtp_tls_security_level = none',
      'minimal_backoff_time = 2s',
      'maximal_backoff_time = 2s',
    ],
  );
});
afterAll(async () => {
  await pair.close();
  await nextHop.close();
});

const within = { timeout: 40_000, interval: 50 };

describe('a message for elsewhere', () => {
  it('that was refused for now is tried again by the other server when the first is stopped', async () => {
    [taken, waiting] = [[], []];
    let tried = 0;
    answerTo = () => {
      tried += 1;
      return '451 4.3.0 later';
    };
    const client = await smtp(pair.a);
    await deliver(client, 'far@elsewhere.test', 'deferred');
    client.destroy();
    await vi.waitFor(() => expect(tried).toBeGreaterThan(0), within);
    await pair.a.stop({ keep: true });
    answerTo = () => '250 2.0.0 taken';
    const began = performance.now();
    await vi.waitFor(() => expect(taken).toEqual(['b.example.test: deferred']), within);
    console.log(`delivered ${Math.round(performance.now() - began)} ms after the stop of who took it`);
  });

  it('that is being sent by a server that is killed is sent by the other', async () => {
    [taken, waiting] = [[], []];
    const { folders } = pair.a;
    const a = await startServer({ files: {}, folders, portOffset: await freeOffset() });
    answerTo = (name) => (name === 'a.example.test' ? null : '250 2.0.0 taken');
    const client = await smtp(a);
    await deliver(client, 'far@elsewhere.test', 'in flight');
    client.destroy();
    await vi.waitFor(() => expect(waiting).toEqual(['a.example.test: in flight']), within);
    a.signal('SIGKILL');
    await a.exited;
    const began = performance.now();
    await vi.waitFor(() => expect(taken).toEqual(['b.example.test: in flight']), within);
    console.log(`delivered ${Math.round(performance.now() - began)} ms after the death of who took it`);
    expect(await pair.b.command(['mailq'])).toContain('empty');
  });
});
