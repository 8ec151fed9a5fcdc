/**
 * Words of named.conf that BIND knows and that mean nothing here (BIND 9 Administrator Reference,
 * chapter 8): recursion, caching, logging, key keeping, statistics, tuning. They are taken, so that a
 * file that serves BIND serves us, and one warning names them all.
 */

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

export const IGNORED_STATEMENTS = words(`
  controls dnssec-policy dlz dyndb http key key-store logging lwres managed-keys parental-agents plugin server statistics-channels tls
  trust-anchors trusted-keys
`);

const SHARED = `
  allow-notify allow-query-on allow-update allow-update-forwarding alt-transfer-source alt-transfer-source-v6 auto-dnssec check-dup-records
  check-integrity check-mx check-mx-cname check-names check-sibling check-spf check-srv-cname check-svcb check-wildcard database
  dialup dnskey-sig-validity dnssec-dnskey-kskonly dnssec-loadkeys-interval dnssec-policy dnssec-secure-to-insecure dnssec-update-mode
  forward forwarders inline-signing ixfr-base ixfr-from-differences ixfr-tmp-file journal key-directory masterfile-format masterfile-style
  max-ixfr-log-size max-ixfr-ratio max-journal-size max-records max-records-per-type max-refresh-time max-retry-time max-transfer-idle-in
  max-transfer-idle-out max-transfer-time-in max-transfer-time-out max-types-per-name max-zone-ttl min-refresh-time min-retry-time
  min-transfer-rate-in multi-master notify-delay notify-source notify-source-v6 notify-to-soa nsec3-test-zone parental-agents
  parental-source parental-source-v6 provide-ixfr pubkey request-expire request-ixfr send-report-channel serial-update-method
  server-addresses server-names sig-signing-nodes sig-signing-signatures sig-signing-type sig-validity-interval checkds
  transfer-source transfer-source-v6 try-tcp-refresh update-check-ksk update-policy use-alt-transfer-source zero-no-soa-ttl zone-statistics
  delegation-only dlz in-view log-report-channel
`;

export const IGNORED_ZONE_OPTIONS = words(SHARED);

export const IGNORED_OPTIONS = new Set([
  ...[...words(SHARED)].filter((word) => word !== 'forwarders'),
  ...words(`
    acache-cleaning-interval acache-enable additional-from-auth additional-from-cache allow-new-zones allow-proxy allow-proxy-on
    allow-query-cache allow-query-cache-on allow-recursion allow-recursion-on allow-v6-synthesis answer-cookie attach-cache
    auth-nxdomain automatic-interface-scan avoid-v4-udp-ports avoid-v6-udp-ports bindkeys-file blackhole catalog-zones cleaning-interval
    clients-per-query cookie-algorithm cookie-secret coresize datasize deallocate-on-exit deny-answer-addresses deny-answer-aliases
    disable-algorithms disable-ds-digests disable-empty-zone dns64 dns64-contact dns64-server dnskey-sig-validity dnsrps-enable
    dnsrps-options dnssec-accept-expired dnssec-enable dnssec-lookaside dnssec-must-be-secure dnssec-validation dnstap dnstap-identity
    dnstap-output dnstap-version dscp dual-stack-servers dump-file edns-udp-size empty-contact empty-server empty-zones-enable
    fake-iquery fetch-glue fetch-quota-params fetches-per-server fetches-per-zone files filter-aaaa filter-aaaa-on-v4 filter-aaaa-on-v6
    flush-zones-on-shutdown fstrm-set-buffer-hint fstrm-set-flush-timeout fstrm-set-input-queue-size fstrm-set-output-notify-threshold
    fstrm-set-output-queue-model fstrm-set-output-queue-size fstrm-set-reopen-interval geoip-directory geoip-use-ecs has-old-clients
    heartbeat-interval host-statistics host-statistics-max hostname http-listener-clients http-port http-streams-per-connection
    https-port inet interface-interval ipv4only-contact ipv4only-enable ipv4only-server keep-response-order lame-ttl lmdb-mapsize
    lock-file maintain-ixfr-base managed-keys-directory match-mapped-addresses max-acache-size max-cache-size max-cache-ttl
    max-clients-per-query max-ncache-ttl max-recursion-depth max-recursion-queries max-query-count max-query-restarts max-rsa-exponent-size
    max-stale-ttl max-udp-size max-validations-per-fetch max-validation-failures-per-fetch memstatistics memstatistics-file message-compression
    min-cache-ttl min-ncache-ttl min-roots minimal-any minimal-responses named-xfer new-zones-directory no-case-compress nocookie-udp-size
    notify-rate nta-lifetime nta-recheck nxdomain-redirect pid-file port preferred-glue prefetch qname-minimization query-source
    query-source-v6 querylog queryport-pool-ports queryport-pool-updateinterval random-device rate-limit recursing-file recursion
    recursive-clients request-nsid request-sit require-server-cookie reserved-sockets resolver-nonbackoff-tries resolver-query-timeout
    resolver-retry-interval resolver-use-dns64 response-padding response-policy responselog reuseport rfc2308-type1 root-delegation-only
    root-key-sentinel rrset-order secroots-file send-cookie serial-queries serial-query-rate server-id session-keyalg session-keyfile
    session-keyname sig0checks-quota sig0key-checks-limit sig0message-checks-limit sit-secret sortlist stacksize stale-answer-client-timeout
    stale-answer-enable stale-answer-ttl stale-cache-enable stale-refresh-time startup-notify-rate statistics-file statistics-interval
    suppress-initial-notify support-ixfr synth-from-dnssec tcp-advertised-timeout tcp-clients tcp-idle-timeout tcp-initial-timeout
    tcp-keepalive-timeout tcp-listen-queue tcp-primaries-timeout tcp-receive-buffer tcp-send-buffer tkey-dhkey tkey-domain
    tkey-gssapi-credential tkey-gssapi-keytab tls-port topology transfer-format transfer-message-size transfers transfers-in transfers-out
    transfers-per-ns treat-cr-as-space trust-anchor-telemetry udp-receive-buffer udp-send-buffer update-quota use-id-pool use-ixfr
    use-queryport-pool use-v4-udp-ports use-v6-udp-ports v6-bias validate-except`),
]);
