/** Does to the server's message what plugins did to Haraka's transaction. */
import type { MessageChange, ReceivedTransaction } from '../../src/bus/plugin.ts';
import type { Changes } from './messages.ts';

export interface Changed {
  readonly transaction: ReceivedTransaction;
  readonly change: MessageChange;
  /** Of the body that plugins left; null at its end. */
  readonly nextPiece: () => Promise<Uint8Array | null>;
}

export async function applyChanges(changes: Changes, { transaction, change, nextPiece }: Changed): Promise<void> {
  if (changes.isBodyChanged)
    await change.replaceBody(async function* () {
      for (let piece = await nextPiece(); piece !== null; piece = await nextPiece()) yield piece;
    });
  for (const name of changes.removed) change.removeHeader(name);
  for (const field of changes.trailing) {
    const colon = field.indexOf(':');
    change.addHeader(field.slice(0, colon), field.slice(colon + 1).trimStart());
  }
  transaction.prepend.push(...changes.leading);
  if (changes.from !== null) transaction.reversePath = changes.from;
  if (changes.recipients === null) return;
  if (changes.recipients.length > 0) transaction.redirect = changes.recipients;
  else transaction.discard = "Haraka's plugins left no recipient";
}
