/**
 * A command or file of an alias as the destination of a queue item. No next hop and no transport can make such a text:
 * next hops are in lower case, and the name of a transport has no blank.
 */
import type { LocalTarget } from '../../mail/local-target.ts';

const PREFIX = 'Target ';

/** `delivered`: the address for Delivered-To:. */
export const targetDestination = ({ kind, text, user, source }: LocalTarget, delivered: string): string =>
  `${PREFIX}${JSON.stringify([kind, text, user, source, delivered])}`;

/** Null if the destination is something else. */
export function targetOf(destination: string): { readonly target: LocalTarget; readonly delivered: string } | null {
  if (!destination.startsWith(PREFIX)) return null;
  const [kind, text, user, source, delivered] = JSON.parse(destination.slice(PREFIX.length)) as [
    LocalTarget['kind'],
    string,
    string | null,
    string | null,
    string,
  ];
  return { target: { kind, text, user, source }, delivered };
}
