/** What is played with both: houses with their services, and the dialogs with each. */
import type { Dialog, House } from './sides.ts';

export interface Cases {
  readonly house: House;
  readonly dialogs: readonly Dialog[];
}

export const MESSAGE = 'Subject: s\r\n\r\nbody\r\n.';
export const EHLO = 'EHLO client.example';
export const MAIL = 'MAIL FROM:<a@sender.test>';
export const RCPT = 'RCPT TO:<xixi@ours.test>';

/** A whole message: what the parts do not name is usual. */
export const mail = (parts: { helo?: string; mail?: string; rcpt?: readonly string[] } = {}): string[] => [
  parts.helo ?? EHLO,
  parts.mail ?? MAIL,
  ...(parts.rcpt ?? [RCPT]),
  'DATA',
  MESSAGE,
  'QUIT',
];
