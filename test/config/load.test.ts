import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { formatFault } from '../../src/config/fault.ts';
import { type Loaded, loadConfiguration } from '../../src/config/load.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) removeFolder(folder);
});

function folder(files: Readonly<Record<string, string>>): string {
  const made = temporaryFolder('config');
  folders.push(made);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(made, name, '..'), { recursive: true });
    writeFileSync(join(made, name), text);
  }
  return made;
}

const load = (directory: string, overrides: Record<string, string> = {}): Promise<Loaded> =>
  loadConfiguration({
    directory,
    overrides,
    hostname: 'vm',
    interfaces: [{ address: '127.0.0.1', netmask: '255.0.0.0' }],
  });
const lab = (site: string): string => new URL(`../../lab/${site}`, import.meta.url).pathname;
const faults = async (files: Readonly<Record<string, string>>): Promise<string[]> => {
  const directory = folder(files);
  return (await load(directory)).faults.map((fault) => formatFault(fault).replaceAll(`${directory}/`, ''));
};
const warnings = async (files: Readonly<Record<string, string>>): Promise<string[]> => {
  const directory = folder(files);
  return (await load(directory)).warnings.map((fault) => formatFault(fault).replaceAll(`${directory}/`, ''));
};

describe('L9: the configuration of the tutorials', () => {
  test.each(['baidu', 'qq', 'dns'])('%s loads without a fault', async (site) => {
    expect((await load(lab(site))).faults).toEqual([]);
  });

  test('P3: baidu has its three services at its address, with their own values', async () => {
    const { configuration } = await load(lab('baidu'), { data_directory: '/data' });
    expect(
      configuration.services.map(({ name, addresses, port, wrapperMode }) => [name, addresses, port, wrapperMode]),
    ).toEqual([
      ['smtp', ['127.0.1.134'], 25, false],
      ['submission', ['127.0.1.134'], 587, false],
      ['smtps', ['127.0.1.134'], 465, true],
    ]);
    const [smtp, submission] = configuration.services.map((service) => service.parameters);
    expect(smtp?.list('smtpd_client_restrictions')).toEqual(['check_client_access', 'hash:/etc/postfix/access']);
    expect(submission?.list('smtpd_client_restrictions')).toEqual(['permit_sasl_authenticated', 'reject']);
    expect(smtp?.list('mydestination')).toEqual([
      'mail.baidu.com',
      'localhost.baidu.com',
      'localhost',
      'baidu.com',
      'ns.baidu.com',
    ]);
    expect(smtp?.list('smtpd_relay_restrictions')).toEqual([]);
    expect(configuration.nameservers).toEqual([{ address: '127.0.1.53', port: 53 }]);
    expect(configuration.certificates.smtpd).toMatchObject({
      kind: 'made',
      files: { certFile: '/data/tls/mail.baidu.com.pem', keyFile: '/data/tls/mail.baidu.com.key' },
      instead: { path: '/etc/postfix/smtpd.pem', place: { parameter: 'smtpd_tls_cert_file' } },
    });
  });

  test('smtpd_upstream_proxy_protocol counts for a service, and the start says what that means', async () => {
    const directory = folder({
      'main.cf':
        'compatibility_level = 3.6\nsmtpd_upstream_proxy_timeout = 2s\nsmtpd_upstream_proxy_protocol = haproxy\n',
      'master.cf': `smtp inet n - n - - smtpd
smtps inet n - n - - smtpd
submission inet n - n - - smtpd
  -o smtpd_upstream_proxy_protocol=
2024 inet n - n - - lmtpd
2025 inet n - n - - lmtpd
  -o smtpd_upstream_proxy_protocol=haproxy
`,
    });
    const { configuration, faults: wrong, warnings: warned, notes } = await load(directory);
    expect([wrong, warned]).toEqual([[], []]);
    expect(configuration.services.map(({ name, proxied }) => [name, proxied])).toEqual([
      ['smtp', { headerTimeout: 2_000, trusted: null }],
      ['smtps', { headerTimeout: 2_000, trusted: null }],
      ['submission', null],
      ['2024', null],
      ['2025', { headerTimeout: 2_000, trusted: null }],
    ]);
    expect(notes.filter((note) => note.includes('proxy'))).toEqual([
      `${directory}/main.cf:3: smtpd_upstream_proxy_protocol: whoever connects to smtp, smtps says who the client is, and may name one of mynetworks: let only the proxy connect`,
    ]);
  });

  test('paths of the original machine are looked up in the folder, each reported in one line', async () => {
    const { configuration, notes, warnings: warned } = await load(lab('baidu'));
    expect(configuration.resolvePath('/etc/postfix/virtual')).toBe(join(lab('baidu'), 'virtual'));
    expect(configuration.resolvePath('/etc/aliases')).toBe(join(lab('baidu'), 'aliases'));
    expect(notes.filter((note) => note.startsWith('/etc/postfix/virtual:'))).toHaveLength(1);
    expect(notes.filter((note) => note.includes('self-signed, instead'))).toHaveLength(2);
    expect(warned.map((it) => [it.line, it.message])).toEqual([
      [
        expect.any(Number),
        '"hash: /etc/postfix/access": white space after the table\'s type; read as "hash:/etc/postfix/access"',
      ],
    ]);
  });

  test('B1: a folder with only named.conf is a name server', async () => {
    const { configuration } = await load(lab('dns'));
    expect([configuration.services, configuration.dovecot]).toEqual([[], null]);
    expect(configuration.named?.zones.map((zone) => zone.kind)).toEqual(['primary', 'primary', 'primary']);
    expect(configuration.resolvePath(configuration.named?.zones[0]?.file ?? '')).toBe(
      join(lab('dns'), 'named.baidu.com'),
    );
  });
});

describe('the shipped configuration', () => {
  test('replaces an empty folder, listens on loopback only and relays for no one else', async () => {
    const { configuration, faults: wrong, notes } = await load(folder({}));
    expect(wrong).toEqual([]);
    expect(configuration.services.map((service) => service.port)).toEqual([25, 587, 465]);
    expect(configuration.services.flatMap((service) => service.addresses)).not.toContain('0.0.0.0');
    expect(configuration.parameters.list('mynetworks')).toEqual(['127.0.0.0/8', '[::1]/128']);
    expect(configuration.plugins).toContain('restrictions');
    expect(notes.some((note) => note.includes('using the shipped configuration'))).toBe(true);
  });

  test('a missing folder is reported', async () => {
    await expect(load('/no/such/folder')).rejects.toThrow('there is no such folder');
  });
});

describe('G8: a wrong configuration is refused with all faults at once', () => {
  test('unknown words in restriction lists are reported with their places and the nearest known name', async () => {
    const { configuration, faults: none } = await load(
      folder({
        'main.cf': `smtpd_recipient_restrictions = heck_recipient_access,
        Quota_Of_Ours zen.example, permit_mynetwork, my_class
smtpd_restriction_classes = my_class
my_class = rejekt, quota_of_ours
`,
      }),
    );
    expect(none).toEqual([]);
    expect(
      configuration.unknownRestrictions.map(({ name, after, hint, fault }) => [
        name,
        after,
        hint,
        fault.line,
        fault.parameter,
      ]),
    ).toEqual([
      ['heck_recipient_access', null, 'check_recipient_access', 1, 'smtpd_recipient_restrictions'],
      ['Quota_Of_Ours', 'heck_recipient_access', undefined, 2, 'smtpd_recipient_restrictions'],
      ['zen.example', 'Quota_Of_Ours', undefined, 2, 'smtpd_recipient_restrictions'],
      ['permit_mynetwork', 'zen.example', 'permit_mynetworks', 2, 'smtpd_recipient_restrictions'],
      ['rejekt', null, 'reject', 4, 'my_class'],
      ['quota_of_ours', 'rejekt', undefined, 4, 'my_class'],
    ]);
  });

  test('reports misspelt names, types, restrictions, tables and files in all files', async () => {
    expect(
      await faults({
        'main.cf': `myhostnam = mail.baidu.com
mynetworks = 127.0.1.0/29, 10.0.0.1/8
  300.1.1.1
smtpd_recipient_restrictions = heck_recipient_access hash:/etc/postfix/denyhadoop,
        permit_mynetwork,
        check_sender_access, reject_unauth_destination,
        my_class
smtpd_restriction_classes = my_class
my_class = rejekt, check_client_access hash:/nowhere/x
message_size_limit = 10M
queue_run_delay = soon
smtpd_sasl_auth_enable = yep
smtpd_tls_security_level = encrpyt
relayhost = \${relayhost
circle = $myorigin
myorigin = $circle
alias_maps = hsah:/etc/aliases
postscreen_dnsbl_sites = zen.example
mydestination = /nowhere/domains, /etc
no equals here
smptd_recipient_limit = 5
header_checks = regexp:header_checks
`,
        header_checks: '/ok/ yes\n/(/ bad\n',
        'master.cf':
          'smtp inet n - - - - smtpd\n  -o smtpd_tls_wrappermod=yes\n -o smtpd_recipient_limit=many\nfoo bar\nwhat:ever inet n - n - - smtpd\n',
        'dovecot.conf': 'protocols = imapp\n',
        'resolv.conf': 'nameserver 1.2.3\n',
        'named.conf': 'zone "a.example" IN { type master; file "/var/named/named.a.example"; };\n',
      }),
    ).toEqual([
      'main.cf:1: myhostnam: there is no such parameter; did you mean "myhostname"?',
      'main.cf:2: mynetworks: "10.0.0.1/8": address bits beyond the first 8 must be zero; did you mean 10.0.0.0/8?',
      'main.cf:3: mynetworks: "300.1.1.1": expected an address or a network such as 192.0.2.0/24 or [2001:db8::]/32',
      'main.cf:4: smtpd_recipient_restrictions: hash:/etc/postfix/denyhadoop: there is no such file',
      'main.cf:6: smtpd_recipient_restrictions: after "check_sender_access": expected a lookup table such as hash:/etc/postfix/access, found "reject_unauth_destination"',
      'main.cf:9: my_class: hash:/nowhere/x: there is no such file',
      'main.cf:10: message_size_limit: "10M": expected a whole number',
      'main.cf:11: queue_run_delay: "soon": expected a time such as 30s, 5m, 4h, 5d or 2w',
      'main.cf:12: smtpd_sasl_auth_enable: "yep": expected yes or no',
      'main.cf:13: smtpd_tls_security_level: "encrpyt": expected one of (empty), none, may, encrypt',
      'main.cf:14: relayhost: "{" is never closed in "{relayhost"',
      'main.cf:16: myorigin: values refer to each other in a loop, or too deeply',
      'main.cf:17: alias_maps: hsah:/etc/aliases: there is no table type "hsah"; did you mean "hash"?',
      `main.cf:18: postscreen_dnsbl_sites: not supported yet, and ignoring it would weaken security; remove it, or set unsupported_parameters = warn to start without it`,
      'main.cf:19: mydestination: /nowhere/domains: there is no such file',
      'main.cf:19: mydestination: /etc: is not a file',
      'main.cf:20: missing "=" after "no equals here": expected "name = value"',
      'main.cf:21: smptd_recipient_limit: there is no such parameter; did you mean "smtpd_recipient_limit"?',
      'master.cf:2: smtpd_tls_wrappermod: there is no such parameter; did you mean "smtpd_tls_wrappermode"?',
      'master.cf:3: smtpd_recipient_limit: "many": expected a whole number',
      'master.cf:4: expected 8 columns: service type private unpriv chroot wakeup maxproc command',
      'master.cf:5: service "what:ever": expected a port, its name, address:port or [address]:port',
      'header_checks:2: a "(" is never closed',
      'dovecot.conf:1: protocols: "imapp": expected imap, pop3 or lmtp; did you mean "imap"?',
      'resolv.conf:1: nameserver "1.2.3": expected an address, address:port or [address]:port',
    ]);
  });

  test('accepts values that Postfix accepts, with a note of what was probably meant', async () => {
    const remark = (text: string): string =>
      `"${text}": a comment needs its own line: here it is read as part of the value`;
    expect(
      await faults({
        'main.cf': `mydomain = www.haiyun.me #
myorigin = $mydomain #发信地址
mydestination = $mydomain, # ours
        localhost # this machine
relayhost = [smtp.example.com:587
relay_domains = a.example b#c
inet_interfaces = all #to the world
mynetworks = 127.0.0.0/8 # trusted
inet_protocols = ipv4, ipv5
virtual_transport = smtp relay
smtp_bind_address = eth0
mail_owner = post fix
notify_classes = bounces
reject_tempfail_action = deferr
error_notice_recipient = a@example.com, b@example.com
smtp_fallback_relay = [good.example] [bad
smtpd_tls_security_level = may # offered
smtpd_recipient_restrictions = permit_mynetworks, # ours
   reject_unauth_destination
smtpd_banner = $myhostname # 1
`,
        'master.cf': `smtp inet n - n - - smtpd # mail
  -o smtpd_sasl_auth_enable=yes   # logins
  -o myhostname=bad..name
pipe unix - n n - - pipe argv=/bin/x # y
`,
      }),
    ).toEqual([
      `main.cf:1: mydomain: ${remark('#')}`,
      `main.cf:2: myorigin: ${remark('#发信地址')}`,
      `main.cf:3: mydestination: ${remark('# ours')}`,
      `main.cf:4: mydestination: ${remark('# this machine')}`,
      'main.cf:5: relayhost: "[smtp.example.com:587": expected "]" after the host',
      'main.cf:6: relay_domains: "b#c": expected a domain, the path of a file, or a lookup table as type:name; a comment needs its own line',
      `main.cf:7: inet_interfaces: ${remark('#to the world')}`,
      `main.cf:8: mynetworks: ${remark('# trusted')}`,
      'main.cf:9: inet_protocols: "ipv5": expected one of all, ipv4, ipv6',
      'main.cf:10: virtual_transport: "smtp relay": expected a transport of master.cf, alone or with a next hop as smtp:[mail.example.com]:587',
      'main.cf:11: smtp_bind_address: "eth0": expected an IPv4 address',
      'main.cf:12: mail_owner: "post fix": expected the name of an account or group of this system',
      'main.cf:13: notify_classes: "bounces": expected one of bounce, 2bounce, data, delay, policy, protocol, resource, software',
      'main.cf:14: reject_tempfail_action: "deferr": expected one of defer, defer_if_permit',
      'main.cf:15: error_notice_recipient: "a@example.com, b@example.com": expected one mail address',
      'main.cf:16: smtp_fallback_relay: "[bad": expected "]" after the host',
      `main.cf:17: smtpd_tls_security_level: ${remark('# offered')}`,
      `main.cf:18: smtpd_recipient_restrictions: ${remark('# ours')}`,
      'master.cf:1: service smtp: "#": a comment needs its own line: here it is read as an argument',
      'master.cf:2: service smtp: "#": a comment needs its own line: here it is read as an argument',
      'master.cf:3: myhostname: "bad..name": expected a host name such as mail.example.com',
    ]);
  });

  test('a table without a name is told in the same words wherever one may be', async () => {
    expect(
      await faults({
        'main.cf': `alias_maps = hash:
relay_domains = cdb:
mynetworks = cidr:
smtpd_client_restrictions = check_client_access texthash:
smtpd_sender_restrictions = proxy:lmdb:
smtpd_recipient_restrictions = reject_unauth_destination
`,
      }),
    ).toEqual([
      'main.cf:1: alias_maps: a name is missing after "hash:"',
      'main.cf:2: relay_domains: a name is missing after "cdb:"',
      'main.cf:3: mynetworks: a name is missing after "cidr:"',
      'main.cf:4: smtpd_client_restrictions: a name is missing after "texthash:"',
      'main.cf:5: smtpd_sender_restrictions: a name is missing after "lmdb:"',
    ]);
  });

  test('a domain in a file named in a list, and the domain in the file of myorigin, are checked too', async () => {
    expect(
      await faults({
        'main.cf': 'myorigin = /etc/mailname\nmydestination = /etc/postfix/domains\nmyhostname =\n',
        mailname: 'example.com is ours\n',
        domains: 'a.example\nb.example # two\n',
      }),
    ).toEqual([
      'main.cf:1: myorigin: "example.com is ours": expected a host name such as mail.example.com',
      'main.cf:2: mydestination: "#": expected a domain, the path of a file, or a lookup table as type:name; a comment needs its own line',
      'main.cf:3: myhostname: "": expected a host name such as mail.example.com',
    ]);
  });

  test('files included by dovecot.conf are looked up next to the file that includes them', async () => {
    const files = {
      'dovecot.conf': '!include conf.d/*.conf\n',
      'conf.d/10-auth.conf': '!include auth.conf.ext\nssl = required\n',
      'conf.d/auth.conf.ext': 'protocols = imap\n',
    };
    const { configuration, faults: wrong } = await load(folder(files));
    expect(wrong).toEqual([]);
    expect([configuration.dovecot?.ssl, configuration.dovecot?.protocols]).toEqual(['required', ['imap']]);
  });

  test('a symbolic link dovecot.conf includes files next to the link, otherwise files next to its target', async () => {
    const away = folder({ 'dovecot.conf': '!include conf.d/*.conf\n', 'conf.d/10-ssl.conf': 'ssl = required\n' });
    const linked = folder({ 'main.cf': '' });
    symlinkSync(join(away, 'dovecot.conf'), join(linked, 'dovecot.conf'));
    expect((await load(linked)).configuration.dovecot?.ssl).toBe('required');
    mkdirSync(join(linked, 'conf.d'));
    writeFileSync(join(linked, 'conf.d', '10-ssl.conf'), 'ssl = no\n');
    expect((await load(linked)).configuration.dovecot?.ssl).toBe('no');
  });

  test('an absolute !include is looked up in the folder, and problems of an included file are reported with its name', async () => {
    const directory = folder({
      'dovecot.conf': '!include /etc/dovecot/conf.d/*.conf\nlog_path = x\n',
      'conf.d/10-auth.conf': '# none\nauth_mechanisms = plain\nssl = perhaps\n',
      'conf.d/20-imap.conf': 'no setting\nimap_max_line_length = 1\n',
    });
    const { faults: wrong, warnings: doubtful, notes } = await load(directory);
    expect(
      [...wrong, ...doubtful]
        .map((it) => formatFault(it).replace(`${directory}/`, ''))
        .filter((it) => !it.startsWith('main.cf')),
    ).toEqual([
      'conf.d/20-imap.conf:1: "no setting": expected "name = value" or "name {"',
      'conf.d/10-auth.conf:3: ssl: "perhaps": expected no, yes, required',
    ]);
    expect(
      notes.filter((note) => note.includes('has no effect')).map((note) => note.replace(`${directory}/`, '')),
    ).toEqual([
      'conf.d/10-auth.conf:2: auth_mechanisms: has no effect here: PLAIN and LOGIN are offered',
      'conf.d/20-imap.conf:2: imap_max_line_length: has no effect here',
      'dovecot.conf:2: log_path: has no effect here: the log is written to a file of the data folder',
    ]);
    symlinkSync('/nowhere/at/all', join(directory, 'conf.d', '30-gone.conf'));
    expect((await load(directory)).faults.map(formatFault)).toContainEqual(
      expect.stringMatching(/dovecot\.conf:1: !include .*: .*30-gone\.conf: there is no such file$/),
    );
  });

  test('a byte order mark is reported as such, in every file', async () => {
    const mark = '\u{feff}';
    const wrong = await faults({
      'main.cf': `${mark}myhostname = mail.example.com\n`,
      'master.cf': `${mark}smtp inet n - n - - smtpd\n`,
      'dovecot.conf': `${mark}ssl = no\n`,
      'resolv.conf': `${mark}nameserver 127.0.0.1\n`,
      plugins: `${mark}restrictions\n`,
    });
    const message = 'the file starts with a byte order mark (EF BB BF): save the file as UTF-8 without it';
    expect(wrong).toEqual(
      ['main.cf', 'master.cf', 'dovecot.conf', 'resolv.conf'].map((file) => `${file}:1: ${message}`),
    );
  });

  test('a file in UTF-16 is one fault, however many lines it has', async () => {
    const utf16 = Buffer.from('\u{feff}myhostname = mail.example.com\nrelayhost = [x\nno assignment\n', 'utf16le');
    const files = ['main.cf', 'master.cf', 'dovecot.conf', 'resolv.conf'];
    for (const file of files)
      expect(await faults({ 'main.cf': 'myhostname = mail.example.com\n', [file]: utf16.toString('utf8') })).toEqual([
        `${file}: the file is UTF-16 or has NUL characters: save it as UTF-8`,
      ]);
  });

  test('damaged files give faults, never an exception, and never take long', async () => {
    const files = ['main.cf', 'master.cf', 'dovecot.conf', 'resolv.conf', 'aliases', 'virtual', 'access'];
    const texts = Object.fromEntries(files.map((name) => [name, readFileSync(join(lab('baidu'), name), 'utf8')]));
    const piece = fc.constantFrom(
      '$',
      '{',
      '}',
      '\n',
      ' ',
      '=',
      ',',
      'hash:',
      '!',
      '"',
      '/',
      '\0',
      '${',
      '#',
      '-o ',
      '[',
      'regexp:{{',
      '<',
      '\\',
      'constructor',
      '__proto__',
    );
    const damage = fc.array(fc.tuple(fc.constantFrom(...files), fc.nat(1500), piece, fc.nat(3)), {
      minLength: 1,
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(damage, async (wounds) => {
        const damaged = { ...texts };
        for (const [name, at, text, cut] of wounds)
          damaged[name] = `${damaged[name]?.slice(0, at)}${text}${damaged[name]?.slice(at + cut)}`;
        const { faults: wrong } = await load(folder(damaged));
        for (const fault of wrong) expect(formatFault(fault)).not.toContain('undefined');
      }),
      { numRuns: 150 },
    );
  });

  test('values given on the command line are checked too', async () => {
    const { faults: wrong } = await load(lab('qq'), { inet_interface: 'all', message_size_limit: 'big' });
    expect(wrong.map(formatFault)).toEqual([
      'given at start: inet_interface: there is no such parameter; did you mean "inet_interfaces"?',
      'given at start: message_size_limit: "big": expected a whole number',
    ]);
  });

  test('two services on one port, and a certificate without a key, are faults', async () => {
    const twice = await faults({ 'main.cf': '', 'master.cf': 'smtp inet n - n - - smtpd\n25 inet n - n - - smtpd\n' });
    expect(twice[0]).toBe('master.cf: services smtp and 25 both want 127.0.0.1 port 25');
    const keyless = await faults({
      'main.cf': 'smtpd_tls_cert_file = /etc/pki/mail.pem\nsmtpd_tls_key_file = /etc/pki/mail.key\n',
      'mail.pem': 'x',
    });
    expect(keyless[0]).toBe(
      'main.cf:2: smtpd_tls_key_file: /etc/pki/mail.key: there is no such file, although the other files of the certificate exist',
    );
  });

  test('T1: certificate files of both algorithms and of a chain are all loaded; a missing one is a fault with its own line', async () => {
    const both = 'smtpd_tls_cert_file = rsa.pem\nsmtpd_tls_eccert_file = ec.pem\nsmtpd_tls_eckey_file = ec.key\n';
    expect(await faults({ 'main.cf': both, 'rsa.pem': 'x', 'ec.pem': 'x' })).toEqual([
      'main.cf:3: smtpd_tls_eckey_file: ec.key: there is no such file, although the other files of the certificate exist',
    ]);
    const directory = folder({ 'main.cf': both, 'rsa.pem': 'x', 'ec.pem': 'x', 'ec.key': 'x' });
    expect((await load(directory)).configuration.certificates.smtpd).toMatchObject({
      kind: 'named',
      source: {
        alternatives: [
          { certFile: join(directory, 'rsa.pem'), keyFile: join(directory, 'rsa.pem') },
          { certFile: join(directory, 'ec.pem'), keyFile: join(directory, 'ec.key') },
        ],
      },
    });
    const chain = folder({ 'main.cf': 'smtpd_tls_chain_files = key.pem, cert.pem\n', 'key.pem': 'x', 'cert.pem': 'x' });
    expect((await load(chain)).configuration.certificates.smtpd).toMatchObject({
      kind: 'named',
      source: { chainFiles: [join(chain, 'key.pem'), join(chain, 'cert.pem')] },
    });
  });

  test('probable mistakes are warnings: unused names, undefined $names, ignored lines', async () => {
    expect(
      await warnings({
        'main.cf':
          'a_setting_nobody_knows = 1\nrelayhost = $myhostnme\nalias_maps = hash:aliases\nours = x\nmyorigin = $ours\n',
        aliases: 'a: b\nno colon\n',
        'master.cf': 'smtp inet n - n - - smtpd\n',
      }),
    ).toEqual([
      'main.cf:1: a_setting_nobody_knows: unused parameter: unknown here and not referred to',
      'main.cf:2: relayhost: "$myhostnme" is not a parameter: it counts as empty; did you mean "$myhostname"?',
      'aliases:2: "no colon": expected "name: value": this line is ignored',
    ]);
  });

  test('a domain in two address classes is reported, with the line of the ignored entry', async () => {
    const files = {
      'main.cf': `mydestination = $myhostname, local.example, both.example
virtual_alias_domains = both.example, alias.example, box.example,
   in.relay.example
virtual_mailbox_domains = hash:boxes
relay_domains = relay.example
virtual_alias_maps = hash:virtual
smtpd_relay_restrictions = reject_unauth_destination
`,
      boxes: 'local.example yes\nbox.example yes\nalone.example yes\n',
      virtual: 'a@alias.example b@local.example\n',
    };
    expect(await warnings(files)).toEqual([
      'main.cf:1: mydestination: do not list domain local.example in BOTH mydestination and virtual_mailbox_domains: only mydestination counts',
      'main.cf:2: virtual_alias_domains: do not list domain both.example in BOTH mydestination and virtual_alias_domains: only mydestination counts',
      'main.cf:2: virtual_alias_domains: do not list domain box.example in BOTH virtual_alias_domains and virtual_mailbox_domains: only virtual_alias_domains counts',
      'main.cf:3: virtual_alias_domains: do not list domain in.relay.example in BOTH virtual_alias_domains and relay_domains: only virtual_alias_domains counts',
    ]);
    expect(await warnings({ ...files, 'main.cf': `${files['main.cf']}helpful_warnings = no\n` })).toEqual([]);
    expect(
      await warnings({
        'main.cf': 'relay_domains = $mydestination\nsmtpd_relay_restrictions = reject_unauth_destination\n',
      }),
    ).toEqual([]);
  });

  test('parameters without effect are accepted and reported', async () => {
    const { faults: wrong, notes } = await load(
      folder({
        'main.cf': 'daemon_directory = /usr/lib/postfix/sbin\nbiff = no\nmaildrop_destination_recipient_limit = 1\n',
      }),
    );
    expect(wrong).toEqual([]);
    expect(
      notes.filter((note) => /no meaning|not supported/.test(note)).map((note) => note.replace(/^.*main.cf:/, '')),
    ).toEqual([
      '1: daemon_directory: no meaning here: the programs and manuals of Postfix are not used',
      '2: biff: no meaning here: there is no comsat service',
    ]);
  });

  test('P3: a transport that a table names and that cannot be used is a warning', async () => {
    const files = {
      'main.cf':
        'transport_maps = inline:{ a.example=maildrop:, b.example=smtp:[127.0.0.1]:25, c.example=maildrop:x, d.example=nowhere: }\n',
      'master.cf':
        'smtp inet n - y - - smtpd\nsmtp unix - - y - - smtp\nmaildrop unix - n n - - pipe flags=DRXhu user=nobody-has-this argv=/usr/bin/maildrop\nuucp unix - n n - - pipe user=daemon argv=uux\n',
    };
    const table = files['main.cf'].slice('transport_maps = '.length, -1);
    expect(await warnings(files)).toEqual([
      `main.cf:1: transport_maps: ${table}: "maildrop": there is no user "nobody-has-this" on this machine: mail for it waits in the queue`,
      `main.cf:1: transport_maps: ${table}: there is no transport "nowhere" in master.cf: mail for it waits in the queue`,
    ]);
  });

  test('P3: a policy service, a command and a socket that are not there are warnings', async () => {
    const files = {
      'main.cf':
        'queue_directory = /nowhere\nsmtpd_recipient_restrictions = check_policy_service unix:private/absent, check_policy_service unix:private/policy, reject_unauth_destination\nvirtual_transport = lmtp:unix:private/lmtp\nmailbox_transport = scan\nrelay_transport = odd:\n',
      'master.cf':
        'smtp inet n - y - - smtpd\npolicy unix - n n - 0 spawn user=nobody-has-this argv=/usr/bin/policy\nscan unix - n n - - pipe user=nobody-has-this argv=/x/y\nodd unix - n n - - pipe user=nobody-has-this argv=/bin/true ${client_address} ${recipient}\n',
    };
    expect(await warnings(files)).toEqual([
      'main.cf:2: smtpd_recipient_restrictions: unix:private/absent: there is no such socket (/nowhere/private/absent), and no spawn row of that name in master.cf',
      'main.cf:3: virtual_transport: /nowhere/private/lmtp: there is no such socket: mail for it waits in the queue',
      'main.cf:4: mailbox_transport: "scan": there is no user "nobody-has-this" on this machine: mail for it waits in the queue',
      'main.cf:5: relay_transport: "odd": there is no user "nobody-has-this" on this machine: mail for it waits in the queue',
      'master.cf:2: service policy (spawn): there is no user "nobody-has-this" on this machine: what asks it gets no answer',
    ]);
  });

  test('P3: attributes of pipe and spawn that are wrong, and names that error does not have, are faults', async () => {
    expect(
      await faults({
        'main.cf': '',
        'master.cf':
          'smtp inet n - y - - smtpd\na unix - n n - - pipe argv=/bin/true\nb unix - n n - - pipe user=root flags=Z size=x chroot=/srv colour=red argv=/bin/true\nc unix - n n - - spawn user=daemon\nd unix - - n - - error\n',
      }),
    ).toEqual([
      'master.cf:2: service a (pipe): expected user= with the user who runs the command',
      'master.cf:3: service b (pipe): "colour=red": expected one of chroot=, directory=, eol=, flags=, null_sender=, size=, user=, and argv= last',
      `master.cf:3: service b (pipe): flags=: "Z": expected letters of BDFORXhqu.>`,
      'master.cf:3: service b (pipe): size=x: expected a number of octets',
      'master.cf:3: service b (pipe): chroot= is not supported: a program is started here in our own root folder; argv= may name one that changes it, such as bwrap(1)',
      'master.cf:3: service b (pipe): a command may not run as root: expected another user=',
      'master.cf:4: service c (spawn): expected argv= and the command',
      'master.cf:5: service d: error has only services of the names error and retry, as in Postfix',
    ]);
  });

  test('an override for a Postfix daemon whose work is done in this process is noted', async () => {
    const directory = folder({
      'main.cf': '',
      'master.cf':
        'smtp inet n - y - - smtpd\n  -o smtpd_dns_reply_filter= -o smtpd_banner=x -o relay_domains=a.test -o local_recipient_maps=\ncleanup unix - - y - - cleanup\n  -o syslog_name=relay -o smtp_helo_timeout=5\n',
    });
    const notes = (await load(directory)).notes.map((note) => note.replace(`${directory}/`, ''));
    expect(notes).toContain(
      'master.cf:3: cleanup (cleanup): -o syslog_name, smtp_helo_timeout: no effect here: only those of smtpd, lmtpd, smtp, lmtp and pipe count',
    );
    expect(notes).toContain(
      'master.cf:1: smtp (smtpd): -o smtpd_dns_reply_filter, relay_domains: no effect here: that of main.cf counts for all services',
    );
  });

  const GUARD =
    'not supported yet, and ignoring it would weaken security; remove it, or set unsupported_parameters = warn to start without it';

  test('an unsupported setting with a security effect prevents the start, in master.cf too', async () => {
    expect(
      await faults({
        'main.cf': 'postscreen_dnsbl_sites = zen.example\npostscreen_access_list = cidr:/list\n',
        body: '/a/ REJECT\n',
        'master.cf': 'smtp inet n - - - - smtpd\n  -o postscreen_dnsbl_sites=zen.example\n',
      }),
    ).toEqual([
      `main.cf:1: postscreen_dnsbl_sites: ${GUARD}`,
      `main.cf:2: postscreen_access_list: ${GUARD}`,
      `master.cf:2: postscreen_dnsbl_sites: ${GUARD}`,
    ]);
  });

  test('with unsupported_parameters = warn it is only a warning', async () => {
    const files = { 'main.cf': 'postscreen_dnsbl_sites = zen.example\nunsupported_parameters = warn\n' };
    expect(await faults(files)).toEqual([]);
    expect(await warnings(files)).toEqual([
      'main.cf:1: postscreen_dnsbl_sites: not supported yet: ignoring it weakens security',
    ]);
  });

  test.each([
    'smtpd_tls_protocols = !SSLv2, !SSLv3, !TLSv1, !TLSv1.1',
    'smtpd_tls_mandatory_protocols = >=TLSv1.2',
    'smtpd_tls_ciphers = high',
    'smtpd_tls_exclude_ciphers = aNULL, eNULL, EXPORT, DES, RC4, MD5',
    'content_filter =',
    'smtpd_tls_req_ccert = NO',
    'local_transport = local:$myhostname',
    'default_transport = smtp:',
  ])('%s asks for the actual behavior and is only noted', async (line) => {
    expect(await faults({ 'main.cf': `${line}\n` })).toEqual([]);
  });

  test.each([
    [
      'smtpd_tls_protocols = !SSLv2, TLSv1.5',
      '"TLSv1.5": expected TLSv1, TLSv1.1, TLSv1.2, TLSv1.3, with ! to exclude it, >= or <=',
    ],
    ['smtpd_tls_protocols = SSLv3', '"SSLv3" leaves no version of TLS; there are TLSv1, TLSv1.1, TLSv1.2, TLSv1.3'],
    ['smtp_tls_protocols = SSLv3', '"SSLv3" leaves no version of TLS; there are TLSv1, TLSv1.1, TLSv1.2, TLSv1.3'],
    [
      'smtpd_tls_exclude_ciphers = !aNULL',
      '"!aNULL": expected the name of a cipher or of a kind of ciphers, without !, +, - or @',
    ],
    ['smtpd_tls_fingerprint_digest = sha255', '"sha255": expected a digest such as sha256'],
    ['smtp_tls_CAfile = /nowhere/ca.pem', '/nowhere/ca.pem: there is no such file'],
    ['smtp_tls_cert_file = /nowhere/client.pem', '/nowhere/client.pem: there is no such file'],
  ])('%s is refused', async (line, message) => {
    expect(await faults({ 'main.cf': `${line}\n` })).toEqual([`main.cf:1: ${line.split(' ')[0]}: ${message}`]);
  });

  test('T1: settings of TLS that cannot do what they say are warnings', async () => {
    const text =
      'smtp_tls_security_level = secure\nsmtpd_tls_req_ccert = yes\nsmtpd_client_restrictions = permit_tls_clientcerts\n';
    expect(await warnings({ 'main.cf': text })).toEqual(
      expect.arrayContaining([
        expect.stringMatching(
          /^\S+:1: smtp_tls_security_level: no certificate is trusted, so that no mail leaves: set smtp_tls_CAfile/,
        ),
        expect.stringMatching(/^\S+:2: smtpd_tls_req_ccert: client certificates are required only where TLS is/),
        expect.stringMatching(/^\S+:3: smtpd_client_restrictions: permit_tls_clientcerts has no effect/),
      ]),
    );
  });

  test.each([
    ['smtp_tls_security_level = dane\n', '', '"dane" is may until smtp_dns_support_level = dnssec'],
    ['lmtp_tls_security_level = dane-only\n', '', '"dane-only" is a level with which no mail leaves until lmtp_dns'],
    [
      'smtp_tls_security_level = dane\nsmtp_dns_support_level = dnssec\n',
      'nameserver 192.0.2.1\n',
      '"dane" is may: let',
    ],
    ['smtp_tls_security_level = dane\nsmtp_dns_support_level = dnssec\n', 'nameserver 127.0.0.1\n', null],
    [
      'smtp_tls_security_level = dane-only\nsmtp_dns_support_level = dnssec\n',
      'nameserver 192.0.2.1\noptions trust-ad\n',
      null,
    ],
  ])('T1: DANE needs DNSSEC, and a name server that is believed: %j with %j', async (main, resolv, warning) => {
    const said = (await warnings({ 'main.cf': main, 'resolv.conf': resolv })).filter((one) => one.includes('dane'));
    expect(said).toEqual(warning === null ? [] : [expect.stringContaining(warning)]);
  });

  test('T1: terms of TLS that OpenSSL cannot meet are faults of the service that has them', async () => {
    const master = '127.0.0.1:2525 inet n - n - - smtpd\n  -o smtpd_tls_exclude_ciphers=ALL\n';
    expect(await faults({ 'main.cf': 'smtpd_tls_security_level = may\n', 'master.cf': master })).toEqual([
      'master.cf:2: smtpd_tls_exclude_ciphers: the grade medium without ALL leaves no cipher',
    ]);
    expect(await faults({ 'main.cf': 'tls_eecdh_auto_curves = X25519, foo\n' })).toEqual([
      'main.cf:1: tls_eecdh_auto_curves: X25519, foo: not all of them are curves of OpenSSL',
    ]);
  });

  test('P19: maillog_file must be where maillog_file_prefixes allows it', async () => {
    expect(await faults({ 'main.cf': '\nmaillog_file = /etc/passwd\n' })).toEqual([
      'main.cf:2: maillog_file: "/etc/passwd" does not begin with one of /var, /dev/stdout: add its folder to maillog_file_prefixes',
    ]);
    expect(await faults({ 'main.cf': 'maillog_file = /dev/stdout\n' })).toEqual([]);
  });

  test('P2: a limit of mailboxes below the limit of a message is a fault, as in Postfix', async () => {
    expect(await faults({ 'main.cf': 'mailbox_size_limit = 1000\nvirtual_mailbox_limit = 10240000\n' })).toEqual([
      'main.cf:1: mailbox_size_limit: 1000 octets, and message_size_limit is 10240000: a mailbox must take every message; set it to 0 for no limit',
    ]);
    expect(await faults({ 'main.cf': 'message_size_limit = 0\nmailbox_size_limit = 9999999\n' })).toHaveLength(1);
    expect(await faults({ 'main.cf': 'message_size_limit = 99999999\n' })).toEqual([]);
  });

  test('the main.cf of Debian works', async () => {
    const text = `
smtpd_banner = $myhostname ESMTP $mail_name (Debian/GNU)
biff = no
append_dot_mydomain = no
readme_directory = no
compatibility_level = 3.6
smtpd_tls_security_level=may
smtp_tls_CApath=/etc/ssl/certs
smtp_tls_security_level=may
smtp_tls_session_cache_database = btree:\${data_directory}/smtp_scache
smtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated defer_unauth_destination
relayhost =
mailbox_size_limit = 0
recipient_delimiter = +
inet_interfaces = all
inet_protocols = all
`;
    expect(await faults({ 'main.cf': text })).toEqual([]);
  });
});
