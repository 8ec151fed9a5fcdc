/**
 * The next version of a plugin, which is asked what the used one is asked, and decides nothing: it gets copies, before
 * the used version is called, and what differs in the answers is logged. It delays a call by at most `WAIT_MS`; one that
 * fails often is left alone for a while, as every handler is.
 */
import type { Clock } from '../../clock.ts';
import { counters } from '../../counters.ts';
import { firstLineOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { formatReply } from '../../mail/status.ts';
import type { Accompanying, Beside, PluginPlace } from '../bus.ts';
import { checkChanges } from '../changes.ts';
import { Circuit } from '../circuit.ts';
import { type HookName, NEXT, type Verdict } from '../hook.ts';
import type { PluginHost } from '../lending.ts';
import { queueIdOf } from '../queue-id.ts';
import { LATE, within } from '../settle.ts';
import { isObserving, readVerdict } from '../verdict.ts';
import { Copies, changeable } from './copies.ts';

/** The longest that a message waits for a version that decides nothing, ms. */
export const WAIT_MS = 1_000;
const LONGEST_WORDS = 300;

type AnyHandler = (argument: never) => unknown;

interface Listening {
  readonly priority: number;
  readonly handler: AnyHandler;
}

const PASS: AnyHandler = () => NEXT;

export interface ShadowOptions {
  readonly plugin: string;
  /** What was imported. */
  readonly file: string;
  readonly log: Log;
  readonly clock: Clock;
  /** What the used plugins define. */
  readonly restrictions: PluginHost['restrictions'];
}

/** It registers here instead of on the bus. Its jobs do not run, its routes are not served, its restrictions not asked. */
export class Shadow implements PluginHost, Accompanying {
  readonly file: string;
  readonly restrictions: PluginHost['restrictions'];
  readonly #options: ShadowOptions;
  readonly #copies = new Copies();
  readonly #listening = new Map<HookName, Listening[]>();
  readonly #closers: (() => void | Promise<void>)[] = [];

  constructor(options: ShadowOptions) {
    this.#options = options;
    this.file = options.file;
    this.restrictions = options.restrictions;
  }

  add(): PluginPlace {
    return {
      on: (hook, handler, { priority = 0 } = {}) => {
        const listening = [...(this.#listening.get(hook) ?? []), { priority, handler }];
        this.#listening.set(
          hook,
          listening.sort((a, b) => a.priority - b.priority),
        );
      },
      onClose: (close) => void this.#closers.push(close),
      define: () => {},
      addJob: () => {},
      addRoute: () => true,
    };
  }

  get hooks(): readonly HookName[] {
    return [...this.#listening.keys()];
  }

  priorities(hook: HookName): readonly number[] {
    return (this.#listening.get(hook) ?? []).map(({ priority }) => priority);
  }

  /** One that has no opinion if there are fewer. */
  at(hook: HookName, n: number): Beside {
    return new BesideHandler(hook, this.#listening.get(hook)?.[n]?.handler ?? PASS, this.#copies, this.#options);
  }

  async close(): Promise<void> {
    for (const close of this.#closers.toReversed()) await close();
  }
}

/** What a version said, and what it changed. */
interface Said {
  readonly verdict: Verdict;
  readonly changes: ReadonlyMap<string, string>;
}

/** One handler of it. */
class BesideHandler implements Beside {
  readonly #hook: HookName;
  readonly #handler: AnyHandler;
  readonly #copies: Copies;
  readonly #options: ShadowOptions;
  readonly #circuit: Circuit;

  constructor(hook: HookName, handler: AnyHandler, copies: Copies, options: ShadowOptions) {
    this.#hook = hook;
    this.#handler = handler;
    this.#copies = copies;
    this.#options = options;
    this.#circuit = new Circuit(options.clock);
  }

  async compare(argument: object, askUsed: () => Verdict | Promise<Verdict>): Promise<Verdict> {
    const before = changeable(this.#hook, argument);
    const next = await this.#ask(argument);
    const verdict = await askUsed();
    if (next === null) return verdict;
    const words = inWords(next, before);
    const used = inWords({ verdict, changes: changeable(this.#hook, argument) }, before);
    this.#count(words === used ? 'same' : 'different');
    if (words !== used) this.#tell('info', argument, `the next version answers ${words}; the one in use ${used}`);
    return verdict;
  }

  /** Null where it has no answer. */
  async #ask(argument: object): Promise<Said | null> {
    if (!this.#circuit.admits()) {
      this.#count('skipped');
      return null;
    }
    try {
      const copy = this.#copies.of(this.#hook, argument);
      const answer = await within(Promise.resolve(copy as never).then(this.#handler), WAIT_MS);
      if (answer === LATE) throw new Error(`no answer within ${WAIT_MS / 1000} s`);
      const verdict = answer === undefined && isObserving(this.#hook) ? NEXT : readVerdict(answer);
      checkChanges(this.#hook, copy);
      this.#circuit.succeeded();
      return { verdict, changes: changeable(this.#hook, copy) };
    } catch (error) {
      this.#count('failed');
      const pause = this.#circuit.failed();
      const then = pause > 0 ? `; it is not called for ${pause / 1000} s` : '';
      this.#tell('warn', argument, `the next version failed: ${firstLineOf(error)}${then}`);
      return null;
    }
  }

  #count(result: 'same' | 'different' | 'failed' | 'skipped'): void {
    counters.nextVersions.count(this.#options.plugin, this.#hook, result);
  }

  #tell(level: 'info' | 'warn', argument: object, text: string): void {
    const { plugin, log } = this.#options;
    const queueId = queueIdOf(argument);
    log[level](
      { plugin, hook: this.#hook, ...(queueId === null ? {} : { queueId }) },
      `plugin ${plugin}: ${this.#hook}${queueId === null ? '' : ` of ${queueId}`}: ${text}`,
    );
  }
}

function inWords({ verdict, changes }: Said, before: ReadonlyMap<string, string>): string {
  const reply = 'reply' in verdict && verdict.reply !== undefined ? ` ${formatReply(verdict.reply)}` : '';
  const changed = [...changes].filter(([field, value]) => before.get(field) !== value);
  return [`${verdict.code}${reply}`, ...changed.map(([field, value]) => `${field} ${value}`)]
    .join(', ')
    .slice(0, LONGEST_WORDS);
}
