/** The XFORWARD commands (XFORWARD_README) that tell a server of whom the next message is, as Postfix's client sends them. */
import type { ClientOrigin } from '../../mail/client-origin.ts';
import { encodeXtext } from '../../protocol/smtp/xtext.ts';
import type { ForwardingCommand } from './smtp-session.ts';
import type { ForwardingStage } from './smtp-session-fault.ts';

/** The attributes by their names in XFORWARD; null: not known. */
export const attributesOf = (origin: ClientOrigin): Readonly<Record<string, string | null>> => ({
  NAME: origin.name ?? null,
  ADDR: origin.address ?? null,
  PORT: origin.port ?? null,
  PROTO: origin.protocol ?? null,
  HELO: origin.helo ?? null,
  IDENT: origin.ident ?? null,
  SOURCE: origin.source,
});

/** A command for each. */
const COMMANDS: Readonly<Record<ForwardingStage, readonly string[]>> = {
  'XFORWARD name': ['NAME', 'ADDR', 'PORT'],
  'XFORWARD helo': ['PROTO', 'HELO', 'IDENT', 'SOURCE'],
};

/** What is not known is left out. `offered`: the attributes that the server's reply to EHLO names. */
export function xforwardCommands(
  origin: ClientOrigin | undefined,
  offered: ReadonlySet<string>,
): readonly ForwardingCommand[] {
  if (origin === undefined || offered.size === 0) return [];
  const attributes = attributesOf(origin);
  return (Object.keys(COMMANDS) as ForwardingStage[]).flatMap((stage): ForwardingCommand[] => {
    const words = COMMANDS[stage].flatMap((name) => {
      const value = attributes[name];
      return value == null || !offered.has(name) ? [] : [` ${name}=${encodeXtext(value)}`];
    });
    return words.length === 0 ? [] : [[stage, `XFORWARD${words.join('')}`]];
  });
}
