import { describe, expect, test } from 'vitest';
import { computedDefaults } from '../../../src/config/postfix/computed-defaults.ts';
import { parseMainCf } from '../../../src/config/postfix/main-cf.ts';
import { MainParameters } from '../../../src/config/postfix/parameters-reader.ts';

const noFiles = { exists: () => false };

function reader(mainCf: string, options: { files?: Record<string, string>; hostname?: string } = {}): MainParameters {
  const interfaces = [
    { address: '127.0.0.1', netmask: '255.0.0.0' },
    { address: '192.0.2.7', netmask: '255.255.255.0' },
    { address: '2001:db8::7', netmask: 'ffff:ffff:ffff:ffff::' },
  ];
  return new MainParameters({
    settings: parseMainCf(mainCf, 'main.cf').settings,
    overrides: new Map(),
    computed: computedDefaults({
      directory: '/etc/postfix',
      hostname: options.hostname ?? 'vm',
      interfaces,
      paths: noFiles,
    }),
    readFile: (path) => options.files?.[path] ?? '',
  });
}

describe('P2: the parameters of the tutorials', () => {
  test('mydomain is myhostname without its first label', () => {
    expect(reader('myhostname = mail.baidu.com').string('mydomain')).toBe('baidu.com');
    expect(reader('', { hostname: 'mail.qq.com' }).string('mydomain')).toBe('qq.com');
    expect(reader('', { hostname: 'vm' }).string('myhostname')).toBe('vm.localdomain');
    expect(reader('mydomain = qq.com', { hostname: 'vm' }).string('myhostname')).toBe('vm.qq.com');
    expect(reader('myhostname = mail.$mydomain').string('myhostname')).toBe('mail.localdomain');
  });

  test('lists are separated by commas or white space, a group is one item, and so is hash: /path', () => {
    const parameters = reader(
      'mydestination = $myhostname, localhost.$mydomain localhost,\n  ns.$mydomain\nmyhostname = mail.baidu.com\nalias_maps = hash: /a, regexp:{ {/x y/ z}, {/b/ c} }',
    );
    expect(parameters.list('mydestination')).toEqual([
      'mail.baidu.com',
      'localhost.baidu.com',
      'localhost',
      'ns.baidu.com',
    ]);
    expect(parameters.list('alias_maps')).toEqual(['hash:/a', 'regexp:{ {/x y/ z}, {/b/ c} }']);
  });

  test('P1: a list item that is a file name is replaced by the lines of the file, also in an exception', () => {
    const parameters = reader(
      'mydestination = /etc/postfix/local-domains, a.example\nmynetworks = 10.0.0.0/8, !/strangers',
      {
        files: {
          '/etc/postfix/local-domains': '# ours\nbaidu.com, group.com\nwork.com\n',
          '/strangers': '10.1.0.0/16\n',
        },
      },
    );
    expect(parameters.list('mydestination')).toEqual(['baidu.com', 'group.com', 'work.com', 'a.example']);
    expect(parameters.list('mynetworks')).toEqual(['10.0.0.0/8', '!10.1.0.0/16']);
    expect(
      reader('myorigin = /etc/mailname', { files: { '/etc/mailname': 'qq.com\nrest\n' } }).string('myorigin'),
    ).toBe('qq.com');
  });

  test.each([
    ['', '127.0.0.0/8 [::1]/128'],
    ['inet_interfaces = all', '127.0.0.0/8 [::1]/128 192.0.2.7/32 [2001:db8::7]/128'],
    ['inet_interfaces = all\ninet_protocols = ipv4', '127.0.0.0/8 192.0.2.7/32'],
    ['inet_interfaces = all\nmynetworks_style = subnet', '127.0.0.0/8 [::1]/128 192.0.2.0/24 [2001:db8::]/64'],
    ['inet_interfaces = 192.0.2.7\nmynetworks_style = class', '127.0.0.0/8 [::1]/128 192.0.2.0/24'],
    ['mynetworks = 10.0.0.0/8', '10.0.0.0/8'],
  ])('with "%s" mynetworks is "%s": no network is trusted just because it looks local', (mainCf, networks) => {
    expect(reader(mainCf).untyped.string('mynetworks')).toBe(networks);
  });

  test.each([
    ['', ['permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination', 'mail.baidu.com', 'yes', 'no']],
    ['smtpd_recipient_restrictions = reject', ['', 'mail.baidu.com', 'yes', 'no']],
    [
      'compatibility_level = 1',
      ['permit_mynetworks, permit_sasl_authenticated, defer_unauth_destination', 'mail.baidu.com', 'no', 'yes'],
    ],
    [
      'compatibility_level = 3.6',
      ['permit_mynetworks, permit_sasl_authenticated, defer_unauth_destination', '', 'no', 'yes'],
    ],
  ])('P1: "%s" chooses the defaults of that level', (level, expected) => {
    const parameters = reader(`${level}\nmyhostname = mail.baidu.com\nmydestination = $myhostname`);
    const names = ['smtpd_relay_restrictions', 'relay_domains', 'append_dot_mydomain', 'smtputf8_enable'];
    expect(names.map((name) => parameters.untyped.string(name))).toEqual(expected);
  });

  test('P3: an override also applies to every $name that refers to it', () => {
    const main = reader('myhostname = mail.baidu.com');
    const service = main.withOverrides([['myhostname', 'submit.baidu.com']]);
    expect(service.string('smtpd_banner')).toBe('submit.baidu.com ESMTP Posthorn');
    expect(main.string('smtpd_banner')).toBe('mail.baidu.com ESMTP Posthorn');
  });

  test('values are typed, a restriction class is a list, raw values keep their $names, unknown names throw', () => {
    const parameters = reader(
      'queue_run_delay = 5m\nmaximal_queue_lifetime = 3\nmy_class = permit, reject\nsmtpd_restriction_classes = my_class',
    );
    expect(parameters.time('queue_run_delay')).toBe(300_000);
    expect(parameters.time('maximal_queue_lifetime')).toBe(259_200_000);
    expect(parameters.time('smtpd_timeout')).toBe(300_000);
    expect(parameters.number('message_size_limit')).toBe(10_240_000);
    expect(parameters.boolean('smtpd_sasl_auth_enable')).toBe(false);
    expect(parameters.untyped.list('my_class')).toEqual(['permit', 'reject']);
    expect(parameters.string('default_rbl_reply')).toContain('$rbl_domain');
    expect(() => parameters.untyped.string('no_such_parameter')).toThrow('no parameter is named "no_such_parameter"');
  });

  test('a misspelt name, or one of another type, does not compile', () => {
    const parameters = reader('');
    // @ts-expect-error -- misspelt
    expect(() => parameters.boolean('smptd_helo_required')).toThrow();
    // @ts-expect-error -- a time
    expect(() => parameters.number('queue_run_delay')).toThrow();
    // @ts-expect-error -- a list
    expect(parameters.string('mydestination')).not.toBe('');
  });
});
