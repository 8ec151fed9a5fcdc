/** How a command ends: the tagged status response (RFC 9051 section 7.1). */
import { encodeMailboxName } from '../../protocol/imap/modified-utf7.ts';
import { MailboxError } from '../../store/mailboxes.ts';
import { StoreFullError } from '../../store/store.ts';

export interface Completion {
  readonly status: 'OK' | 'NO' | 'BAD';
  /** Response code without its brackets; '' where there is none. */
  readonly code: string;
  readonly text: string;
  /** Done once the response is queued (STARTTLS). */
  readonly after?: () => Promise<void>;
}

export const ok = (text: string, code = ''): Completion => ({ status: 'OK', code, text });
export const no = (text: string, code = ''): Completion => ({ status: 'NO', code, text });
export const bad = (text: string, code = ''): Completion => ({ status: 'BAD', code, text });

/** `OK [CODE] text`, without tag and CRLF. */
export const formatCompletion = ({ status, code, text }: Completion): string =>
  `${status} ${code === '' ? '' : `[${code}] `}${text}`;

/** There is no mailbox of that name (Unicode); `code` says what the client may do about it. */
export const noMailbox = (name: string, code: 'NONEXISTENT' | 'TRYCREATE' = 'NONEXISTENT'): Completion =>
  no(`Mailbox doesn't exist: ${encodeMailboxName(name)}.`, code);

const CODES: Readonly<Record<MailboxError['reason'], string>> = {
  nonexistent: 'NONEXISTENT',
  alreadyexists: 'ALREADYEXISTS',
  cannot: 'CANNOT',
  overquota: 'OVERQUOTA',
  limit: 'LIMIT',
};

/** A refusal by the store in the protocol's words; null for errors that are ours. */
export function refusal(error: unknown): Completion | null {
  if (error instanceof MailboxError) return no(sentence(error.message), CODES[error.reason]);
  return error instanceof StoreFullError
    ? no('There is no room to store this now, try again later.', 'UNAVAILABLE')
    : null;
}

/** Printable US-ASCII, as the text of a response has to be. */
const sentence = (text: string): string =>
  `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/[^\x20-\x7e]+/g, '?')}.`;
