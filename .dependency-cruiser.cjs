/** The import rules: arrows point down. src/README.md draws them. */
const layer = (name, from, allowed) => ({
  name,
  severity: 'error',
  from: { path: from },
  to: { path: '^(src|plugins)/', pathNot: [from, '^src/(version|log|counter|counters|clock|errors|few|lower-bound|memory|nearest|own-value|running|tracing)\\.ts$', ...allowed] },
});
const mail = '^src/mail/';
const protocol = '^src/protocol/';
const lookup = '^src/lookup/';
const net = '^src/net/';
/** Types alone. */
const parameterNames = '^src/config/postfix/parameters/names\\.ts$';
/** Octets as text and back. */
const headerText = '^src/protocol/mime/header-text\\.ts$';
/** Keys, whose files and tables are looked up. */
const dkim = '^src/protocol/dkim/';
const store = '^src/store/[a-z-]+\\.ts$';
const bus = '^src/bus/';
const child = '^src/child/';
const delivery = '^src/delivery/';
const login = '^src/server/login/';
const maintenance = '^src/maintenance/';

/** Folders with rooms of their own: which rooms each room imports beside itself and the files at the folder's root. */
const ROOMS = {
  delivery: {
    route: [],
    checks: [],
    milter: ['checks'],
    client: ['route', 'checks'],
    rewriting: ['route', 'checks'],
    receive: ['route', 'checks', 'rewriting', 'milter'],
    program: ['route'],
    local: ['program', 'route'],
    notify: ['receive'],
    queue: ['notify', 'receive', 'route'],
    pickup: ['notify', 'receive', 'verify'],
  },
  config: { postfix: [], dovecot: [], named: [] },
  'store/backend/sqlite': { reading: [], front: ['reading'], reader: ['reading'], writer: [] },
  'store/backend/mongodb': {
    database: [],
    log: ['database'],
    mailboxes: ['database', 'log'],
    acceptance: ['database', 'log', 'mailboxes'],
    cluster: ['database', 'log', 'mailboxes'],
    upkeep: ['acceptance', 'database', 'log', 'mailboxes'],
  },
};
const rooms = Object.entries(ROOMS).flatMap(([folder, arrows]) =>
  Object.entries(arrows).map(([room, allowed]) => ({
    name: `${folder}-${room}`,
    severity: 'error',
    from: { path: `^src/${folder}/${room}/` },
    to: {
      path: `^src/${folder}/[a-z-]+/`,
      pathNot: [room, ...allowed].map((name) => `^src/${folder}/${name}/`),
    },
  })),
);

module.exports = {
  forbidden: [
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    layer('mail-imports-nothing', mail, []),
    layer('protocol-imports-mail', protocol, [mail]),
    layer('net-imports-protocol', net, [mail, protocol]),
    layer('lookup-imports-mail', lookup, [mail, parameterNames, headerText, dkim]),
    layer('config-imports-codecs', '^src/config/', [mail, protocol, lookup]),
    layer('store-imports-mail', '^src/store/', [mail, protocol]),
    layer('maintenance-imports-stores', maintenance, [mail, protocol, store]),
    layer('child-imports-nothing', child, []),
    layer('bus-imports-interfaces', bus, [mail, protocol, lookup, store, child]),
    layer('metrics-import-net', '^src/metrics/', [net]),
    layer('watchdog-imports-bus', '^src/watchdog/', [bus]),
    layer('delivery-imports-bus', delivery, [mail, protocol, lookup, store, bus, net]),
    layer('login-is-below-the-protocols', login, ['^src/server/(elsewhere|mailbox-server)\\.ts$', mail, protocol, lookup, store, bus, net]),
    ...['smtp', 'imap', 'pop3', 'dns', 'http'].map((server) =>
      layer(`server-${server}-stands-alone`, `^src/server/${server}/`, [
        '^src/server/[a-z-]+\\.ts$',
        login,
        mail,
        protocol,
        lookup,
        store,
        bus,
        delivery,
        net,
      ]),
    ),
    layer('admin-below-cli', '^src/admin/', [login, maintenance, '^src/config/', '^src/metrics/', mail, protocol, lookup, store, bus, delivery, net]),
    { name: 'plugins-use-the-authors-face', severity: 'error', from: { path: '^plugins/' }, to: { path: '^src/', pathNot: ['^src/bus/plugin\\.ts$', '^src/errors\\.ts$', child, mail, protocol, lookup] } },
    { name: 'backends-are-chosen-by-app', severity: 'error', from: { path: '^src/', pathNot: '^src/(app|store/backend)/' }, to: { path: '^src/store/backend/' } },
    ...rooms,
    { name: 'no-orphans', severity: 'error', from: { orphan: true, path: '^src/', pathNot: '\\.d\\.ts$' }, to: {} },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    includeOnly: '^(src|plugins)/',
    exclude: '\\.test\\.ts$',
  },
};
