/**
 * The composition root: opens a server from a configuration folder and a data folder, part by part. Closing is in
 * reverse order, and a start that fails at any step closes what it has opened.
 *
 * All configuration errors are found before anything is created; keys are read and ports bound as root; then the
 * process permanently becomes mail_owner.
 */
import { randomInt } from 'node:crypto';
import { answerWith, openAdminSocket } from '../admin/socket.ts';
import { readLeftOut } from '../bus/left-out.ts';
import { targetNotes } from '../delivery/local/notes.ts';
import { dropFolders, makeDropFolders } from '../delivery/pickup/maildrop.ts';
import { Pickup } from '../delivery/pickup/pickup.ts';
import { undeliverableNotes } from '../delivery/route/undeliverable.ts';
import { createLog } from '../log.ts';
import { createQueueIds, QUEUE_ID_MAKERS } from '../mail/queue-id.ts';
import { LoginThrottle } from '../server/login/throttle.ts';
import { createAdminServices } from './admin-face.ts';
import { adoptCopy } from './adopt-copy.ts';
import { Certificates, hasMail } from './certificates.ts';
import { logFileOf, makeDataFolder, makeMailLog, temporaryFolder } from './data-folder.ts';
import { Falls } from './falls.ts';
import { ensureFirstAccount, makeAccounts } from './first-account.ts';
import { Generations } from './generations.ts';
import { Grace } from './grace.ts';
import { LateParts } from './late.ts';
import { HTTPS_PORT, Listeners, wantedListeners } from './listeners.ts';
import { ServerMetrics } from './metrics.ts';
import { NameServer } from './name-server.ts';
import { mailStoreOf, openStore } from './open-store.ts';
import { choosePortOffset } from './port-offset.ts';
import { choosePrivileges } from './privileges.ts';
import { readAll } from './read-all.ts';
import { Reloads } from './reloads.ts';
import { restWhenQuiet } from './rest.ts';
import { RunningServer, shortName } from './running-server.ts';
import { indexInIdleTime } from './search-indexing.ts';
import type { ServerOptions, ServerParts } from './server-parts.ts';
import { Sites } from './sites.ts';
import { portNotes, rightsNotes } from './start-notes.ts';
import { factsOf } from './status.ts';
import { strandedAccounts } from './stranded-accounts.ts';

/** The value of maillog_file for containers. */
const STDOUT = '/dev/stdout';
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** How long a database is waited for that starts at the same time, ms. */
const DATABASE_PATIENCE = 60_000;
/** How often the queue is looked at for what other processes left, ms. */
const QUEUE_LOOK = 5_000;

/**
 * Rejects with ConfigurationError, having created nothing, if the configuration is invalid; with a readable Error if a
 * step fails.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { dataDirectory } = options;
  const { clock = Date.now } = options;
  const grace = new Grace(Date.now);
  const late = new LateParts();
  const falls = new Falls(dataDirectory, late.log);
  await using scope = new AsyncDisposableStack();

  const read = await readAll(options, {
    directory: late.directory,
    messages: late.messages,
    states: late.states,
    log: late.log,
    clock,
    leftOut: readLeftOut(dataDirectory),
    versions: falls.versions,
    resolve: late.resolve,
  });
  const { configuration, foundation } = read;
  const { parameters } = configuration;
  // Normally the generation closes it before the store; this is for a start that fails before there is a generation.
  scope.use(foundation);
  const privileges = choosePrivileges(configuration);
  makeDataFolder(dataDirectory);
  privileges.give(dataDirectory);
  // Not as root: the owner of the data folder could have put a link there.
  const folders = dropFolders(dataDirectory);
  privileges.asOwnerNow(() => makeDropFolders(folders));

  const mailLog = parameters.string('maillog_file');
  const printsLog = options.printLog || mailLog === STDOUT;
  if (mailLog !== '' && mailLog !== STDOUT) makeMailLog(mailLog, privileges);
  const log = createLog({
    file: logFileOf(dataDirectory),
    host: shortName(parameters.string('myhostname')),
    program: parameters.string('syslog_name'),
    ...(mailLog === '' || mailLog === STDOUT ? {} : { textFile: mailLog }),
    ...(printsLog ? { textFd: 1 } : {}),
  });
  scope.defer(() => log.flush());
  late.openLog(log);
  const portOffset = options.portOffset ?? (await choosePortOffset('127.0.0.1'));
  let hasFailed = false;
  const onFatal = (error: Error): void => {
    hasFailed = true;
    log.error({ err: error }, `the store stopped: ${error.message}`);
    options.onStop();
  };
  const mailStore = mailStoreOf(parameters.string('mail_store'), dataDirectory);
  const progress = (text: string): void => {
    log.info({}, text);
    options.progress?.(text);
  };
  const store = await privileges.asOwner(() =>
    openStore(mailStore, { log, clock, onFatal, progress, patience: DATABASE_PATIENCE }),
  );
  scope.defer(() => store.close());
  const { certificates, notes: made } = await Certificates.open(configuration, privileges, clock, store.cluster);
  const notes = [...read.notes, ...portNotes(options, portOffset), ...made];
  notes.push(...(await adoptCopy(store)));
  late.openStore(store, store);

  const lasting = {
    store,
    log,
    clock,
    throttle: new LoginThrottle({ log, clock, cluster: store.cluster }),
    newQueueId: createQueueIds(clock, randomInt(QUEUE_ID_MAKERS)),
    temporaryFolder: temporaryFolder(dataDirectory),
    smtpPort: 25 + (options.peerPortOffset ?? 0),
  };
  const generations = scope.use(new Generations(lasting, grace, foundation, certificates.identities));
  const { hooks } = generations;
  log.watch({ isWatching: () => hooks.has('log'), onLine: (line) => void hooks.run('log', line) });
  store.cluster?.describe(() => factsOf({ generations }));
  if (options.accounts !== undefined) await makeAccounts(store.directory, options.accounts);

  const nameServer = scope.use(new NameServer({ hooks: generations.hooks, log, clock, portOffset }));
  late.openZones(nameServer);
  notes.push(...(await nameServer.open(configuration, read.zones)));
  const sites = scope.use(new Sites(HTTPS_PORT + portOffset, log, grace));
  await sites.become(configuration);
  const listeners = new Listeners({ generations, certificates, sites }, log);
  const parts: ServerParts = {
    options,
    clock,
    log,
    falls,
    store,
    certificates,
    generations,
    nameServer,
    sites,
    listeners,
    portOffset,
    hasFailed: () => hasFailed,
  };
  const metrics = scope.use(new ServerMetrics(parts));
  const reloads = new Reloads(parts, metrics);
  falls.open(() => reloads.reload());

  // At a stop all sessions drain at the same time, because they share the grace period; then come deliveries and the
  // rest.
  scope.defer(
    async () =>
      void (await Promise.all([
        nameServer[Symbol.asyncDispose](),
        sites[Symbol.asyncDispose](),
        generations.endSessions(),
      ])),
  );
  const answer = answerWith(createAdminServices(parts, reloads, metrics), log);
  if (options.isSupervised !== true) {
    const admin = await privileges.asOwner(() => openAdminSocket(dataDirectory, answer));
    scope.defer(() => admin.close());
  }
  // The ports close first, so that a stop accepts no new sessions.
  scope.use(listeners);
  const wanted = wantedListeners(configuration, certificates.identities !== null, sites.open, portOffset);
  notes.push(...(await listeners.become(wanted)));

  notes.push(...(await privileges.asOwner(async () => certificates.remember(configuration))));
  notes.push(...certificates.warnings(configuration).map((warning) => `warning: ${warning}`));
  privileges.drop();
  notes.push(...(await metrics.become(configuration)));
  notes.push(...rightsNotes(configuration, read.files, privileges.owner));
  notes.push(...(await strandedAccounts(store.directory, generations.current.domains)));
  // The last step that can fail: a password shown only once must not be created by a start that fails before showing
  // it.
  const wantsFirst = options.accounts === undefined && hasMail(configuration);
  const firstAccount = wantsFirst ? await ensureFirstAccount(store.directory, parameters.string('myorigin')) : null;
  if (hasMail(configuration))
    notes.push(
      ...(await undeliverableNotes({ ...generations.current, parameters })),
      ...(await targetNotes(generations.current)),
    );

  generations.current.delivery.runner.start();
  generations.current.bus.jobs.begin();
  const pickup = new Pickup({
    folders,
    acceptor: () => ({
      ...generations.current.delivery,
      parameters: generations.current.configuration.parameters,
      tables: generations.current.tables,
    }),
    newQueueId: lasting.newQueueId,
    clock,
    log,
  });
  scope.defer(() => pickup.close());
  // Other processes leave items behind when they die, and a runner looks only when it is told to.
  if (store.cluster !== null) scope.defer(every(QUEUE_LOOK, () => generations.current.delivery.runner.wake()));
  scope.defer(every(HOUR, () => void store.pluginStates.sweep(clock()).catch(() => {})));
  scope.defer(indexInIdleTime(store, log));
  scope.defer(restWhenQuiet());
  scope.defer(
    every(DAY, () => {
      for (const warning of certificates.warnings(generations.current.configuration)) log.warn({}, warning);
    }),
  );
  reloads.begin(notes);
  log.info({}, `started, configuration ${configuration.directory}, data ${dataDirectory}`);
  return new RunningServer(parts, reloads, { notes, files: read.files, firstAccount }, answer, grace, scope.move());
}

function every(ms: number, act: () => void): () => void {
  const timer = setInterval(act, ms);
  timer.unref();
  return () => clearInterval(timer);
}
