/** Acceptances for tests: small messages whose parts can be told apart. */
import type { Id } from '../../src/mail/account.ts';
import type { MessageIndex } from '../../src/mail/message.ts';
import type { QueueItemDraft } from '../../src/store/queue.ts';
import type { Acceptance, LocalDelivery } from '../../src/store/store.ts';

export function sampleIndex(subject: string, octets: number): MessageIndex {
  return {
    envelope: `("Fri, 20 Nov 2026 22:00:00 +0000" "${subject}" (("A" NIL "a" "example.org")) NIL NIL NIL NIL NIL NIL "<${subject}@example.org>")`,
    bodyStructure: `("text" "plain" ("charset" "utf-8") NIL NIL "7bit" ${octets} 1 NIL NIL NIL NIL)`,
    root: {
      type: 'text',
      subtype: 'plain',
      parameters: [['charset', 'utf-8']],
      id: null,
      description: null,
      encoding: '7bit',
      md5: null,
      disposition: null,
      language: null,
      location: null,
      headerStart: 0,
      bodyStart: 10,
      bodyEnd: octets,
      lines: 1,
      parts: [],
      envelope: null,
    },
    sentAt: 1_795_000_000_000,
    messageId: `<${subject}@example.org>`,
    search: { subject, from: 'a@example.org', to: '', cc: '', bcc: '' },
  };
}

export interface SampleOptions {
  readonly bytes?: Uint8Array;
  readonly deliveries?: readonly LocalDelivery[];
  readonly queued?: readonly QueueItemDraft[];
}

export function sampleAcceptance(queueId: string, options: SampleOptions = {}): Acceptance {
  const bytes = options.bytes ?? Buffer.from(`Subject: ${queueId}\r\n\r\nbody of ${queueId}\r\n`);
  return {
    queueId,
    arrivedAt: 1_795_000_001_000,
    envelope: { reversePath: 'sender@example.org', ret: '', envid: '', smtputf8: false, body: '8BITMIME' },
    content: { kind: 'inline', bytes },
    index: sampleIndex(queueId, bytes.length),
    deliveries: options.deliveries ?? [],
    queued: options.queued ?? [],
  };
}

export function toInbox(account: Id, flags: readonly string[] = []): LocalDelivery {
  return {
    account,
    mailbox: { name: 'INBOX' },
    prefix: 'Delivered-To: a@example.org\r\n',
    flags,
    internalDate: 1_795_000_002_000,
  };
}

export function queuedFor(
  recipient: string,
  destination = recipient.slice(recipient.indexOf('@') + 1),
): QueueItemDraft {
  return {
    recipient,
    original: recipient,
    notify: ['FAILURE'],
    orcpt: `rfc822;${recipient}`,
    destination,
    state: 'incoming',
  };
}
