/** LOGIN (draft-murchison-sasl-login): `Username:`, `Password:`. The user name may be sent with the command. */
import { type ChallengeStep, decodeLogin, MALFORMED, type SaslMechanism, takePassword } from './mechanism.ts';

const USERNAME: ChallengeStep = { kind: 'challenge', data: Buffer.from('Username:') };
const PASSWORD: ChallengeStep = { kind: 'challenge', data: Buffer.from('Password:') };

export const LOGIN: SaslMechanism = {
  name: 'LOGIN',
  flags: ['plaintext'],
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
