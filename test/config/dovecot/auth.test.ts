/** auth_mechanisms and the passdb of OAuth 2.0 in dovecot.conf: what is offered, and what people hear of mistakes. */
import { describe, expect, it } from 'vitest';
import { parseDovecotConf } from '../../../src/config/dovecot/dovecot-conf.ts';
import { formatFault } from '../../../src/config/fault.ts';

const FILE = '/etc/dovecot/dovecot-oauth2.conf.ext';
const PASSDB = `passdb {\n  driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n  args = ${FILE}\n}\n`;

function read(text: string, oauth2: string | null = null) {
  const { dovecot, faults, warnings, notes } = parseDovecotConf(text, 'dovecot.conf', {
    include: (pattern) => (pattern === FILE && oauth2 !== null ? [{ file: 'oauth2.ext', text: oauth2 }] : []),
    listen: [],
  });
  const names = (mechanisms: readonly { readonly name: string }[]): string =>
    mechanisms.map(({ name }) => name).join(' ');
  return {
    offered: [names(dovecot.auth.mechanisms), names(dovecot.auth.smtpMechanisms)],
    oauth2: dovecot.auth.oauth2,
    faults: faults.map(formatFault),
    warnings: warnings.map(formatFault),
    notes: notes.map(formatFault),
  };
}

describe('S1: auth_mechanisms', () => {
  it('says what is offered, in its order; EXTERNAL is for mailboxes only', () => {
    expect(read('').offered).toEqual(['PLAIN', 'PLAIN LOGIN']);
    const all = 'scram-sha-256-plus SCRAM-SHA-256, plain plain';
    expect(read(`auth_mechanisms = ${all}\n`).offered[1]).toBe('SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN');
    expect(read('auth_mechanisms = plain external\n').offered).toEqual(['PLAIN EXTERNAL', 'PLAIN']);
  });

  it('an unknown one is a fault, one that only Dovecot has a warning, none at all too', () => {
    expect(read('auth_mechanisms = plian\n').faults[0]).toMatch(
      /^dovecot\.conf:1: auth_mechanisms: "plian": expected plain, login, .*; did you mean "plain"\?$/,
    );
    expect(read('auth_mechanisms = gssapi\n').warnings).toEqual([
      'dovecot.conf:1: auth_mechanisms: GSSAPI is not offered here',
      'dovecot.conf:1: auth_mechanisms: no mechanism is left, so that nobody can log in: name plain',
    ]);
  });

  it('tokens need a passdb that judges them', () => {
    const { offered, warnings } = read('auth_mechanisms = plain xoauth2\n');
    expect(offered).toEqual(['PLAIN', 'PLAIN']);
    expect(warnings[0]).toContain(
      'XOAUTH2 is not offered: no passdb judges its tokens; expected passdb { driver = oauth2 }',
    );
    const some = PASSDB.replace('xoauth2 oauthbearer', 'oauthbearer');
    expect(
      read(`auth_mechanisms = plain xoauth2 oauthbearer\n${some}`, 'tokeninfo_url = http://a.test/').offered[0],
    ).toBe('PLAIN OAUTHBEARER');
  });
});

describe('S1: dovecot-oauth2.conf.ext', () => {
  const MECHANISMS = 'auth_mechanisms = plain xoauth2\n';
  it('is read, and its passdb is no setting without effect', () => {
    const { oauth2, faults, warnings, notes } = read(
      MECHANISMS + PASSDB,
      'introspection_url = https://a.test/\nintrospection_mode = post\nscope = a b\ntls_ca_cert_file = </etc/ca.pem\ntimeout_msecs = 99999\n',
    );
    expect([faults, warnings, notes]).toEqual([[], [], []]);
    expect(oauth2).toMatchObject({
      introspectionUrl: 'https://a.test/',
      mode: 'post',
      scope: ['a', 'b'],
      usernameAttribute: 'email',
      usernameFormat: '%Lu',
      timeout: 30_000,
      caFile: { path: '/etc/ca.pem', place: { file: 'oauth2.ext', line: 4 } },
    });
  });

  it.each([
    [null, `dovecot.conf:5: passdb: args: ${FILE}: there is no such file`],
    [
      'scope = a\n',
      'oauth2.ext: nobody is asked about tokens: expected introspection_url, tokeninfo_url, or introspection_mode = local',
    ],
    [
      'introspection_mode = local\n',
      'oauth2.ext: introspection_mode = local needs keys: local_validation_key_dict = fs:posix:prefix=/etc/dovecot/keys/',
    ],
    [
      'introspection_url = ftp://a\n',
      'oauth2.ext:1: introspection_url: "ftp://a": expected a URL such as https://auth.example.com/introspect',
    ],
    [
      'tokeninfo_url = http://a.test/\nintrospection_mode = put\n',
      'oauth2.ext:2: introspection_mode: "put": expected auth, get, post, local',
    ],
    [
      'tokeninfo_url = http://a.test/\nusername_format = %x\n',
      'oauth2.ext:2: username_format: "%x": expected %u, %n or %d, with L or U for small or capital letters: %Lu',
    ],
    [
      'tokeninfo_url = http://a.test/\nlocal_validation_key_dict = redis:x\n',
      'oauth2.ext:2: local_validation_key_dict: "redis:x": expected the folder of the keys: fs:posix:prefix=/etc/dovecot/keys/',
    ],
  ])('a mistake is said with its place: %j', (text, fault) => {
    expect(read(MECHANISMS + PASSDB, text).faults[0]).toBe(fault);
  });

  it('what has no effect is a warning', () => {
    const text = 'tokeninfo_url = http://a.test/\ntls_allow_invalid_cert = yes\nscop = mail\n';
    expect(read(MECHANISMS + PASSDB, text).warnings).toEqual([
      'oauth2.ext:2: tls_allow_invalid_cert: has no effect here: the certificate of the server that is asked is verified; tls_ca_cert_file names another authority',
      'oauth2.ext:3: scop: no such setting here; did you mean "scope"?',
    ]);
    expect(read(`${MECHANISMS}passdb {\n  driver = oauth2\n}\n`).faults[0]).toContain('driver = oauth2 needs args');
  });
});
