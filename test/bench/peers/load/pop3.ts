/** POP3 load: RETR, one at a time or pipelined; answers counted by their final lines. */
import { type Load, type Pop3Job, repeat, target } from './job.ts';
import { Wire } from './wire.ts';

const LAST_LINE = Buffer.from('\r\n.\r\n');

async function line(wire: Wire, text: string): Promise<void> {
  if (text !== '') wire.write(`${text}\r\n`);
  await wire.until((end) => {
    if (end.includes('\r\n-ERR')) throw new Error(`${text}: ${end}`);
    return end.includes('\r\n+OK');
  });
}

/** RETR of `first` to `last`; resolves with the octets when all have arrived. */
function retrieve(wire: Wire, first: number, last: number): Promise<number> {
  const before = wire.octets;
  let missing = last - first + 1;
  let carry: Buffer = Buffer.alloc(0);
  wire.write(Array.from({ length: missing }, (_, i) => `RETR ${first + i}\r\n`).join(''));
  const answered = new Promise<number>((resolve) =>
    wire.read((chunk) => {
      const text = carry.length === 0 ? chunk : Buffer.concat([carry, chunk]);
      for (let at = text.indexOf(LAST_LINE); at !== -1; at = text.indexOf(LAST_LINE, at + 3)) missing -= 1;
      // A last line's end is also what the next answer's beginning needs; four octets are never a whole one.
      carry = text.subarray(-(LAST_LINE.length - 1));
      if (missing === 0) resolve(wire.octets - before);
    }),
  );
  return answered.finally(() => wire.read(null));
}

export const runPop3 = (job: Pop3Job): Promise<Load> =>
  repeat(job, async () => {
    const wire = await Wire.open(target(job));
    await line(wire, '');
    await line(wire, `USER ${job.user}`);
    await line(wire, `PASS ${job.password}`);
    let next = 1;
    return {
      turn: async () => {
        const last = Math.min(next + job.window - 1, job.messages);
        const octets = await retrieve(wire, next, last);
        const units = last - next + 1;
        next = last === job.messages ? 1 : last + 1;
        return { units, octets };
      },
      close: () => wire.close(),
    };
  });
