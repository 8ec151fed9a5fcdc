/** A content with its envelope, as it travels to the writer. */
import type { Envelope } from '../../../../mail/envelope.ts';
import type { ContentDraft } from '../../../content.ts';
import type { ContentArgs } from '../calls.ts';

interface Arrival {
  readonly queueId: string;
  readonly arrivedAt: number;
  readonly envelope: Omit<Envelope, 'recipients'>;
}

export function contentArgs({ queueId, arrivedAt, envelope }: Arrival, draft: ContentDraft): ContentArgs {
  const args = {
    queueId,
    arrivedAt: Math.trunc(arrivedAt),
    reversePath: envelope.reversePath,
    ret: envelope.ret,
    envid: envelope.envid,
    smtputf8: Number(envelope.smtputf8),
    body: envelope.body,
  };
  if (draft.kind === 'inline') return { ...args, spool: 0, size: draft.bytes.length, bytes: draft.bytes };
  return { ...args, spool: Number(draft.spool), size: draft.size };
}
