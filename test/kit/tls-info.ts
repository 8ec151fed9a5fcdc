/** What a handshake agreed on, for tests that make none. */
import type { TlsInfo } from '../../src/net/connection.ts';

export const TLS_INFO: TlsInfo = {
  protocol: 'TLSv1.3',
  cipher: 'TLS_AES_256_GCM_SHA384',
  bits: 256,
  serverName: '',
  chosenBy: '',
  isAsked: false,
  peer: null,
};
