/** debug_peer_list for servers that mail is sent to: the dialog with them in the log, as in Postfix. */
import { messageOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { DebugPeers } from '../../lookup/debug-peers.ts';
import { type Peer, peerPlace } from './peer-outcome.ts';

/** Hears what is said in a session: `>` is ours, `<` the server's. No passwords are among it. */
export type Listener = (side: '<' | '>', line: string) => void;

const LONGEST_LINE = 2_000;

/** Null if the peer is not in the list. Never rejects. */
export async function listenerOf(peer: Peer, debugPeers: DebugPeers | null, log: Log): Promise<Listener | null> {
  if (debugPeers === null) return null;
  try {
    const listed =
      (await debugPeers.isListed(peer.ip, peer.name)) || (await debugPeers.isListed(peer.ip, peer.nexthop.host));
    if (!listed) return null;
  } catch (error) {
    log.warn({ destination: peer.destination }, `debug_peer_list: ${messageOf(error)}`);
    return null;
  }
  const place = peerPlace(peer);
  return (side, line) =>
    log.info(
      { destination: peer.destination },
      `${side} ${place}: ${line.replace(/[\0-\x1f\x7f]/g, '?')}`.slice(0, LONGEST_LINE),
    );
}
