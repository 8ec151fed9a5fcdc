/**
 * The same octets to two mail servers: what each answers, and what each keeps of the message. For comparisons, a
 * message is taken without the trace lines that a server puts in front of it, and without the values that are a
 * server's own.
 */
import { connect } from 'node:net';
import { SmtpClient } from '../kit/smtp-client.ts';

/** One session after RCPT: each step is sent, in pieces, and one reply is awaited. */
export interface Exchange {
  readonly name: string;
  readonly steps: readonly (readonly string[])[];
}

export interface Envelope {
  readonly port: number;
  readonly from: string;
  readonly to: string;
}

const pause = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The complete reply to one command, the first of its session, without the name of the server. */
export async function replyTo(port: number, command: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  socket.setEncoding('utf8');
  const replies = socket[Symbol.asyncIterator]();
  let text = '';
  const wait = async (lines: number): Promise<void> => {
    while (text.split('\r\n').length <= lines) {
      const next = await replies.next();
      if (next.done === true) return;
      text += String(next.value);
    }
  };
  try {
    await wait(1);
    socket.write(command, 'latin1');
    await wait(2);
    return text.split('\r\n')[1] ?? '';
  } finally {
    socket.destroy();
  }
}

/** Everything that a server sends in a dialog that is sent at once, as by `nc`, up to its end. */
export async function typed(port: number, text: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port });
  let said = '';
  socket.setEncoding('latin1').end(text, 'latin1');
  for await (const chunk of socket) said += String(chunk);
  return said;
}

/** The codes of the replies to the steps; `closed` if there was none. Strings are latin1. */
export async function converse({ port, from, to }: Envelope, { steps }: Exchange): Promise<string[]> {
  const client = await SmtpClient.open(port);
  await client.reply();
  await client.run('EHLO client.example', `MAIL FROM:<${from}> BODY=8BITMIME`, `RCPT TO:<${to}>`);
  const codes: string[] = [];
  for (const step of steps) {
    for (const piece of step) {
      client.send(Buffer.from(piece, 'latin1'));
      if (step.length > 1) await pause();
    }
    codes.push((await client.reply()).slice(0, 3) || 'closed');
  }
  client.destroy();
  return codes;
}

const TRACE = /^(?:(?:Return-Path|X-Original-To|Delivered-To|Received):.*\r\n(?:[ \t].*\r\n)*)+/im;

/** Without the first trace lines; Message-Id and Date without their values. */
export const withoutTrace = (message: string): string =>
  message.replace(TRACE, '').replace(/^(Message-Id|Date): .*$/gim, '$1: -');

/** DATA with its octets: `body` followed by a line with only a dot, in the pieces given. */
export function data(name: string, body: string | readonly string[]): Exchange {
  const pieces = typeof body === 'string' ? [body] : body;
  const whole = pieces.join('');
  return { name, steps: [['DATA\r\n'], [...pieces, whole === '' || whole.endsWith('\r\n') ? '.\r\n' : '\r\n.\r\n']] };
}

/** BDAT, the last chunk with LAST. */
export function bdat(name: string, chunks: readonly string[]): Exchange {
  return {
    name,
    steps: chunks.map((chunk, i) => [`BDAT ${chunk.length}${i === chunks.length - 1 ? ' LAST' : ''}\r\n${chunk}`]),
  };
}
