/** Checks of the file: found by the reader, mended by the writer. */
import { messageOf } from '../../../../errors.ts';
import type { Inspection, StoreCheck } from '../../../check.ts';
import { toColumns } from '../../index-columns.ts';
import type { Read, ReaderCalls, WriterCalls } from '../calls.ts';
import { CHECKS } from '../inspections.ts';
import type { Link } from './link.ts';

type Writer = Pick<Link<WriterCalls>, 'call'>;

export const createCheck = (writer: Writer, read: Read): StoreCheck => ({
  ...createCheckReads(read, writer),
  async recount(mailbox) {
    await writer.call('recount', { mailbox: Number(mailbox) });
  },
  putIndex: (content, index) => writer.call('putIndex', { content: Number(content), index: toColumns(index) }),
});

/** Without a writer it finds, and mends nothing. */
export const createCheckReads = (
  read: Read,
  writer: Writer | null = null,
): Pick<StoreCheck, 'inspect' | 'contents'> => ({
  async *inspect({ repair }) {
    for (const [check, { name, mend }] of CHECKS.entries()) {
      const before = await find(read, check);
      if (!repair || writer === null || before.wrong === 0 || mend.length === 0) {
        yield result(name, before, before);
        continue;
      }
      await writer.call('mend', { check });
      yield result(name, before, await find(read, check));
    }
  },
  async *contents() {
    for (let after = 0; ; ) {
      const contents = await read('contentIds', { after });
      const last = contents.at(-1);
      if (last === undefined) return;
      yield contents;
      after = last;
    }
  },
});

type Found = ReaderCalls['inspect']['result'];

/** A damaged file can make a check fail: that is a finding too. */
const find = (read: Read, check: number): Promise<Found> =>
  read('inspect', { check }).catch((error: unknown) => ({
    checked: 0,
    wrong: 1,
    findings: [{ place: 'store.sqlite', problem: messageOf(error) }],
  }));

function result(name: string, { checked, wrong, findings }: Found, after: Found): Inspection {
  const left = new Set(after.findings.map((finding) => JSON.stringify(finding)));
  return {
    name,
    checked,
    wrong,
    mended: wrong - after.wrong,
    findings: findings.map((finding) => ({ ...finding, mended: !left.has(JSON.stringify(finding)) })),
  };
}
