/** PLAIN (RFC 4616): one response, `authzid NUL authcid NUL password`. */
import { decodeLogin, type SaslMechanism, type SaslStep, takePassword } from './mechanism.ts';

const MALFORMED: SaslStep = { kind: 'malformed', reason: 'bad protocol / cancel' };

export const PLAIN: SaslMechanism = {
  name: 'PLAIN',
  plaintext: true,
  begin: () => ({
    next: (response) => (response === null ? { kind: 'challenge', data: Buffer.alloc(0) } : parse(response)),
  }),
};

function parse(response: Buffer): SaslStep {
  const first = response.indexOf(0);
  const second = first < 0 ? -1 : response.indexOf(0, first + 1);
  if (second < 0) return MALFORMED;
  const authzid = decodeLogin(response.subarray(0, first));
  const login = decodeLogin(response.subarray(first + 1, second));
  const password = takePassword(response.subarray(second + 1));
  if (authzid === null || login === null || password === null || login === '') return MALFORMED;
  // Proxy authorization is not supported: an authorization identity must equal the login.
  if (authzid !== '' && authzid.toLowerCase() !== login.toLowerCase())
    return { kind: 'malformed', reason: 'authorization failure' };
  return { kind: 'password', login, password };
}
