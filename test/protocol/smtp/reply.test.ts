import fc from 'fast-check';
import { expect, it } from 'vitest';
import { reply } from '../../../src/mail/status.ts';
import { encodeReply } from '../../../src/protocol/smtp/reply.ts';

it('a multiline reply has its codes on each line', () => {
  expect(encodeReply(reply(550, '5.7.1', 'a\nb'))).toBe('550-5.7.1 a\r\n550 5.7.1 b\r\n');
  expect(encodeReply(reply(334, '', ''))).toBe('334 \r\n');
});

it('no text can inject a second reply', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const encoded = encodeReply(reply(250, '2.0.0', text));
      expect(encoded.endsWith('\r\n')).toBe(true);
      for (const line of encoded.slice(0, -2).split(/[\r\n]+/)) expect(line).toMatch(/^250[- ]2\.0\.0 /);
    }),
  );
});
