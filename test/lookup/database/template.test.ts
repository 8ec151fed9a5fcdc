import { describe, expect, test } from 'vitest';
import { Template } from '../../../src/lookup/database/template.ts';

const quote = (text: string): string => text.replaceAll("'", "''");

describe('P5: templates of database tables', () => {
  test.each([
    ["a = '%s'", "o'b@x", "a = 'o''b@x'"],
    ['%u at %d', 'a@b@c.d', 'a@b at c.d'],
    ['%U at %D', 'a@c.d', 'a at c.d'],
    ['%u', 'a', 'a'],
    ['%u', '@x', undefined],
    ['%d', 'a', undefined],
    ['%d', 'a@', undefined],
    ['%1.%2', 'a@b.c.d', 'd.c'],
    ['%3', 'a@b.c', undefined],
    ['%1', 'b.c', undefined],
    ['100%% %s', 'a', '100% a'],
    ['%s', '', undefined],
  ])('a query %s for "%s" is %s', (text, key, query) => {
    expect(new Template(text).expand(key, key, quote)).toBe(query);
  });

  test.each([
    ['%s for %S', 'k@x', 'v', 'v for k@x'],
    ['%d of %D', 'k@x', 'v@w', 'w of x'],
    ['%d', 'k@x', 'v', undefined],
    ['%u', 'k@x', '@w', undefined],
    ['%1', 'k@x.y', 'v', 'y'],
    ['%s', 'k', '', undefined],
  ])('a result_format %s for the key "%s" and the result "%s" is %s', (text, key, value, result) => {
    expect(new Template(text).expand(key, value, (part) => part)).toBe(result);
  });

  test('only what is taken from the key decides whether there is a query at all', () => {
    expect([new Template('%d %u').fits('a'), new Template('%D').fits('a'), new Template('%2').fits('a@b')]).toEqual([
      true,
      false,
      false,
    ]);
  });

  test.each(['%x', '%0', 'a %'])('"%s" is refused', (text) => {
    expect(() => new Template(text)).toThrow('expected %s, %u, %d');
  });
});
