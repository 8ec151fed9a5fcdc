/**
 * OAUTHBEARER (RFC 7628) and XOAUTH2 (Google's, also Microsoft's): the client sends an access token. If it is refused,
 * the client hears why in JSON and answers once more before the exchange fails. Answers are those of Dovecot 2.3.
 */

import { parseGs2Header } from './gs2-header.ts';
import { decodeLogin, EMPTY_CHALLENGE, MALFORMED, type SaslMechanism, type SaslStep } from './mechanism.ts';

/** Octets of a token: as much as a line of the protocols holds. */
const LONGEST = 8192;

interface Form {
  readonly name: string;
  /** The user's name, and where the fields begin, separated by ^A; null if it is malformed. */
  start(message: string): { readonly login: string; readonly fields: string } | null;
  readonly refusal: object;
}

const XOAUTH2_FORM: Form = {
  name: 'XOAUTH2',
  start(message) {
    const user = /(?:^|\x01)user=([^\x01]*)/.exec(message)?.[1];
    const login = user === undefined ? null : decodeLogin(Buffer.from(user, 'latin1'));
    return login === null ? null : { login, fields: message };
  },
  refusal: { status: '401', schemes: 'bearer', scope: 'mail' },
};

const OAUTHBEARER_FORM: Form = {
  name: 'OAUTHBEARER',
  start(message) {
    const header = parseGs2Header(message);
    // The name is needed, as in Dovecot: tokens may be good for several users.
    if (header === null || header.flag === 'p') return null;
    return { login: header.authzid, fields: message.slice(header.octets.length) };
  },
  refusal: { status: 'invalid_token' },
};

const oauth = (form: Form): SaslMechanism => ({
  name: form.name,
  // Whoever hears a token can use it.
  flags: ['plaintext'],
  begin: () => ({ next: (response) => (response === null ? EMPTY_CHALLENGE : parse(form, response)) }),
});

export const XOAUTH2 = oauth(XOAUTH2_FORM);
export const OAUTHBEARER = oauth(OAUTHBEARER_FORM);

function parse(form: Form, response: Buffer): SaslStep {
  const message = response.toString('latin1');
  const start = message.length > 2 * LONGEST ? null : form.start(message);
  // RFC 6750 section 2.1: b64token.
  const token = /(?:^|\x01)auth=bearer ([\w.~+/-]+=*)(?:\x01|$)/i.exec(start?.fields ?? '')?.[1];
  if (start === null || start.login === '' || token === undefined || token.length > LONGEST) return MALFORMED;
  return {
    kind: 'token',
    login: start.login,
    token,
    refusal: (configuration) =>
      Buffer.from(
        JSON.stringify({
          ...form.refusal,
          ...(configuration === '' ? {} : { 'openid-configuration': configuration }),
        }),
      ),
  };
}
