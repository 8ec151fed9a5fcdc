/** The end of a command: the tagged status response (RFC 9051 section 7.1). */
import { encodeMailboxName } from '../../protocol/imap/modified-utf7.ts';
import { MailboxError } from '../../store/mailboxes.ts';
import { StoreFullError, StoreUnavailableError } from '../../store/store.ts';

export interface Completion {
  readonly status: 'OK' | 'NO' | 'BAD';
  /** Response code without its brackets; '' if there is none. */
  readonly code: string;
  readonly text: string;
  /** Runs once the response is queued (STARTTLS). */
  readonly after?: () => Promise<void>;
}

export const ok = (text: string, code = ''): Completion => ({ status: 'OK', code, text });
export const no = (text: string, code = ''): Completion => ({ status: 'NO', code, text });
export const bad = (text: string, code = ''): Completion => ({ status: 'BAD', code, text });

/** `OK [CODE] text`, without tag and CRLF. */
export const formatCompletion = ({ status, code, text }: Completion): string =>
  `${status} ${code === '' ? '' : `[${code}] `}${text}`;

/** No mailbox has that name (Unicode); `code` tells the client what it can do about it. */
export const noMailbox = (name: string, code: 'NONEXISTENT' | 'TRYCREATE' = 'NONEXISTENT'): Completion =>
  no(`Mailbox doesn't exist: ${encodeMailboxName(name)}.`, code);

const CODES: Readonly<Record<MailboxError['reason'], string>> = {
  nonexistent: 'NONEXISTENT',
  alreadyexists: 'ALREADYEXISTS',
  cannot: 'CANNOT',
  overquota: 'OVERQUOTA',
  limit: 'LIMIT',
};

/** Maps a refusal by the store to a response; null for our own errors. */
export function refusal(error: unknown): Completion | null {
  if (error instanceof MailboxError) return no(sentence(error.message), CODES[error.reason]);
  if (error instanceof StoreFullError) return no('There is no room to store this now, try again later.', 'UNAVAILABLE');
  return error instanceof StoreUnavailableError
    ? no('The mail store cannot be reached now, try again later.', 'UNAVAILABLE')
    : null;
}

/** Printable US-ASCII, as required for the text of a response. */
const sentence = (text: string): string =>
  `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/[^\x20-\x7e]+/g, '?')}.`;
