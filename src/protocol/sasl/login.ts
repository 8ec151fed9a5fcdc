/** LOGIN (draft-murchison-sasl-login): `Username:`, `Password:`. The name may come with the command. */
import { decodeField, type SaslMechanism, type SaslStep } from './mechanism.ts';

const USERNAME: SaslStep = { kind: 'challenge', data: Buffer.from('Username:') };
const PASSWORD: SaslStep = { kind: 'challenge', data: Buffer.from('Password:') };
const MALFORMED: SaslStep = { kind: 'malformed', reason: 'bad protocol / cancel' };

export const LOGIN: SaslMechanism = {
  name: 'LOGIN',
  plaintext: true,
  begin() {
    let login: string | null = null;
    return {
      next(response) {
        if (response === null) return USERNAME;
        const text = decodeField(response);
        if (text === null) return MALFORMED;
        if (login !== null) return { kind: 'password', login, password: text };
        if (text === '') return MALFORMED;
        login = text;
        return PASSWORD;
      },
    };
  },
};
