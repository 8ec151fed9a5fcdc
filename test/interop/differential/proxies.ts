/** XCLIENT and XFORWARD, with and without the right to them, and extensions by address. */
import { type Cases, EHLO, MAIL, RCPT } from './cases.ts';

const NAMES = ['XCLIENT', 'XFORWARD'] as const;
const attributes = (verb: string): string[] => [
  verb,
  `${verb} x`,
  `${verb} NAME=`,
  `${verb} NAME=a..b`,
  `${verb} NAME=a_+ZZ`,
  `${verb} ADDR=1.2.3`,
  `${verb} PORT=x`,
  `${verb} PORT=70000`,
  `${verb} PROTO=x`,
  `${verb} NOTHING=x`,
  `${verb} NAME=[UNAVAILABLE] ADDR=[UNAVAILABLE]`,
  `${verb} NAME=far.test ADDR=192.0.2.1 PORT=25 PROTO=ESMTP HELO=far.test`,
];

const VERP = ['', '=', '=+', '=--', '=+=', '=+=+', '=xx', ' XVERP=-=', ' BODY=x', '=-= SIZE=1'].map(
  (rest) => ` XVERP${rest}`,
);

const services = {
  none: [],
  xclient: ['smtpd_authorized_xclient_hosts = 127.0.0.1'],
  xforward: ['smtpd_authorized_xforward_hosts = 127.0.0.0/8'],
  verp: ['smtpd_authorized_verp_clients = 127.0.0.9', 'verp_delimiter_filter = #=', 'default_verp_delimiters = #='],
  keywords: ['smtpd_discard_ehlo_keyword_address_maps = inline:{{127.0.0.9 = dsn, chunking, xverp}}'],
};
/** EHLO names LOGIN to who may use XCLIENT, which we do not take. */
const helo = (service: string): string => (service === 'xclient' ? 'HELO client.example' : EHLO);
const FAR = 'XCLIENT NAME=far.test ADDR=192.0.2.1';

const dialogs = (): Cases['dialogs'] =>
  Object.keys(services).flatMap((service) => [
    ...NAMES.flatMap((verb) => attributes(verb).map((line) => ({ service, says: [helo(service), line, MAIL, RCPT] }))),
    ...(service === 'xclient' ? [] : ['127.0.0.1', '127.0.0.9'].map((client) => ({ service, client, says: [EHLO] }))),
    { service, client: '127.0.0.9', says: [helo(service), FAR, 'XFORWARD SOURCE=LOCAL', MAIL, `${RCPT} NOTIFY=NEVER`] },
    { service, says: [FAR, MAIL, RCPT, 'QUIT'] },
    { service, says: [helo(service), FAR, 'HELO x', MAIL, RCPT, 'RCPT TO:<a@elsewhere.test>'] },
    {
      service,
      says: [helo(service), FAR, 'XCLIENT ADDR=127.0.0.1 NAME=near.test', MAIL, RCPT, 'RCPT TO:<a@elsewhere.test>'],
    },
    { service, says: [helo(service), MAIL, FAR, 'XFORWARD NAME=x', RCPT] },
    { service, says: ['XFORWARD SOURCE=x', 'XFORWARD IDENT=x SOURCE=REMOTE', MAIL, RCPT] },
  ]);

export const proxies: Cases = {
  house: {
    name: 'proxies',
    main: [
      'authorized_verp_clients = 127.0.0.1',
      'smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination',
      'smtpd_recipient_restrictions = check_client_access inline:{{192.0.2.1 = REJECT far}, {near.test = REJECT near}}',
    ],
    services,
  },
  dialogs: [
    ...VERP.map((rest) => ({ service: 'none', says: [EHLO, `MAIL FROM:<a@src.test>${rest}`, RCPT] })),
    ...['127.0.0.9', '127.0.0.1'].map((client) => ({
      service: 'verp',
      client,
      says: [EHLO, 'MAIL FROM:<a@src.test> XVERP', 'RSET', 'MAIL FROM:<> XVERP', 'MAIL FROM:<> XVERP=xx', MAIL],
    })),
    ...dialogs(),
  ],
};
