import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseMailParameters, parseRecipientParameters } from '../../../src/protocol/smtp/esmtp-parameters.ts';
import { decodeXtext } from '../../../src/protocol/smtp/xtext.ts';

const ON = { dsn: true, smtputf8: true };

describe('parameters of MAIL', () => {
  it('P16: are kept as the client wrote them', () => {
    expect(parseMailParameters(' SIZE=12 body=8bitmime SMTPUTF8 RET=hdrs ENVID=a+2Bb AUTH=<>', ON)).toEqual({
      size: 12,
      body: '8BITMIME',
      smtputf8: true,
      ret: 'HDRS',
      envid: 'a+2Bb',
      auth: '<>',
      verp: '',
    });
    expect(parseMailParameters('', ON)).toMatchObject({ size: 0, body: '7BIT' });
  });

  it.each([
    ['SIZE=abc', '501 Bad message size syntax'],
    ['SIZE', '555 Unsupported option: SIZE'],
    ['SIZE=', '501 Bad message size syntax'],
    ['SIZE=99999999999999999999', '552 Message size exceeds file system imposed limit'],
    ['BODY=BINARYMIME', '555 Unsupported option: BODY=BINARYMIME'],
    ['SMTPUTF8=1', '555 Unsupported option: SMTPUTF8=1'],
    ['RET=FOO', '501 Bad RET parameter syntax'],
    ['RET=FULL RET=HDRS', '501 Bad RET parameter syntax'],
    ['ENVID=a+zz', '501 Bad ENVID parameter syntax'],
    ['ENVID=a+0Ab', '501 Bad ENVID parameter syntax'],
    ['ENVID=', '501 Bad ENVID parameter syntax'],
    ['AUTH=a=b', '501 Bad AUTH parameter syntax'],
    ['__proto__=1', '555 Unsupported option: __proto__=1'],
    ['x', '555 Unsupported option: x'],
  ])('refuses %s', (text, expected) => {
    const answer = parseMailParameters(` ${text}`, ON);
    expect('code' in answer && `${answer.code} ${answer.text}`).toBe(expected);
  });
});

describe('parameters of RCPT', () => {
  it('P16: NOTIFY and ORCPT', () => {
    expect(parseRecipientParameters(' NOTIFY=success,Delay ORCPT=rfc822;a+2Bb@c', ON)).toEqual({
      notify: ['SUCCESS', 'DELAY'],
      orcpt: 'rfc822;a+2Bb@c',
    });
    expect(parseRecipientParameters(' NOTIFY=success,SUCCESS ORCPT=rfc822;', ON)).toEqual({
      notify: ['SUCCESS'],
      orcpt: 'rfc822;',
    });
  });

  it.each([
    'NOTIFY=FOO',
    'NOTIFY=',
    'NOTIFY=NEVER,SUCCESS',
    'NOTIFY=DELAY NOTIFY=DELAY',
    'ORCPT=foo',
    'ORCPT=rfc822;a+zz',
    'ORCPT=;a',
  ])('refuses %s', (text) => {
    const answer = parseRecipientParameters(` ${text}`, ON);
    expect('code' in answer && answer.text).toMatch(/^Error: Bad (NOTIFY|ORCPT) parameter syntax$/);
  });
});

describe('xtext', () => {
  it('decodes exactly what can be encoded', () => {
    const encode = (text: string): string =>
      text.replace(/[^!-*,-<>-~]/g, (c) => `+${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (octets) => {
        const text = Buffer.from(octets).toString('latin1');
        expect(decodeXtext(encode(text))).toBe(text);
      }),
    );
    for (const bad of ['a b', 'a=b', '+', '+4', 'ä']) expect(decodeXtext(bad)).toBeNull();
  });
});
