/**
 * The effect of a plugin's verdict on the client: the refusal, in Postfix's words if the plugin gave no text, and
 * whether it ends the connection.
 */
import type { Verdict } from '../../bus/hook.ts';
import { readRefusal } from '../../bus/refusal.ts';
import { type Reply, reply } from '../../mail/status.ts';

/** The default refusal text at each hook: what was refused, and what kind of thing it is. */
const SUBJECTS = {
  connect_init: 'Client host',
  connect: 'Client host',
  helo: 'Helo command',
  capabilities: 'Helo command',
  smtp_login: 'Login',
  mail: 'Sender address',
  rcpt: 'Recipient address',
  rcpt_ok: 'Recipient address',
  vrfy: 'Recipient address',
  data: 'Data command',
  etrn: 'Etrn command',
} as const;

export type RefusingHook = keyof typeof SUBJECTS;

export interface Refusal {
  /** Null if the connection ends without a reply. */
  readonly reply: Reply | null;
  readonly disconnect: boolean;
}

/** Null if the verdict accepts the command. `subject`: what the client sent: a name, an address, `DATA`. */
export function refusalOf(hook: RefusingHook, verdict: Verdict, subject: string): Refusal | null {
  const refusal = readRefusal(verdict);
  if (refusal === null) return null;
  const { kind, disconnect } = refusal;
  if (kind === 'silent') return { reply: null, disconnect };
  const text = wording(hook, subject);
  return {
    reply: refusal.reply ?? (kind === 'permanent' ? reply(554, '5.7.1', text) : reply(450, '4.7.1', text)),
    disconnect,
  };
}

const wording = (hook: RefusingHook, subject: string): string =>
  `<${subject}>: ${SUBJECTS[hook]} rejected: Access denied`;
