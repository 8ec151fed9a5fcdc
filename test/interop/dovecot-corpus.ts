/**
 * Unusual messages for the comparison with Dovecot: attachments, reports, addresses in many forms, broken
 * Content-Types, degenerate multiparts.
 */

const message = (header: string, body: string): string => `${header}\n\n${body}`.replaceAll('\n', '\r\n');
const typed = (type: string, body: string): string =>
  message(`From: a@b\nSubject: s\nMIME-Version: 1.0\nContent-Type: ${type}`, body);

export const SEARCHED: Readonly<Record<string, string>> = {
  attachment: typed(
    'multipart/mixed; boundary=b',
    '--b\nContent-Type: text/plain\n\nhello text\n--b\nContent-Type: application/pdf; name="typename.pdf"\nContent-Disposition: attachment; filename="attachname.pdf"\nContent-Transfer-Encoding: base64\n\naGVsbG8gcGRmYm9keQ==\n--b\nContent-Type: text/html\nContent-Description: descword\n\n<p>hello htmlword</p>\n--b--\n',
  ),
  report: typed(
    'multipart/report; report-type=delivery-status; boundary=b',
    '--b\nContent-Type: text/plain\n\nnotice words\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mtaword.example\n\nFinal-Recipient: rfc822; frword@example.org\nAction: failed\n--b\nContent-Type: text/rfc822-headers\n\nSubject: origword\n--b--\n',
  ),
  partial: typed('message/partial; id=x; number=1; total=2', 'Subject: innerpartial\n\nbodypartial\n'),
  external: typed(
    'message/external-body; access-type=url; url="http://x"',
    'Content-Type: image/gif\nContent-Id: <extword@x>\n\nphantomword\n',
  ),
  enclosed: typed(
    'multipart/mixed; boundary=b',
    '--b\nContent-Type: message/rfc822\nContent-Description: wrapdesc\n\nFrom: Inner Person <innerp@x>\nSubject: =?utf-8?q?inners=C3=BCbj?=\nX-Inner: xinnerword\n\ninnerbody\n--b--\n',
  ),
  preamble: typed('multipart/mixed; boundary=b', 'preambleword\n--b\n\npartone\n--b--\nepilogueword\n'),
  xml: typed('application/xml', '<x>xmlword</x>\n'),
  octets: typed('application/octet-stream', 'octetword\n'),
  names: typed(
    'multipart/mixed; boundary=b',
    '--b\nContent-Type: application/pdf; name*=utf-8\'\'r%C3%BCbe.pdf\nContent-Disposition: attachment; filename="=?utf-8?Q?m=C3=B6hre.pdf?="\n\nx\n--b--\n',
  ),
  quotedPrintable: typed(
    'text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable',
    'long=\nword gr=C3=BC=C3=9Fe\nsplit\nlines\n',
  ),
  digest: typed('multipart/digest; boundary=b', '--b\n\nFrom: dig@x\nSubject: digestsubj\n\ndigestbody\n--b--\n'),
  notification: typed('message/disposition-notification', 'Reporting-UA: uaword\n'),
  feedback: typed('message/feedback-report', 'Feedback-Type: abuseword\n'),
  http: typed('message/http', 'GET /httpword\n'),
  calendar: typed('text/calendar; method=REQUEST', 'BEGIN:VCALENDAR\nSUMMARY:calword\n'),
  image: typed('image/png\nContent-Disposition: inline; filename=imgword.png', 'pngword\n'),
  html: typed(
    'text/html',
    '<p class="attrword">visible<b>word</b></p><!-- commentword --><script>scriptword</script>\n',
  ),
  noSemicolon: typed('text/plain charset=utf-8\nContent-Transfer-Encoding: base64', 'c2VtaWNvbG9ud29yZA==\n'),
  joe: message(
    'From: "Joe Q" <joe @ ex . org>\nTo: =?utf-8?Q?J=C3=BCrgen?= <j@x.org>, (comment) a@b.c (Carl Comment)\nCc: Group: x@y.z, "Quo\\"ted" <q@w.e>;\nBcc: "a b"@c.d\nSubject: two\n  words   spaced\nDate: Fri, 20 Nov 2026 10:00:00 +0000',
    'x\n',
  ),
  twoFrom: message(
    'From: first@one.org\nFrom: second@two.org\nTo: <@route,@r2:routed@x.y>\nCc: undisclosed-recipients:;\nSender: snd@x.y\nReply-To: rep@x.y',
    'x\n',
  ),
  folded: message(
    'From: Fold\n Name <fold\n @ed.org>\nTo: =?utf-8?Q?Split?= =?utf-8?Q?Word?= <s@w>\nCc: =?iso-8859-1?Q?Z=FCrich=2C_Bern?= <zb@x>\nBcc: "=?utf-8?Q?quoted=C3=BC?=" <qe@x>\nSubject: =?utf-8?Q?a?= =?utf-8?Q?b?= c',
    'x\n',
  ),
  raw: message(
    'From: raw\xc3\xbc <raw@x>\nTo: MixedCase@Example.ORG\nCc: a@b, , c@d\nSubject:\ttabbed\tsubject',
    'x\n',
  ),
};

export const SEARCHES: readonly string[] = [
  ...[
    'hello text',
    'typename',
    'attachname',
    'pdfbody',
    'aGVsbG8',
    'descword',
    'htmlword',
    'mtaword',
    'frword',
    'origword',
  ],
  ...[
    'innerpartial',
    'bodypartial',
    'extword',
    'phantomword',
    'wrapdesc',
    'innerp@x',
    'xinnerword',
    'inners\xc3\xbcbj',
    'innerbody',
    'x-inner: xinnerword',
  ],
  ...[
    'preambleword',
    'epilogueword',
    'partone',
    'xmlword',
    'octetword',
    'r\xc3\xbcbe',
    'm\xc3\xb6hre',
    'longword',
    'gr\xc3\xbc\xc3\x9fe',
    'gr=C3=BC',
  ],
  ...[
    'digestsubj',
    'digestbody',
    'uaword',
    'abuseword',
    'httpword',
    'calword',
    'imgword',
    'pngword',
    'attrword',
    'commentword',
    'scriptword',
    'semicolonword',
  ],
  ...[
    'content-type: text/html',
    'content-disposition',
    'multipart/mixed',
    'boundary',
    '--b',
    'text/plain',
    'mime-version',
    'quoted-printable',
  ],
].flatMap((word) => ['BODY', 'TEXT'].map((key) => `CHARSET UTF-8 ${key} "${word}"`));

export const ADDRESS_SEARCHES: readonly string[] = [
  ...[
    'joe@ex.org',
    'Joe Q',
    '\\"Joe Q\\" <joe@ex.org>',
    'joe @ ex',
    '<joe',
    'joe q <joe',
    'first@one.org',
    'second@two.org',
    'fold name',
    'fold@ed.org',
  ]
    .concat(['Fold  Name', 'raw\xc3\xbc', '@', '<', '>', ''])
    .map((text) => `CHARSET UTF-8 FROM "${text}"`),
  ...[
    'J\xc3\xbcrgen',
    'j\xc3\xbcrgen <j@x.org>',
    '=?utf-8',
    'comment',
    'Carl Comment',
    'a@b.c',
    'carl comment <a@b.c>',
    '\\"carl comment\\" <a@b.c>',
  ]
    .concat([
      'routed@x.y',
      '@route',
      '@route,@r2:routed',
      'SplitWord',
      'split word',
      'mixedcase@example.org',
      'MIXED',
      '',
    ])
    .map((text) => `CHARSET UTF-8 TO "${text}"`),
  ...[
    'Group',
    'Group:',
    'x@y.z',
    'quo\\"ted',
    'quo\\\\\\"ted',
    'quoted',
    'undisclosed',
    'Z\xc3\xbcrich, Bern',
    'bern <zb@x>',
    'a@b, c@d',
    '<a@b>, <c@d>',
    '',
  ].map((text) => `CHARSET UTF-8 CC "${text}"`),
  ...['a b@c.d', '\\"a b\\"@c.d', 'quoted\xc3\xbc', '=?utf-8', ''].map((text) => `CHARSET UTF-8 BCC "${text}"`),
  ...['two words', 'words spaced', 'two  words', 'ab c', 'a b', 'tabbed subject', ''].map(
    (text) => `SUBJECT "${text}"`,
  ),
  ...[
    'FROM "joe@ex.org"',
    'FROM "joe @ ex"',
    'FROM "Joe Q"',
    'FROM "first"',
    'FROM "second"',
    'TO "Carl Comment"',
    'TO "comment"',
    'TO "split"',
    'CC "x@y.z"',
  ]
    .concat([
      'SENDER "snd@x.y"',
      'Reply-To "rep@"',
      'BCC "quoted"',
      'DATE "nov 2026"',
      'SUBJECT "two words"',
      'SENDER ""',
      'CC "undisclosed"',
    ])
    .map((rest) => `HEADER ${rest}`),
];

/** Values of Content-Type; each is used with the same body, which is one part of a multipart with the boundary `b`. */
export const CONTENT_TYPES: readonly string[] = [
  ...[
    'text/plain charset=utf-8',
    'text/plain charset=utf-8; format=flowed',
    'text/plain, charset=utf-8',
    'text/plain: charset=utf-8',
    'text/plain;charset=utf-8',
  ],
  ...[
    'text/plain; charset = utf-8',
    "text/plain; charset='utf-8'",
    'text/plain; charset=utf-8;',
    'text/plain;; charset=utf-8',
    'text/plain; charset',
  ],
  ...[
    'text/plain; charset=',
    'text / plain; charset=utf-8',
    'text /plain',
    'text/ plain',
    'text/html foo/bar',
    'text',
    'text/',
    '/plain',
    '/',
    '',
  ],
  ...[
    'text/plain/foo',
    'text/html; (comment) charset=utf-8',
    '(c) text/html (d); charset=utf-8',
    'TEXT/HTML',
    'text/html; name="a\\"b"',
    'text/html; name=a/b',
  ],
  ...[
    'text/html charset="utf-8"',
    'multipart/mixed boundary=b',
    'multipart/mixed boundary="b"',
    'multipart/mixed, boundary=b',
    'multipart/mixed',
  ],
  ...[
    'multipart/mixed; boundary=b',
    'multipart/mixed; boundary=never',
    'multipart/alternative;boundary=b;',
    'multipart',
    'message',
    'application',
    'html',
  ],
  ...[
    'application/octet-stream name=x',
    'image/png; name',
    '"text/plain"',
    'text/plain;\n charset=utf-8',
    'text/plain\n charset=utf-8',
    'text/x y; charset=utf-8',
  ],
  ...[
    'text.html; charset=utf-8',
    'text=plain',
    'text/html,text/plain',
    '=?utf-8?q?text/html?=',
    'message/rfc822 foo',
    'attachment; filename=x',
  ],
];

const multipart = (type: string, body: string): string => message(`From: a@b\nContent-Type: multipart/${type}`, body);

/** Multiparts that lack something. */
export const MULTIPARTS: Readonly<Record<string, string>> = {
  'no boundary': multipart('mixed', '--b\n\none\n--b--\n'),
  'a boundary that never comes': multipart('mixed; boundary=n', '--b\n\none\n--b--\n'),
  'only the last boundary': multipart('mixed; boundary=b', '--b--\n'),
  'only the last boundary, within text': multipart('mixed; boundary=b', 'pre\n--b--\nepi\n'),
  'no body': multipart('mixed; boundary=b', ''),
  'parts without a line': multipart('mixed; boundary=b', '--b\n--b\n--b--\n'),
  'parts of an empty line': multipart('mixed; boundary=b', '--b\n\n--b\n\n--b--\n'),
  'only the first boundary': multipart('mixed; boundary=b', '--b\n'),
  'only the first boundary, without line end': multipart('mixed; boundary=b', '--b'),
  'only the first boundary and an empty line': multipart('mixed; boundary=b', '--b\n\n'),
  'the same boundary within': multipart(
    'mixed; boundary=b',
    '--b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\ninner\n--b--\n--b--\n',
  ),
  'a longer boundary within': multipart(
    'mixed; boundary=b',
    '--b\nContent-Type: multipart/mixed; boundary=bb\n\n--bb\n\ninner\n--bb--\n--b--\n',
  ),
  'no boundary within': multipart(
    'mixed; boundary=b',
    '--b\nContent-Type: multipart/alternative\n\nfoo\n--b\n\nbar\n--b--\n',
  ),
  'one that never comes within': multipart(
    'mixed; boundary=b',
    '--b\nContent-Type: multipart/alternative; boundary=z\n\nfoo\n--b\n\nbar\n--b--\n',
  ),
  'only the last boundary within': multipart(
    'mixed; boundary=b',
    '--b\nContent-Type: multipart/alternative; boundary=z\n\n--z--\n--b\n\nbar\n--b--\n',
  ),
  'a digest with empty messages': multipart('digest; boundary=b', '--b\n--b\n\n--b--\n'),
  'a digest without parts': multipart('digest; boundary=n', 'foo\n'),
  'a signature without parts': multipart('signed; boundary=n', 'text here\n'),
  'a boundary with a blank': multipart('mixed; boundary="b c"', '--b c\n\none\n--b c--\n'),
  'blanks behind the boundary': multipart('mixed; boundary=b', '--b  \n\none\n--b--  \n'),
  'an enclosed message without octets': message('From: a@b\nContent-Type: message/rfc822', ''),
};

export const withType = (type: string): string => typed(type, '--b\n\nInner body\n--b--\n');
