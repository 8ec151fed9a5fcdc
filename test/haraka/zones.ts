/** The names of the tests. All others do not exist. */
export const ZONES: Readonly<Record<string, string>> = {
  '.': 'ns.invalid. A 127.0.0.1',
  'example.test': '@ A 192.0.2.1\n@ MX 10 mail\nmail A 192.0.2.1',
  'example.org': [
    '@ A 123.125.81.9',
    '@ MX 10 client',
    '@ TXT "v=spf1 ip4:123.125.81.9 -all"',
    'client A 123.125.81.9',
    'other A 123.125.81.10',
  ].join('\n'),
  // Its mail comes from elsewhere.
  'strict.example': '@ A 198.51.100.1\n@ MX 10 mx\nmx A 198.51.100.1\n@ TXT "v=spf1 ip4:198.51.100.1 -all"',
  // It takes no mail (RFC 7505).
  'nomail.example': '@ MX 0 .',
  'bl.example': '10.81.125.123 A 127.0.0.2\n2.0.0.127 A 127.0.0.2',
  'uri.example': 'listed.shop.cn A 127.0.0.2',
  'asn.rspamd.com': '9.81.125.123 TXT "4808|123.125.0.0/16|CN|apnic|"',
  '81.125.123.in-addr.arpa': '9 PTR client.example.org.\n10 PTR other.example.org.',
};
