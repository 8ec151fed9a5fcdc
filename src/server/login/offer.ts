/** Which mechanisms a connection may use, and what they may ask about it. */
import type { LineConnection } from '../../net/connection.ts';
import type { ExchangeContext, SaslMechanism } from '../../protocol/sasl/mechanism.ts';

type Connected = Pick<LineConnection, 'channelBinding'>;

/** Without those that have nothing to bind to. */
export const bindable = (among: readonly SaslMechanism[], connection: Connected): readonly SaslMechanism[] =>
  among.some(({ binds }) => binds) && !hasBinding(connection) ? among.filter(({ binds }) => binds !== true) : among;

const hasBinding = (connection: Connected): boolean =>
  ['tls-exporter', 'tls-server-end-point'].some((type) => connection.channelBinding(type) !== null);

export const contextOf = (connection: Connected, offered: readonly SaslMechanism[]): ExchangeContext => ({
  channelBinding: (type) => connection.channelBinding(type),
  offersBinding: offered.some(({ binds }) => binds),
});
