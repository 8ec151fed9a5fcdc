/**
 * Several front processes of one configuration: each is a whole server, with its own connection to the database, and
 * all listen on the same ports.
 *
 * The supervisor holds the listening sockets (node:cluster), bound once and with its rights, and each process accepts
 * from them by itself. So there is one queue of waiting clients: a process that ends, or hangs, refuses nobody, and the
 * next one finds those who wait. With a socket for each process (SO_REUSEPORT) the kernel resets what waits in the
 * queue of one that closes, and leaves it waiting where one hangs.
 *
 * It serves nobody itself and loads no plugin, so it does not fail with what they do. It keeps the rights with which it
 * was started, because a process that is started again needs them for keys that only root may read.
 */
import cluster from 'node:cluster';
import { setTimeout as delay } from 'node:timers/promises';
import { type AdminSocket, type Answer, expectNoServer, openAdminSocket } from '../admin/socket.ts';
import type { Front } from '../app/front.ts';
import { readFront } from '../app/front.ts';
import { ReloadRecord } from '../app/reload-record.ts';
import type { Started } from '../app/running-server.ts';
import type { ServerStatus } from '../app/status.ts';
import { clearLeftOut } from '../bus/left-out.ts';
import { ConfigurationError } from '../config/fault.ts';
import type { Family } from '../counter.ts';
import { messageOf } from '../errors.ts';
import { mergeFamilies } from '../metrics/merge.ts';
import { MetricsPort } from '../metrics/port.ts';
import { processFamilies } from '../metrics/process.ts';
import { formatFamilies } from '../metrics/text.ts';
import { FrontProcess } from './front-process.ts';
import { Slot } from './slot.ts';
import { type Say, sayTo } from './supervisor-log.ts';

/** How long a stop waits for the processes before it kills them, ms; each ends itself earlier. */
const STOP_MS = 9_800;
/** New sockets are for their owner until the process that wants them says otherwise. */
const SOCKET_UMASK = 0o177;

export interface SupervisorOptions {
  readonly configDirectory: string;
  readonly dataDirectory: string;
  /** Overrides front_processes. */
  readonly processes?: number | undefined;
  /** Also print the log as text to standard output. */
  readonly printLog: boolean;
  /** An administrator asked the server to stop. */
  onStop(): void;
}

/** Requests that every process must hear, because each keeps a part of what they are about. */
const FOR_EACH: ReadonlySet<string> = new Set(['queue.flush']);

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #mailStore: string;
  readonly #umask: number;
  /** All that run. */
  readonly #processes = new Set<FrontProcess>();
  readonly #slots: Slot[] = [];
  /** Replaced, with sessions that are still open. */
  readonly #leaving = new Set<FrontProcess>();
  /** What the first process has reported. */
  #started: Started | null = null;
  #say: Say = () => {};
  #admin: AdminSocket | null = null;
  readonly #metrics = new MetricsPort(async () => formatFamilies(await this.#families()));
  #isStopping = false;
  #reloading: Promise<unknown> = Promise.resolve();
  readonly #record = new ReloadRecord();

  private constructor(options: SupervisorOptions, { mailStore }: Front) {
    this.#options = options;
    this.#mailStore = mailStore;
    this.#umask = process.umask(SOCKET_UMASK);
    cluster.schedulingPolicy = cluster.SCHED_NONE;
  }

  /**
   * Starts the processes of `front`; the same program with the same arguments in each. Rejects with ConfigurationError
   * or another readable Error if the first does not start; what happens to the others is in the log.
   */
  static async start(
    options: SupervisorOptions,
    front: Front,
  ): Promise<{ readonly supervisor: Supervisor; readonly started: Started }> {
    const privileges = front.choosePrivileges();
    // Before a process finds the ports in use, which says less.
    await expectNoServer(options.dataDirectory);
    const supervisor = new Supervisor(options, front);
    const first = supervisor.#fork();
    const started = await first.ready;
    supervisor.#started = started;
    supervisor.#say = sayTo(started.log, privileges, options.printLog);
    try {
      supervisor.#admin = await privileges.asOwner(() =>
        openAdminSocket(options.dataDirectory, (line) => supervisor.#answer(line)),
      );
    } catch (error) {
      first.stop();
      await first.exited;
      throw error;
    }
    const all = [first, ...Array.from({ length: front.processes - 1 }, () => supervisor.#fork())];
    for (const one of all) supervisor.#add(one);
    await Promise.allSettled(all.map(({ ready }) => ready));
    const warnings = await privileges.asOwner(() => supervisor.#openMetrics(front));
    return { supervisor, started: { ...started, notes: [...started.notes, ...warnings] } };
  }

  /** How many processes serve now. */
  get processes(): number {
    return this.#ready.length;
  }

  /**
   * A process with the current configuration takes the place of each, one after the other; the one before ends when its
   * sessions are over. Rejects with ConfigurationError, having changed nothing, if the first of them does not start.
   * Returns its notes.
   */
  reload(): Promise<readonly string[]> {
    const turn = this.#reloading.then(() => this.#record.keep(() => this.#reload(), this.#say));
    this.#reloading = turn.catch(() => {});
    return turn;
  }

  /** Ends all processes. Resolves with whether all of them closed everything in time. */
  async stop(): Promise<boolean> {
    this.#isStopping = true;
    await this.#admin?.close();
    await this.#metrics[Symbol.asyncDispose]();
    for (const slot of this.#slots) slot.end();
    const all = [...this.#processes];
    for (const one of all) one.stop();
    const exits = Promise.all(all.map(({ exited }) => exited));
    const isClean = await Promise.race([
      exits.then((each) => each.every(({ code }) => code === 0)),
      delay(STOP_MS, false, { ref: false }),
    ]);
    for (const one of this.#processes) one.kill();
    return isClean;
  }

  /** For an error that nobody expected. */
  reportUncaught(error: unknown): void {
    this.#say('error', `uncaught: ${messageOf(error)}`);
  }

  get #ready(): readonly FrontProcess[] {
    return this.#slots.map((slot) => slot.process).filter(({ isReady }) => isReady);
  }

  #fork(): FrontProcess {
    const process = new FrontProcess({
      isFirst: this.#started === null,
      portOffset: this.#started?.portOffset ?? null,
      umask: this.#umask,
    });
    this.#processes.add(process);
    void process.exited.then(() => this.#processes.delete(process));
    return process;
  }

  #add(process: FrontProcess): void {
    this.#slots.push(new Slot(process, () => this.#fork(), this.#say));
  }

  async #reload(): Promise<readonly string[]> {
    if (this.#isStopping) throw new Error('the server is stopping');
    const { configDirectory, dataDirectory, processes: given } = this.#options;
    const front = readFront(configDirectory, given);
    const { processes, mailStore } = front;
    if (mailStore !== this.#mailStore)
      throw new Error(
        'main.cf: mail_store has changed, and old and new processes must not use different stores; stop the server and start it again',
      );
    clearLeftOut(dataDirectory);
    // Those of an earlier reload: there are never more than two sets of processes.
    for (const one of this.#leaving) one.stop();
    const notes: string[] = [];
    for (let place = 0; place < processes; place += 1) {
      const fresh = this.#fork();
      try {
        const started = await fresh.ready;
        if (place === 0) notes.push(...started.notes);
      } catch (error) {
        if (place === 0) throw error;
        throw new Error(
          `${place} of ${processes} processes have the new configuration, the others keep the old one: ${messageOf(error)}`,
          { cause: error },
        );
      }
      const slot = this.#slots[place];
      if (slot === undefined) this.#add(fresh);
      else this.#retire(slot.replace(fresh));
    }
    for (const slot of this.#slots.splice(processes)) this.#retire(slot.end());
    notes.push(...(await front.choosePrivileges().asOwner(() => this.#openMetrics(front))));
    this.#say('info', `configuration reloaded by ${processes} processes`);
    return notes;
  }

  #retire(process: FrontProcess): void {
    this.#leaving.add(process);
    void process.exited.then(() => this.#leaving.delete(process));
    process.handOver();
  }

  async #answer(line: string): Promise<Answer> {
    const own = this.#own[nameOf(line)];
    if (own !== undefined) return own();
    const [first, ...others] = this.#ready;
    if (first === undefined) return { error: 'no process of the server is running at this moment; see the log' };
    const answer = await first.ask(line);
    if (FOR_EACH.has(nameOf(line))) await Promise.all(others.map((one) => one.ask(line)));
    return answer;
  }

  #openMetrics({ metricsListen }: Front): Promise<readonly string[]> {
    return this.#metrics.become(metricsListen, this.#started?.portOffset ?? 0);
  }

  /** What is about all processes. */
  readonly #own: Readonly<Record<string, () => Promise<Answer>>> = {
    'server.status': () => this.#status(),
    'server.metrics': async () => ({ result: await this.#families() }),
    'server.reload': async () => {
      try {
        return { result: { notes: await this.reload() } };
      } catch (error) {
        return error instanceof ConfigurationError ? { faults: error.faults } : { error: messageOf(error) };
      }
    },
    'server.stop': async () => {
      this.#options.onStop();
      return { result: { stopping: true } };
    },
  };

  /** What every process says that can. */
  async #askAll(name: string): Promise<unknown[]> {
    const line = JSON.stringify({ name, given: {} });
    const running = [...this.#processes].filter(({ isReady }) => isReady);
    const answers = await Promise.all(running.map((one) => one.ask(line)));
    return answers.flatMap((answer) => ('result' in answer ? [answer.result] : []));
  }

  /** Counters fall when a process ends, which Prometheus takes for a restart. */
  async #families(): Promise<Family[]> {
    return mergeFamilies([...((await this.#askAll('server.metrics')) as Family[][]), processFamilies()]);
  }

  /** The sums over all of them. */
  async #status(): Promise<Answer> {
    const each = (await this.#askAll('server.status')) as ServerStatus[];
    const [first] = each;
    if (first === undefined) return { error: 'no process of the server is running at this moment; see the log' };
    const sum = (of: (status: ServerStatus) => number): number => each.reduce((total, status) => total + of(status), 0);
    const status: ServerStatus = {
      ...first,
      problems: [...new Set([...this.#record.refusal, ...each.flatMap(({ problems }) => problems)])],
      pid: process.pid,
      connections: sum(({ connections }) => connections),
      sessions: {
        smtp: sum(({ sessions }) => sessions.smtp),
        imap: sum(({ sessions }) => sessions.imap),
        pop3: sum(({ sessions }) => sessions.pop3),
      },
      uptime: Math.round(process.uptime()),
      deliveries: sum(({ deliveries }) => deliveries),
      memory: sum(({ memory }) => memory) + process.memoryUsage().rss,
    };
    return { result: status };
  }
}

/** The operation of a request; '' where it has none, which the process that is asked will say. */
function nameOf(line: string): string {
  try {
    const { name } = JSON.parse(line) as { readonly name?: unknown };
    return typeof name === 'string' ? name : '';
  } catch {
    return '';
  }
}
