/** CRAM-MD5 (RFC 2195): a challenge, then `name HMAC-MD5(password, challenge)`. Whoever listens can guess passwords. */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { hmacMd5 } from './hmac-md5.ts';
import { decodeLogin, MALFORMED, type SaslMechanism, type SaslStep } from './mechanism.ts';

/** The shape that RFC 2195 asks for, without the host's name or its time: nothing of them is needed. */
const freshChallenge = (): string => `<${randomBytes(8).readBigUInt64BE()}.${randomBytes(4).readUInt32BE()}@posthorn>`;

const cramMd5 = (challengeOf: () => string): SaslMechanism => ({
  name: 'CRAM-MD5',
  flags: ['dictionary', 'active'],
  begin() {
    const challenge = Buffer.from(challengeOf());
    let isAsked = false;
    return {
      // An initial response answers nothing: as in Dovecot the challenge comes all the same.
      next(response) {
        if (response !== null && isAsked) return answered(response, challenge);
        isAsked = true;
        return { kind: 'challenge', data: challenge };
      },
    };
  },
});

export const CRAM_MD5 = cramMd5(freshChallenge);

/** @internal */
export const cramMd5With = (challenge: string): SaslMechanism => cramMd5(() => challenge);

function answered(response: Buffer, challenge: Buffer): SaslStep {
  const blank = response.lastIndexOf(0x20);
  const login = decodeLogin(response.subarray(0, Math.max(0, blank)));
  const given = response.subarray(blank + 1).toString('latin1');
  if (login === null || login === '' || !/^[0-9a-f]{32}$/.test(given)) return MALFORMED;
  return {
    kind: 'secret',
    login,
    scheme: 'CRAM-MD5',
    resume(stored) {
      const expected = hmacMd5(stored, challenge);
      const holds = expected !== null && timingSafeEqual(expected, Buffer.from(given, 'hex'));
      return { kind: 'proven', login, holds, final: null };
    },
  };
}
