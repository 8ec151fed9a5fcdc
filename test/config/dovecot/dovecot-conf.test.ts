import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DovecotRead, parseDovecotConf } from '../../../src/config/dovecot/dovecot-conf.ts';
import { formatFault } from '../../../src/config/fault.ts';

const files: Readonly<Record<string, string>> = {
  'conf.d/*.conf': 'ssl = required\nservice imap-login {\n  inet_listener imap {\n    port = 0\n  }\n}\n',
  'self.conf': '!include self.conf\n',
};
const read = (text: string): DovecotRead =>
  parseDovecotConf(text, 'dovecot.conf', {
    listen: ['127.0.1.134'],
    include: (pattern) => (files[pattern] === undefined ? [] : [{ file: pattern, text: files[pattern] }]),
  });
const ports = (text: string): string[] =>
  read(text).dovecot.listeners.map((it) => `${it.protocol} ${it.addresses.join()} ${it.port}${it.ssl ? ' ssl' : ''}`);

describe('D1: dovecot.conf', () => {
  test('the file of the tutorial', () => {
    const { dovecot, faults, warnings } = read(
      'protocols = imap pop3 lmtp\nlogin_trusted_networks = 127.0.1.0/24\nmail_location = mbox:~/mail:INBOX=/var/mail/%u\nssl = yes\nssl_cert = </etc/pki/dovecot/certs/dovecot.pem\nssl_key = </etc/pki/dovecot/private/dovecot.pem\n',
    );
    expect([faults, warnings]).toEqual([[], []]);
    expect(dovecot).toMatchObject({
      protocols: ['imap', 'pop3', 'lmtp'],
      ssl: 'yes',
      sslCertificate: {
        path: '/etc/pki/dovecot/certs/dovecot.pem',
        place: { file: 'dovecot.conf', line: 5, parameter: 'ssl_cert' },
      },
      sslKey: {
        path: '/etc/pki/dovecot/private/dovecot.pem',
        place: { file: 'dovecot.conf', line: 6, parameter: 'ssl_key' },
      },
      disablePlaintextAuth: true,
      loginTrustedNetworks: ['127.0.1.0/24'],
      mail: { location: { value: 'mbox:~/mail:INBOX=/var/mail/%u', place: 'dovecot.conf:3' } },
    });
  });

  test('packaged files add protocols one by one', () => {
    expect(
      read('protocols = $protocols imap\nprotocols = $protocols pop3s\nprotocols = $protocols sieve').dovecot.protocols,
    ).toEqual(['imap', 'pop3']);
    expect(read('').dovecot.protocols).toEqual(['imap', 'pop3', 'lmtp']);
    expect(read('protocols = none').dovecot.listeners).toEqual([]);
  });

  test('listens on 110, 995, 143 and 993 of the addresses of inet_interfaces', () => {
    expect(ports('protocols = imap pop3')).toEqual([
      'imap 127.0.1.134 143',
      'imap 127.0.1.134 993 ssl',
      'pop3 127.0.1.134 110',
      'pop3 127.0.1.134 995 ssl',
    ]);
    expect(ports('protocols = pop3\nssl = no\nlisten = *, ::')).toEqual(['pop3 0.0.0.0,:: 110']);
  });

  test('blocks change ports, disable listeners and add new ones', () => {
    const text = `protocols = imap lmtp
service imap-login {
  inet_listener imap {
    port = 1143
    address = 127.0.0.1
  }
  inet_listener imaps { port = 0 }
  inet_listener second {
    port = 1993
    ssl = yes
  }
}
service lmtp {
  inet_listener lmtp {
    port = 24
  }
}`;
    expect(ports(text)).toEqual(['imap 127.0.0.1 1143', 'imap 127.0.1.134 1993 ssl', 'lmtp 127.0.1.134 24']);
  });

  test('an address that is empty never stands for all addresses', () => {
    const text = `listen = 127.0.1.134
service imap-login {
  inet_listener imap {
    address = 127.0.0.1,
  }
}
service lmtp {
  inet_listener lmtp {
    address =
    port = 24
  }
}`;
    expect(ports(text)).toEqual(expect.arrayContaining(['imap 127.0.0.1 143', 'lmtp 127.0.1.134 24']));
    expect(read(text).dovecot.listeners.flatMap(({ addresses }) => addresses)).not.toContain('');
  });

  test('service lmtp has UNIX sockets; mode 0 disables one', () => {
    const text = `protocols = lmtp
service lmtp {
  unix_listener lmtp {
  }
  unix_listener /var/spool/postfix/private/dovecot-lmtp {
    mode = 0600
    user = postfix
    group = postfix
  }
  unix_listener other {
    mode = 0
  }
  unix_listener wrong {
    mode = rw
  }
  unix_listener {
  }
}`;
    const { dovecot, faults, notes } = read(text);
    expect(dovecot.lmtpSockets).toMatchObject([
      { path: 'lmtp', mode: 0o666, user: '', group: '', line: 3 },
      { path: '/var/spool/postfix/private/dovecot-lmtp', mode: 0o600, user: 'postfix', group: 'postfix', line: 5 },
    ]);
    expect(faults.map(formatFault)).toEqual([
      'dovecot.conf:14: mode: "rw": expected permissions in octal digits, such as 0600',
      'dovecot.conf:16: unix_listener: expected the path of a socket',
    ]);
    expect(notes).toEqual([]);
    expect(read(text.replace('protocols = lmtp', 'protocols = imap')).dovecot.lmtpSockets).toEqual([]);
  });

  test('haproxy = yes puts proxies before a listener: where they are, and how long their header may take', () => {
    const text = `haproxy_trusted_networks = 192.0.2.1, [2001:db8::]/32
haproxy_timeout = 500 msecs
service imap-login {
  inet_listener imap {
    haproxy = yes
  }
  inet_listener imaps {
    haproxy = no
  }
}
service lmtp {
  inet_listener lmtp {
    port = 24
    haproxy = yes
  }
}`;
    const { dovecot, faults, warnings, notes } = read(text);
    expect([faults, warnings, notes]).toEqual([[], [], []]);
    const proxied = { headerTimeout: 500, trusted: [{ bits: 32 }, { bits: 32 }] };
    expect(dovecot.listeners.map(({ port, proxied: found }) => [port, found])).toEqual([
      [143, expect.objectContaining({ headerTimeout: 500 })],
      [993, null],
      [110, null],
      [995, null],
      [24, expect.objectContaining({ headerTimeout: 500 })],
    ]);
    expect(dovecot.listeners[0]?.proxied).toMatchObject(proxied);
    expect(
      ['3s', '3 secs', '1 min', '2000ms'].map(
        (time) => read(`${text}\nhaproxy_timeout = ${time}`).dovecot.listeners[0]?.proxied?.headerTimeout,
      ),
    ).toEqual([3_000, 3_000, 60_000, 2_000]);
    expect(read(text.replace(/^haproxy_timeout.*$/m, '')).dovecot.listeners[0]?.proxied?.headerTimeout).toBe(3_000);
  });

  test('a listener whose proxies are nowhere, a time without unit and a faulty network are faults', () => {
    const listener = 'service imap-login {\n  inet_listener imap {\n    haproxy = yes\n  }\n}\n';
    expect(read(listener).faults.map(formatFault)).toEqual([
      'dovecot.conf:3: haproxy: nobody would be served: haproxy_trusted_networks lists the proxies, and it is not set',
    ]);
    const text = `haproxy_timeout = 3\nhaproxy_trusted_networks = 192.0.2.1/24 balancer 192.0.2.9\n${listener}`;
    expect(read(text).faults.map(formatFault)).toEqual([
      'dovecot.conf:1: haproxy_timeout: "3": expected a time with its unit, such as 3s',
      'dovecot.conf:2: haproxy_trusted_networks: "192.0.2.1/24": address bits beyond the first 24 must be zero; did you mean 192.0.2.0/24?',
      'dovecot.conf:2: haproxy_trusted_networks: "balancer": expected an address or a network such as 192.0.2.0/24 or [2001:db8::]/32',
    ]);
  });

  test('the sessions of an account from one client are limited for both protocols or for each', () => {
    expect(read('').dovecot.sessionsPerUser).toEqual({ imap: undefined, pop3: undefined });
    const text = 'mail_max_userip_connections = 20\nprotocol pop3 {\n  mail_max_userip_connections = 0\n}\n';
    expect(read(text).dovecot.sessionsPerUser).toEqual({ imap: 20, pop3: 0 });
    expect(read('mail_max_userip_connections = many').faults.map(({ line }) => line)).toEqual([1]);
  });

  test('a setting without effect that affects safety is a warning, unless it asks for the actual behavior', () => {
    const loud =
      'ssl_protocols = TLSv1.2\nssl_options = no_ticket\nauth_mechanisms = cram-md5 ntlm\npassdb {\n  deny = yes\n}\n';
    expect(read(loud).warnings.map(formatFault)).toEqual([
      'dovecot.conf:3: auth_mechanisms: NTLM is not offered here',
      'dovecot.conf:1: ssl_protocols: has no effect here: ssl_min_protocol says which versions are spoken',
      'dovecot.conf:5: passdb: deny: has no effect here: nobody is shut out by it; posthorn user disable shuts an account out',
    ]);
    const quiet =
      'ssl_min_protocol = TLSv1.2\nssl_protocols = !SSLv2 !SSLv3\nauth_mechanisms = plain login\nssl_verify_client_cert = no\n';
    expect(read(quiet).warnings).toEqual([]);
  });

  test('T1: certificates of clients, and what would keep everybody out or has no effect', () => {
    const passdb = (lines: string): string => `passdb {\n  driver = static\n  ${lines}\n}\n`;
    const naming =
      'ssl_ca = </etc/ca.pem\nssl_verify_client_cert = yes\nauth_ssl_username_from_cert = yes\nauth_mechanisms = plain external\n';
    const certificatesOf = (text: string): DovecotRead['dovecot']['clientCertificates'] =>
      read(text).dovecot.clientCertificates;
    expect(certificatesOf(naming)).toMatchObject({
      authorities: { path: '/etc/ca.pem' },
      asked: { line: 2 },
      needsRevocationLists: true,
      required: false,
      userField: 'CN',
      external: 'refuses',
    });
    expect(certificatesOf('')).toMatchObject({ asked: null, required: false, userField: null, external: 'off' });
    for (const [lines, external] of [
      ['args = nopassword=y', 'acts'],
      ['args = proxy=y nopassword\n  mechanisms = external', 'acts'],
      ['args = nopassword=y\n  mechanisms = plain', 'refuses'],
      ['args = password=nopassword', 'refuses'],
    ] as const)
      expect(certificatesOf(naming + passdb(lines)).external).toBe(external);
    expect(certificatesOf(`${naming}ssl_cert_username_field = emailAddress`).userField).toBe('emailAddress');
    expect(certificatesOf(`${naming}ssl = no`).asked).toBeNull();
    expect(read(naming).warnings.map(formatFault)).toEqual([
      'dovecot.conf:4: auth_mechanisms: EXTERNAL is offered but always fails, as in Dovecot: no passdb takes users without a password (args = nopassword=y, mechanisms = external)',
    ]);
    const alone = 'auth_ssl_require_client_cert = yes\nauth_ssl_username_from_cert = yes\nauth_mechanisms = external\n';
    expect(read(alone + passdb('args = nopassword=y')).warnings.map(formatFault)).toEqual([
      'dovecot.conf:1: auth_ssl_require_client_cert: no client is asked for a certificate, so that nobody can log in: set ssl_verify_client_cert = yes',
      'dovecot.conf:2: auth_ssl_username_from_cert: has no effect, for no client is asked for a certificate: set ssl_verify_client_cert = yes',
    ]);
    expect(
      read('ssl_verify_client_cert = yes\nssl_cert_username_field = face\nssl_require_crl = perhaps\n').faults.map(
        ({ line, parameter }) => [line, parameter],
      ),
    ).toEqual([
      [1, 'ssl_verify_client_cert'],
      [2, 'ssl_cert_username_field'],
      [3, 'ssl_require_crl'],
    ]);
  });

  test('D1: the terms of TLS, and what OpenSSL does not know', () => {
    const { tls } = read(
      'ssl_min_protocol = TLSv1.3\nssl_cipher_list = HIGH\nssl_curve_list = P-521:P-384\nssl_prefer_server_ciphers = yes\n',
    ).dovecot;
    expect(tls).toMatchObject({ minVersion: 'TLSv1.3', ecdhCurve: 'P-521:P-384', honorCipherOrder: true });
    expect(tls.ciphers).toMatch(/^HIGH:TLS_AES_256/);
    const { faults } = read('ssl_min_protocol = TLSv1.4\nssl_cipher_list = nothing\nssl_curve_list = P-1\n');
    expect(faults.map(({ line, parameter }) => [line, parameter])).toEqual([
      [1, 'ssl_min_protocol'],
      [2, 'ssl_cipher_list'],
      [3, 'ssl_curve_list'],
    ]);
  });

  test('at most 30 settings without effect are named, then the number of the others', () => {
    const { notes } = read(Array.from({ length: 45 }, (_, i) => `plugin_setting_${i} = x\n`).join(''));
    expect(notes).toHaveLength(31);
    expect(notes.at(-1)).toEqual({ file: 'dovecot.conf', line: 31, message: '15 more settings have no effect here' });
  });

  test('!include works, !include_try may be missing, and an include loop ends', () => {
    const included = read('!include conf.d/*.conf\n!include_try missing.conf\nprotocols = imap\n');
    expect(included.faults).toEqual([]);
    expect(included.dovecot.ssl).toBe('required');
    expect(included.dovecot.listeners.map((it) => it.port)).toEqual([993]);
    expect(read('!include missing.conf').faults[0]?.message).toContain('no file matches');
    expect(read('\n!include nothing.d/*.conf').faults).toEqual([
      {
        file: 'dovecot.conf',
        line: 2,
        message: '!include nothing.d/*.conf: no file matches (use !include_try where it may be missing)',
      },
    ]);
    expect(read('!include_try nothing.d/*.conf').faults).toEqual([]);
    expect(read('!include self.conf').faults[0]?.message).toContain('more than 200 includes');
  });

  test('settings without effect are noted with their lines, likely misspellings are warnings, mistakes are faults, all at once', () => {
    const { faults, warnings, notes } = read(
      'protocols = imapp pop3s\nssl = maybe\nauth_mechanisms = plain\nmail_plugins = quota\npassdb {\n  driver = pam\n}\nssl_cert = cert.pem\nfoo bar\ndisable_plaintext_auht = no\n}\nservice x {\n',
    );
    expect(warnings.map(formatFault)).toEqual([
      'dovecot.conf:10: disable_plaintext_auht: no such setting here; did you mean "disable_plaintext_auth"?',
    ]);
    expect(notes.map(formatFault)).toEqual([
      'dovecot.conf:4: mail_plugins: has no effect here',
      'dovecot.conf:6: passdb: driver: has no effect here: accounts are in the store',
    ]);
    expect(faults.map((it) => [it.line, it.message])).toEqual([
      [9, '"foo bar": expected "name = value" or "name {"'],
      [11, '"}" closes a block that was never opened'],
      [0, '"service x {" is never closed: a "}" is missing'],
      [1, '"imapp": expected imap, pop3 or lmtp; did you mean "imap"?'],
      [2, '"maybe": expected no, yes, required'],
      [8, '"cert.pem": expected the name of a file after "<", such as ssl_cert = </etc/ssl/mail.pem'],
    ]);
  });

  test('property names of JavaScript objects are handled like other settings', () => {
    const { faults, warnings, notes } = read('constructor = 1\n__proto__ = 2\ntoString {\n  valueOf = 3\n}\n');
    expect([faults, warnings]).toEqual([[], []]);
    expect(notes.map(formatFault)).toEqual([
      'dovecot.conf:1: constructor: has no effect here',
      'dovecot.conf:2: __proto__: has no effect here',
      'dovecot.conf:4: toString: valueOf: has no effect here',
    ]);
  });

  test('any text is parsed without an exception', () => {
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.constantFrom('a', ' ', '=', '{', '}', '\n', '#', '\\', '"', '!include self.conf', 'port', '1'),
          maxLength: 60,
        }),
        (text) => {
          expect(() => read(text)).not.toThrow();
        },
      ),
      { numRuns: 300 },
    );
  });
});
