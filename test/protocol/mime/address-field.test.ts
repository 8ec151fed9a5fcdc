/** Fields with addresses, taken apart and put together: the expected texts are what Postfix 3.7 makes of them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAddressField } from '../../../src/protocol/mime/address-field.ts';

const rewritten = (field: string): string => {
  const parsed = parseAddressField(field);
  return parsed.format(
    parsed.addresses.map((address) => address.replace(/^.*@lan\.example$/i, 'all@isp.example').replace(/^r$/, 'r@o')),
  );
};

describe('P11: a field with addresses', () => {
  it.each([
    ['From: a@LAN.example', 'From: all@isp.example'],
    ['From: "Joe ""Q\\" R" <a@lan.example>', 'From: "Joe " "Q\\" R" <all@isp.example>'],
    ['To: r, <r>, "a b"@lan.example,   x@y', 'To: r@o, <r@o>, all@isp.example, x@y'],
    ['To: <>, (only comment), undisclosed-recipients:;', 'To: <>, (only comment), undisclosed-recipients: ;'],
    ['To: group: r, a@lan.example;, <@r1,@r2:a@lan.example>', 'To: group: r@o, all@isp.example;, <all@isp.example>'],
    ['To: a@lan.example (c1) (c2), (c0) a@lan.example', 'To: all@isp.example (c1) (c2), all@isp.example (c0)'],
    ['To: a . b @ lan . example, Dr. X <a@lan.example>', 'To: all@isp.example, Dr.X <all@isp.example>'],
    ['To: <a@lan.example> tail, q a@lan.example', 'To: <all@isp.example>, tail, q, all@isp.example'],
    ['Reply-To: a@lan.example;b@lan.example', 'Reply-To: all@isp.example;, all@isp.example'],
    ['Sender: Joe (a) Doe (b) < (c) a@lan.example (d) > (e)', 'Sender: Joe (a) Doe (b) <all@isp.example (c) (d)>(e)'],
    ['Errors-To: <a@lan.example', 'Errors-To: all@isp.example'],
    ['To: a@lan.example,,b@lan.example,', 'To: all@isp.example, , all@isp.example, '],
    ['To: a@lan.example>', 'To: all@isp.example>'],
    ['To: u@[1.2.3.4],\n\tx@y', 'To: u@[1.2.3.4], x@y'],
    [
      'To: a@b, "Q, R" <x@y.example>,   Joe Doe <joe@host.dom.example> , joe@origin.example (comment)',
      'To: a@b, "Q, R" <x@y.example>, Joe Doe <joe@host.dom.example>,\n\tjoe@origin.example (comment)',
    ],
  ])('%s', (field, expected) => {
    expect(rewritten(field)).toBe(expected);
  });

  it('any text is taken apart, and a result is taken apart alike', () => {
    const piece = fc.constantFrom(...'ab@<>,;:."()[] \t\\'.split(''), '\n ', '"x"', '(c)', '<a@b>', '\xfc');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const { addresses, format } = parseAddressField(`To: ${pieces.join('')}`);
        expect(typeof format(addresses)).toBe('string');
      }),
      { numRuns: 3000 },
    );
  });

  it('hostile text takes linear time', () => {
    for (const unit of ['"\\', '(', '<a,', '<', '[', 'a ', '@', ':', ';', '"a" '])
      parseAddressField(`To: ${unit.repeat(100_000 / unit.length)}`);
  });
});
