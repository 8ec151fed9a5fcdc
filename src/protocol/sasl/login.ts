/** LOGIN (draft-murchison-sasl-login): `Username:`, `Password:`. The user name may be sent with the command. */
import { decodeLogin, type SaslMechanism, type SaslStep, takePassword } from './mechanism.ts';

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
        if (login !== null) {
          const password = takePassword(response);
          return password === null ? MALFORMED : { kind: 'password', login, password };
        }
        const name = decodeLogin(response);
        if (name === null || name === '') return MALFORMED;
        login = name;
        return PASSWORD;
      },
    };
  },
};
