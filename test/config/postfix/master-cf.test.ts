import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseEndpoint, parseMasterCf } from '../../../src/config/postfix/master-cf.ts';
import { serverRows } from '../../../src/config/postfix/services.ts';

describe('P3: master.cf', () => {
  test('rows have their -o values in each of the three forms, with lines', () => {
    const { rows, faults } = parseMasterCf(
      [
        'submission inet n - n - 20 smtpd',
        '  -o smtpd_tls_security_level=encrypt -v',
        '  -o { smtpd_client_restrictions = permit_sasl_authenticated, reject }',
        '# comment',
        '  -osmtpd_sasl_auth_enable=yes',
      ].join('\n'),
      'master.cf',
    );
    expect(faults).toEqual([]);
    expect(rows[0]?.maxProcesses).toBe(20);
    expect(rows[0]?.overrides).toEqual([
      { name: 'smtpd_tls_security_level', value: 'encrypt', line: 2 },
      { name: 'smtpd_client_restrictions', value: 'permit_sasl_authenticated, reject', line: 3 },
      { name: 'smtpd_sasl_auth_enable', value: 'yes', line: 5 },
    ]);
  });

  test('only smtpd on internet sockets is used; a commented row is off; postscreen replaces the smtpd behind it', () => {
    const { rows } = parseMasterCf(
      [
        '#smtp inet n - n - - smtpd',
        'pickup unix n - n 60 1 pickup',
        'smtp inet n - n - 1 postscreen',
        'smtpd pass - - n - - smtpd',
        ' -o smtpd_helo_required=yes',
        '2525 inet n - n - - smtpd',
      ].join('\n'),
      'master.cf',
    );
    expect(serverRows(rows).map((row) => [row.service, row.overrides.length])).toEqual([
      ['smtp', 1],
      ['2525', 0],
    ]);
  });

  test.each([
    ['smtp', undefined, 25],
    ['submission', undefined, 587],
    ['submissions', undefined, 465],
    ['smtps', undefined, 465],
    ['2525', undefined, 2525],
    ['127.0.0.1:2525', '127.0.0.1', 2525],
    ['[::1]:smtp', '::1', 25],
    ['mail.example:10025', 'mail.example', 10_025],
    // Of known_tcp_ports.
    ['127.0.0.1:relay', '127.0.0.1', 10_025],
  ])('the service %s listens at %s port %i', (name, address, port) => {
    expect(parseEndpoint(name, new Map([['relay', 10_025]]))).toEqual({ address, port });
  });

  test.each(['what:ever', '99999', '', ':', '[::1', 'smtpp'])('the service "%s" is a fault', (name) => {
    expect(parseEndpoint(name, new Map([['relay', 10_025]]))).toContain('expected a port');
  });

  test('all wrong rows are reported at once', () => {
    const { faults } = parseMasterCf(
      'foo bar\nsmtp inet n - n - x smtpd\nsmtp tcp n - n - - smtpd\nsmtp inet n - n - - smtpd\n  -o\n',
      'master.cf',
    );
    expect(faults.map((fault) => fault.line)).toEqual([1, 2, 3, 5]);
  });

  test('any text is parsed without an exception', () => {
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.constantFrom('smtp ', 'inet ', '- ', 'smtpd ', '-o ', 'a=b ', '{ ', '} ', '\n', ' '),
          maxLength: 60,
        }),
        (text) => {
          expect(() => parseMasterCf(text, 'f')).not.toThrow();
        },
      ),
      { numRuns: 300 },
    );
  });
});
