/** soft_bounce and smtpd_reject_footer. The same dialogs go to a real Postfix in test/interop/checks.test.ts. */
import { describe, expect, it } from 'vitest';
import { reply } from '../../../src/mail/status.ts';
import { allowedCharacters } from '../../../src/protocol/smtp/template.ts';
import { soft, withFooter } from '../../../src/server/smtp/refusal-form.ts';
import { connectionOf } from '../../delivery/house.ts';
import { parametersOf } from '../../kit/parameters.ts';

const ALLOWED = allowedCharacters(parametersOf({}).string('smtpd_expansion_filter'));
const NOW = new Date(2026, 10, 7, 8, 5, 9).getTime();
const REFUSED = reply(554, '5.7.1', '<a@b>: Access denied');
const footer = (template: string, answer = REFUSED): string =>
  withFooter(answer, { footer: template, allowed: ALLOWED }, connectionOf({ helo: 'a$client\\nb' }), NOW).text;

describe('P8: the form of refusals', () => {
  it('soft_bounce makes a final refusal temporary, and leaves other replies alone', () => {
    const form = { softBounce: true, footer: '', allowed: ALLOWED };
    expect(soft(REFUSED, form)).toEqual(reply(454, '4.7.1', '<a@b>: Access denied'));
    expect(soft(reply(450, '4.7.1', 'x'), form)).toEqual(reply(450, '4.7.1', 'x'));
    expect(soft(reply(250, '2.0.0', 'Ok'), form)).toEqual(reply(250, '2.0.0', 'Ok'));
    expect(soft(REFUSED, { ...form, softBounce: false })).toBe(REFUSED);
  });

  it('smtpd_reject_footer follows a refusal, on lines of its own or in the same', () => {
    expect(footer('call $client_name\\nor write')).toBe('<a@b>: Access denied\ncall client.example\nor write');
    expect(footer('\\c. At $localtime: $client $$5')).toBe(
      '<a@b>: Access denied. At Nov  7 08:05:09: client.example[127.0.1.77] $5',
    );
    expect(footer('x', reply(250, '2.0.0', 'Ok'))).toBe('Ok');
    expect(footer('')).toBe(REFUSED.text);
  });

  it('what a client says adds neither lines nor names to the footer', () => {
    expect(footer('$helo_name')).toBe('<a@b>: Access denied\na$client\\nb');
  });

  it('what is not in smtpd_expansion_filter becomes _', () => {
    const form = { footer: '$client_name is $helo_name', allowed: allowedCharacters('a-e\\40') };
    expect(withFooter(REFUSED, form, connectionOf({ helo: 'a b\u00e9' }), NOW).text).toContain(
      '\n___e___e_a___e is a __',
    );
  });
});
