/** What `sendmail` reads: the message on standard input, and addresses in its header and on the command line. */
import { quoteLocalPart } from '../../mail/local-part.ts';
import { isGroup, type Mailbox, parseAddressList } from '../../protocol/mime/address-list.ts';
import { MAX_HEADER_SIZE, parseHeader } from '../../protocol/mime/header.ts';

/** The octets up to a line that is a dot alone, or to the end of the input. */
export async function* untilDot(input: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  // What may be the beginning of the end is kept back; so is a line end in front of the input, which is not of it.
  let held: Buffer = Buffer.from('\n');
  let foreign = 1;
  for await (const chunk of input) {
    const text = Buffer.concat([held, chunk]);
    const latin1 = text.toString('latin1');
    const end = /\n\.\r?\n/.exec(latin1)?.index;
    if (end !== undefined) {
      yield text.subarray(foreign, end + 1);
      return;
    }
    const from = text.length - (/\n(?:\.\r?)?$/.exec(latin1.slice(-3))?.[0].length ?? 0);
    yield text.subarray(foreign, from);
    held = text.subarray(from);
    foreign = Math.max(0, foreign - from);
  }
  yield held.subarray(foreign, 1);
}

/** The header with what follows it in the same pieces, and the rest, to be read once. */
export async function splitHeader(
  input: AsyncIterable<Buffer>,
): Promise<{ readonly start: Buffer; readonly rest: AsyncIterable<Buffer> }> {
  const pieces = input[Symbol.asyncIterator]();
  const gathered: Buffer[] = [];
  let octets = 0;
  for (let tail = '\n'; octets < MAX_HEADER_SIZE; ) {
    const { done, value } = await pieces.next();
    if (done === true) break;
    gathered.push(value);
    octets += value.length;
    tail += value.toString('latin1');
    if (/\n\r?\n/.test(tail)) break;
    tail = tail.slice(-2);
  }
  const start = Buffer.concat(gathered);
  // The line of an mbox file before a message.
  const mbox = /^>?From [^\n]*\n/.exec(start.toString('latin1', 0, 1024))?.[0].length ?? 0;
  return { start: start.subarray(mbox), rest: { [Symbol.asyncIterator]: () => pieces } };
}

/** The addresses of To, Cc and Bcc; of a resent message, those of the Resent- fields. */
export function recipientsOf(start: Buffer): string[] {
  const header = parseHeader(start);
  const isResent = header.fields.some(({ name }) => /^resent-/i.test(name));
  const prefix = isResent ? 'Resent-' : '';
  return ['To', 'Cc', 'Bcc'].flatMap((name) => header.all(`${prefix}${name}`)).flatMap(addressesOf);
}

/** The addresses of a list such as `a@example.com, B <b>`, groups opened. What is no address is left out. */
export function addressesOf(list: string): string[] {
  const entries = parseAddressList(Buffer.from(list).toString('latin1'));
  return entries.flatMap((entry) => (isGroup(entry) ? entry.members : [entry])).flatMap(addressOf);
}

function addressOf({ local, domain }: Mailbox): string[] {
  if (local === '') return [];
  const text = (latin1: string): string => Buffer.from(latin1, 'latin1').toString();
  const whole = quoteLocalPart(text(local));
  return [domain === '' ? whole : `${whole}@${text(domain)}`];
}
