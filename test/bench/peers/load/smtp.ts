/**
 * SMTP load: MAIL, RCPT and DATA in one packet as mail servers send them; a message counts once its 250 has arrived.
 */
import { sample } from '../corpus.ts';
import { type Load, repeat, type SmtpJob, target } from './job.ts';
import { Wire } from './wire.ts';

async function say(wire: Wire, text: string | Buffer, wanted: string): Promise<void> {
  wire.write(text);
  await answer(wire, wanted);
}

/** Waits for the reply that starts with `wanted`, skipping any earlier replies except refusals. */
const answer = (wire: Wire, wanted: string): Promise<void> =>
  wire.until((end) => {
    const refusal = /\r\n[45]\d\d[ -].*/.exec(end);
    if (refusal !== null) throw new Error(refusal[0].trim());
    return end.includes(`\r\n${wanted} `);
  });

async function open(job: SmtpJob, account: string): Promise<Wire> {
  const wire = await Wire.open(target(job));
  await answer(wire, '220');
  await say(wire, 'EHLO load.bench.example\r\n', '250');
  if (job.startTls) {
    await say(wire, 'STARTTLS\r\n', '220');
    await wire.startTls();
    await say(wire, 'EHLO load.bench.example\r\n', '250');
  }
  if (job.password !== null) {
    const response = Buffer.from(`\0${account}\0${job.password}`).toString('base64');
    await say(wire, `AUTH PLAIN ${response}\r\n`, '235');
  }
  return wire;
}

export async function runSmtp(job: SmtpJob): Promise<Load> {
  const message = Buffer.from(`${sample(1, job.octets).replace(/^\./gm, '..')}.\r\n`, 'latin1');
  let sent = 0;
  const send = async (wire: Wire): Promise<void> => {
    const to = `u${sent % job.accounts}@${job.domain}`;
    sent += 1;
    const sender = job.password === null ? 'sender@example.org' : `u0@${job.domain}`;
    await say(wire, `MAIL FROM:<${sender}>\r\nRCPT TO:<${to}>\r\nDATA\r\n`, '354');
    await say(wire, message, '250');
  };
  return repeat(job, async (connection) => {
    const account = `u${connection}@${job.domain}`;
    if (job.password === null) {
      const wire = await open(job, account);
      return {
        turn: async () => {
          await send(wire);
          return { units: 1, octets: message.length };
        },
        close: () => wire.close(),
      };
    }
    return {
      turn: async () => {
        const wire = await open(job, account);
        await send(wire);
        await say(wire, 'QUIT\r\n', '221');
        wire.close();
        return { units: 1, octets: message.length };
      },
      close: () => {},
    };
  });
}
