/** PLAIN (RFC 4616): one response, `authzid NUL authcid NUL password`. */
import {
  actsForItself,
  decodeLogin,
  EMPTY_CHALLENGE,
  MALFORMED,
  NOT_AUTHORIZED,
  type SaslMechanism,
  type SaslStep,
  takePassword,
} from './mechanism.ts';

export const PLAIN: SaslMechanism = {
  name: 'PLAIN',
  flags: ['plaintext'],
  begin: () => ({ next: (response) => (response === null ? EMPTY_CHALLENGE : parse(response)) }),
};

function parse(response: Buffer): SaslStep {
  const first = response.indexOf(0);
  const second = first < 0 ? -1 : response.indexOf(0, first + 1);
  if (second < 0) return MALFORMED;
  const authzid = decodeLogin(response.subarray(0, first));
  const login = decodeLogin(response.subarray(first + 1, second));
  const password = takePassword(response.subarray(second + 1));
  if (authzid === null || login === null || password === null || login === '') return MALFORMED;
  return actsForItself(authzid, login) ? { kind: 'password', login, password } : NOT_AUTHORIZED;
}
