/** A client that sends the same message repeatedly on one connection, and reports how long each took to be accepted. */
import { connect } from 'node:net';

export interface SmtpLoad {
  readonly port: number;
  readonly recipient: string;
  readonly octets: number;
  readonly messages: number;
  /** Lines of the header after From and Subject. */
  readonly header?: readonly string[];
  /** Instead of octets and header: the whole message, without lines that begin with a dot. */
  readonly message?: string;
}

/** Milliseconds from the last octet of each message to its 250. */
export function sendMessages(load: SmtpLoad): Promise<number[]> {
  const { port, recipient, messages } = load;
  const message = `${load.message ?? messageOf(load)}.\r\n`;
  const transaction = ['MAIL FROM:<sender@example.org>', `RCPT TO:<${recipient}>`, 'DATA'];
  return new Promise((resolve, reject) => {
    const times: number[] = [];
    const socket = connect({ host: '127.0.0.1', port });
    let begun = 0;
    let step = -2;
    socket.setNoDelay(true).setEncoding('latin1');
    socket.on('error', reject);
    let text = '';
    socket.on('data', (piece: string) => {
      text += piece;
      // One reply at a time is awaited: its last line has a space after the code.
      if (!/^\d{3} [^\r\n]*\r\n$/m.test(text)) return;
      if (!/^[23]/.test(text)) return reject(new Error(text));
      text = '';
      if (step === transaction.length) {
        times.push(performance.now() - begun);
        step = -1;
      }
      step += 1;
      if (times.length === messages) {
        socket.end('QUIT\r\n');
        resolve(times);
      } else if (step === -1) socket.write('EHLO bench.example\r\n');
      else if (step < transaction.length) socket.write(`${transaction[step]}\r\n`);
      else {
        begun = performance.now();
        socket.write(message);
      }
    });
  });
}

/** The message of a load: so many octets, from sender@example.org. */
export function messageOf({ octets, header = [] }: Pick<SmtpLoad, 'octets' | 'header'>): string {
  const line = `${'A line of plain text. '.repeat(3).trimEnd()}\r\n`;
  const head = `${['From: <sender@example.org>', 'Subject: bench', ...header].join('\r\n')}\r\n\r\n`;
  return `${head}${line.repeat(Math.ceil((octets - head.length) / line.length))}`;
}
