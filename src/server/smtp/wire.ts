/** What an SMTP session needs of its connection. */
import type { Connection } from '../../bus/hook.ts';
import type { SocketLineConnection } from '../../net/line-connection.ts';

export type Wire = Pick<
  SocketLineConnection,
  | 'id'
  | 'remote'
  | 'local'
  | 'tls'
  | 'channelBinding'
  | 'isGone'
  | 'isCrowded'
  | 'hasInput'
  | 'peek'
  | 'endedWithLf'
  | 'readLine'
  | 'readChunk'
  | 'unread'
  | 'write'
  | 'flush'
  | 'drained'
  | 'startTls'
  | 'setIdleTimeout'
  | 'close'
  | 'destroy'
>;

/** What is known of a client before it says anything, where that is not what the connection shows. */
export interface KnownClient {
  readonly user?: NonNullable<Connection['user']>;
  readonly tls?: NonNullable<Connection['tls']>;
}
