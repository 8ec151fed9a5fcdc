/**
 * The options of named.conf that have no effect here, each with the values accepted by BIND 9.18 (named.conf(5)), so
 * that typos are reported in every option, not only in those with effect.
 */

import type { NamedElements } from './elements.ts';
import { hasFlag, type Statement, type Word } from './syntax.ts';

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** A type of value: a description for people, and a check of words and block. */
interface Kind {
  readonly expected: string;
  fits(values: readonly Word[], option: Statement): boolean;
}

const one =
  (fits: (word: Word) => boolean): Kind['fits'] =>
  (values, option) =>
    option.block === null && values.length === 1 && values.every(fits);
const matching = (pattern: RegExp): Kind['fits'] => one((word) => !word.quoted && pattern.test(word.text));
const oneOf = (text: string): Kind => ({
  expected: words(text).join(', '),
  fits: one((word) => !word.quoted && words(text).includes(word.text.toLowerCase())),
});

/** yes, no and their synonyms. */
export const BOOLEAN = 'yes no true false 1 0';
const NUMBER = /^[0-9]{1,10}$/;
const SIZE = /^[0-9]{1,19}[kmg]?$/i;
const DURATION = /^(?:[0-9]{1,10}|(?:[0-9]{1,10}[wdhms])+|P(?:[0-9]+[YMWD])*(?:T(?:[0-9]+[HMS])+)?)$/i;

const block: Kind = { expected: '{ … }', fits: (_values, option) => option.block !== null };
const anything: Kind = { expected: '', fits: () => true };
const quoted: Kind = { expected: 'a text in quotes', fits: one((word) => word.quoted) };
const address = (family: 4 | 6): Kind => ({
  expected: `an IPv${family} address or *`,
  fits: (values, option) => option.block === null && /^(?:\*|[0-9.]+|[0-9a-f:.%\w]+)$/i.test(values[0]?.text ?? ''),
});

/** Type of value to the options of that type. Those allowed in both `options` and `zone` are listed once. */
const KINDS: readonly (readonly [Kind, string])[] = [
  [
    oneOf(BOOLEAN),
    `allow-new-zones answer-cookie auth-nxdomain automatic-interface-scan check-sibling check-wildcard dnsrps-enable dnssec-accept-expired
    dnssec-dnskey-kskonly dnssec-secure-to-insecure empty-zones-enable flush-zones-on-shutdown glue-cache inline-signing ipv4only-enable
    match-mapped-addresses memstatistics message-compression minimal-any multi-master notify-to-soa nsec3-test-zone provide-ixfr querylog
    recursion request-expire request-ixfr request-nsid require-server-cookie reuseport root-key-sentinel send-cookie stale-answer-enable
    stale-cache-enable suppress-initial-notify synth-from-dnssec trust-anchor-telemetry try-tcp-refresh update-check-ksk
    use-alt-transfer-source zero-no-soa-ttl zero-no-soa-ttl-cache`,
  ],
  [
    { expected: 'a number', fits: matching(NUMBER) },
    `clients-per-query dnskey-sig-validity dnssec-loadkeys-interval dscp edns-udp-size heartbeat-interval http-listener-clients http-port
    http-streams-per-connection https-port max-clients-per-query max-query-count max-query-restarts max-records max-records-per-type
    max-recursion-depth max-recursion-queries max-refresh-time max-retry-time max-rsa-exponent-size max-transfer-idle-in
    max-transfer-idle-out max-transfer-time-in max-transfer-time-out max-types-per-name max-udp-size min-refresh-time min-retry-time
    nocookie-udp-size notify-delay notify-rate recursive-clients reserved-sockets resolver-nonbackoff-tries resolver-query-timeout
    resolver-retry-interval serial-query-rate sig-signing-nodes sig-signing-signatures sig-signing-type startup-notify-rate
    tcp-advertised-timeout tcp-clients tcp-idle-timeout tcp-initial-timeout tcp-keepalive-timeout tcp-listen-queue tcp-receive-buffer
    tcp-send-buffer tls-port transfer-message-size transfers-in transfers-out transfers-per-ns udp-receive-buffer udp-send-buffer
    update-quota v6-bias`,
  ],
  [
    { expected: 'a time such as 1d or 3600', fits: matching(DURATION) },
    `interface-interval lame-ttl max-cache-ttl max-ncache-ttl max-stale-ttl min-cache-ttl min-ncache-ttl nta-lifetime nta-recheck
    servfail-ttl stale-answer-ttl stale-refresh-time`,
  ],
  [
    {
      expected: 'unlimited or a time such as 1d',
      fits: one((word) => word.text === 'unlimited' || DURATION.test(word.text)),
    },
    'max-zone-ttl',
  ],
  [
    {
      expected: 'a size such as 10m, unlimited or default',
      fits: one((word) => /^(?:default|unlimited)$/i.test(word.text) || SIZE.test(word.text)),
    },
    'coresize datasize files max-journal-size stacksize lmdb-mapsize',
  ],
  [
    {
      expected: 'a size such as 10m, a percentage, unlimited or default',
      fits: one((word) => /^(?:default|unlimited|[0-9]{1,10}%)$/i.test(word.text) || SIZE.test(word.text)),
    },
    'max-cache-size max-ixfr-ratio',
  ],
  [
    quoted,
    `bindkeys-file dump-file journal key-directory managed-keys-directory memstatistics-file new-zones-directory recursing-file
    secroots-file statistics-file tkey-domain tkey-gssapi-credential tkey-gssapi-keytab`,
  ],
  [
    {
      expected: 'a text in quotes, none or hostname',
      fits: one((word) => word.quoted || /^(?:none|hostname)$/i.test(word.text)),
    },
    'dnstap-identity dnstap-version geoip-directory hostname lock-file pid-file random-device server-id session-keyfile',
  ],
  [
    { expected: 'one word', fits: one(() => true) },
    `attach-cache cookie-secret database disable-empty-zone dlz dns64-contact dns64-server dnssec-policy empty-contact empty-server
    ipv4only-contact ipv4only-server nxdomain-redirect preferred-glue session-keyalg session-keyname`,
  ],
  [oneOf('fail warn ignore'), 'check-dup-records'],
  [oneOf('allow maintain off'), 'auto-dnssec'],
  [oneOf('aes siphash24'), 'cookie-algorithm'],
  [oneOf(`notify notify-passive passive refresh ${BOOLEAN}`), 'dialup'],
  [oneOf('maintain no-resign'), 'dnssec-update-mode'],
  [oneOf(`auto ${BOOLEAN}`), 'dnssec-validation'],
  [oneOf('first only'), 'forward'],
  [oneOf(`primary master secondary slave ${BOOLEAN}`), 'ixfr-from-differences'],
  [oneOf('raw text'), 'masterfile-format'],
  [oneOf('full relative'), 'masterfile-style'],
  [oneOf(`no-auth no-auth-recursive ${BOOLEAN}`), 'minimal-responses'],
  [oneOf('strict relaxed disabled off'), 'qname-minimization'],
  [oneOf('date increment unixtime'), 'serial-update-method'],
  [oneOf('many-answers one-answer'), 'transfer-format'],
  [oneOf(`full terse none ${BOOLEAN}`), 'zone-statistics'],
  [address(4), 'alt-transfer-source notify-source parental-source transfer-source query-source'],
  [address(6), 'alt-transfer-source-v6 notify-source-v6 parental-source-v6 transfer-source-v6 query-source-v6'],
  [
    block,
    `avoid-v4-udp-ports avoid-v6-udp-ports catalog-zones deny-answer-addresses deny-answer-aliases disable-algorithms disable-ds-digests
    dns64 dnstap dual-stack-servers forwarders parental-agents rate-limit response-padding response-policy rrset-order server-addresses
    server-names use-v4-udp-ports use-v6-udp-ports validate-except`,
  ],
  [
    anything,
    `dnsrps-options dnssec-must-be-secure dnstap-output fetch-quota-params fetches-per-server fetches-per-zone fstrm-set-buffer-hint
    fstrm-set-flush-timeout fstrm-set-input-queue-size fstrm-set-output-notify-threshold fstrm-set-output-queue-model
    fstrm-set-output-queue-size fstrm-set-reopen-interval prefetch root-delegation-only sig-validity-interval stale-answer-client-timeout
    tkey-dhkey update-policy delegation-only`,
  ],
  // From BIND before and after 9.18: a file for one of those is accepted unchanged.
  [
    anything,
    `acache-cleaning-interval acache-enable additional-from-auth additional-from-cache allow-proxy allow-proxy-on allow-v6-synthesis
    check-svcb checkds cleaning-interval deallocate-on-exit dnssec-enable dnssec-lookaside fake-iquery fetch-glue filter-aaaa
    filter-aaaa-on-v4 filter-aaaa-on-v6 geoip-use-ecs has-old-clients host-statistics host-statistics-max ixfr-base ixfr-tmp-file
    log-report-channel maintain-ixfr-base max-acache-size max-ixfr-log-size max-validation-failures-per-fetch max-validations-per-fetch
    min-roots min-transfer-rate-in named-xfer pubkey queryport-pool-ports queryport-pool-updateinterval request-sit resolver-use-dns64
    responselog rfc2308-type1 send-report-channel serial-queries sig0checks-quota sig0key-checks-limit sig0message-checks-limit sit-secret
    statistics-interval support-ixfr tcp-primaries-timeout topology treat-cr-as-space use-id-pool use-ixfr use-queryport-pool`,
  ],
];

/** Address match lists without effect: the names in them are still resolved. */
const LISTS = words(`
  allow-notify allow-query-cache allow-query-cache-on allow-query-on allow-recursion allow-recursion-on allow-update
  allow-update-forwarding blackhole keep-response-order no-case-compress sortlist
`);

const KIND_OF: ReadonlyMap<string, Kind> = new Map(
  KINDS.flatMap(([kind, names]) => words(names).map((name): [string, Kind] => [name, kind])),
);

/** Options that may be given more than once. */
export const REPEATABLE: ReadonlySet<string> = new Set(
  words(
    `listen-on listen-on-v6 check-names cookie-secret disable-algorithms disable-ds-digests disable-empty-zone dns64 dnssec-must-be-secure`,
  ),
);

/**
 * Zone types to the options that are only allowed in zones of these types (named.conf(5)); lists every option of a
 * zone.
 */
const ZONE_OPTIONS: readonly (readonly [types: string, names: string])[] = [
  [
    'primary secondary mirror redirect static-stub stub',
    'allow-query allow-query-on max-records max-records-per-type max-types-per-name zone-statistics',
  ],
  [
    'primary secondary mirror',
    `allow-transfer also-notify alt-transfer-source alt-transfer-source-v6 ixfr-from-differences journal max-ixfr-ratio max-journal-size
    max-transfer-idle-out max-transfer-time-out notify notify-delay notify-source notify-source-v6 zero-no-soa-ttl`,
  ],
  [
    'primary',
    `allow-update check-dup-records check-integrity check-mx check-mx-cname check-sibling check-spf check-srv-cname check-wildcard
    dnssec-secure-to-insecure serial-update-method update-policy`,
  ],
  [
    'primary secondary',
    `auto-dnssec dnskey-sig-validity dnssec-dnskey-kskonly dnssec-loadkeys-interval dnssec-policy dnssec-update-mode inline-signing
    key-directory notify-to-soa nsec3-test-zone parental-agents parental-source parental-source-v6 sig-signing-nodes
    sig-signing-signatures sig-signing-type sig-validity-interval update-check-ksk`,
  ],
  ['primary secondary mirror hint stub', 'check-names'],
  ['primary secondary mirror stub', 'database'],
  ['primary secondary stub', 'dialup'],
  ['primary secondary redirect', 'dlz'],
  ['primary secondary mirror hint redirect stub', 'file'],
  ['primary secondary forward static-stub stub', 'forward forwarders'],
  ['primary secondary mirror redirect stub', 'masterfile-format masterfile-style'],
  ['primary redirect', 'max-zone-ttl'],
  ['secondary mirror', 'allow-notify allow-update-forwarding request-expire request-ixfr try-tcp-refresh'],
  [
    'secondary mirror stub',
    `max-refresh-time max-retry-time max-transfer-idle-in max-transfer-time-in min-refresh-time min-retry-time multi-master
    transfer-source transfer-source-v6 use-alt-transfer-source`,
  ],
  ['secondary mirror redirect stub', 'primaries masters'],
  ['forward hint stub delegation-only', 'delegation-only'],
  ['static-stub', 'server-addresses server-names'],
  [
    'primary secondary mirror',
    'check-svcb checkds ixfr-base ixfr-tmp-file log-report-channel max-ixfr-log-size min-transfer-rate-in provide-ixfr pubkey send-report-channel',
  ],
];

const TYPES_OF: ReadonlyMap<string, readonly string[]> = new Map(
  ZONE_OPTIONS.flatMap(([types, names]) =>
    words(names).map((name): [string, readonly string[]] => [name, words(types)]),
  ),
);

/** Zone types that allow an option; undefined if it is not a zone option. */
export const zoneTypesOf = (option: string): readonly string[] | undefined => TYPES_OF.get(option);
export const ZONE_OPTION_NAMES: readonly string[] = ['type', ...TYPES_OF.keys()];

const ONLY_IN_ZONES: ReadonlySet<string> = new Set(
  words(
    'database delegation-only dlz inline-signing journal parental-agents server-addresses server-names update-policy pubkey',
  ),
);
/** Options of `options` without effect. */
export const INERT_OPTIONS: readonly string[] = [...KIND_OF.keys(), ...LISTS].filter(
  (name) => !ONLY_IN_ZONES.has(name),
);

/** Checks the value of an option without effect. */
export function checkInert(option: Statement, name: string, elements: NamedElements): void {
  if (LISTS.includes(name)) {
    elements.match(option);
    return;
  }
  if (name === 'forwarders') {
    elements.endpoints(option);
    return;
  }
  const kind = KIND_OF.get(name) ?? anything;
  if (!kind.fits(option.words.slice(1), option)) elements.fault(option, `expected ${kind.expected}`, name);
}

/** Statements without effect. */
export const INERT_STATEMENTS = words(`
  controls dnssec-policy dlz dyndb http key key-store logging lwres managed-keys parental-agents plugin server statistics-channels tls
  trust-anchors trusted-keys
`);

/**
 * Whether an option enables something: a list or block containing anything but `none`, or a word other than `no` and
 * `none`.
 */
export function isOn(option: Statement): boolean {
  if (option.block !== null) return option.block.some((element) => !hasFlag(element.words, 'none'));
  const value = option.words[1]?.text.toLowerCase() ?? '';
  return !['no', 'false', '0', 'none', 'off', 'insecure', ''].includes(value);
}
