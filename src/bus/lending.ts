/**
 * What a plugin gets while it registers, with checks of what it registers: an unknown hook name, a handler that is not
 * a function, an invalid restriction. All errors are collected, even those the plugin catches; they make the start or
 * reload fail.
 */
import { nearest } from '../nearest.ts';
import { ownValue } from '../own-value.ts';
import type { Activation } from './activation.ts';
import type { Bus, PluginPolicy } from './bus.ts';
import { jobsOf } from './lent/register-jobs.ts';
import { readOutcome } from './outcome.ts';
import type { Server } from './plugin.ts';
import type { Outcome, Restriction } from './restriction.ts';
import { isThenable } from './settle.ts';
import { HOOK_NAMES, isHookName } from './verdict.ts';

/** The parts that do not depend on the bus. */
export type Lent = Omit<Server, 'on' | 'onClose' | 'defineRestriction' | 'restriction' | 'jobs' | 'route'>;

/** Alike for all plugins, wherever they run. */
export type LentToAll = Omit<Lent, 'config' | 'inWorker'>;

/** What of the bus is needed to register; a worker has its own. */
export interface PluginHost extends Pick<Bus, 'add'> {
  readonly restrictions: Pick<ReadonlyMap<string, Restriction>, 'has' | 'get'>;
}

/** Names in restriction lists are separated by white space and commas; `type:name` is a table. */
const WORD = /^[a-z_][\w.-]{0,99}$/i;
/** Hook names used by other servers, for hints. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  ehlo: 'helo',
  lhlo: 'helo',
  rcpt_to: 'rcpt',
  mail_from: 'mail',
  login: 'auth',
};

export interface Registrant {
  readonly plugin: string;
  readonly file: string;
  readonly policy: PluginPolicy;
  readonly isActive: Activation;
}

export class Lending {
  /** What the plugin gets. It may take the functions out of it. */
  readonly server: Server;
  readonly #faults: string[] = [];
  #open = true;

  constructor(bus: PluginHost, { plugin, file, policy, isActive }: Registrant, lent: Lent) {
    const place = bus.add(plugin, policy, { file, isActive });
    const faults = this.#faults;
    this.server = {
      ...lent,
      on: (hook, handler, options) =>
        this.#registering('server.on', () => {
          const priority: unknown = options?.priority ?? 0;
          const when: unknown = options?.when;
          if (!isHookName(hook)) faults.push(unknownHook(hook));
          else if (typeof handler !== 'function')
            faults.push(`server.on('${hook}') needs a function, got ${typeof handler}`);
          else if (typeof priority !== 'number' || !Number.isFinite(priority))
            faults.push(`server.on('${hook}') needs a number as its priority`);
          else if (when !== undefined && typeof when !== 'function')
            faults.push(`server.on('${hook}') needs a function as its when, got ${typeof when}`);
          else place.on(hook, handler, { ...options });
        }),
      onClose: (close) =>
        this.#registering('server.onClose', () => {
          if (typeof close !== 'function') faults.push(`server.onClose needs a function, got ${typeof close}`);
          else place.onClose(close);
        }),
      jobs: jobsOf({
        registering: (what, register) => this.#registering(what, register),
        add: (job, run) => place.addJob(job, run),
        fault: (message) => void faults.push(message),
      }),
      route: (method, path, handler) =>
        this.#registering('server.route', () => {
          const fault = routeFault(plugin, method, path, handler);
          if (fault !== null) faults.push(fault);
          else if (!place.addRoute({ plugin, method, path, handler, deadline: policy.deadline }))
            faults.push(`server.route('${method}', '${path}'): there is that route already`);
        }),
      defineRestriction: (word, restriction) =>
        this.#registering('server.defineRestriction', () => {
          const fault = restrictionFault(word, restriction);
          if (fault !== null) faults.push(fault);
          else if (bus.restrictions.has(word.toLowerCase()))
            faults.push(`defines the restriction ${word}, which another plugin defines already`);
          else place.define(word.toLowerCase(), checked(word, restriction, policy));
        }),
      restriction: (word) => bus.restrictions.get(word.toLowerCase()),
    };
  }

  /** Registration is over: later calls throw in the plugin. Returns the errors, one sentence each. */
  end(): readonly string[] {
    this.#open = false;
    return this.#faults;
  }

  /** Runs during registration; anything thrown is an error of the plugin. */
  #registering(what: string, register: () => void): void {
    if (!this.#open) throw new Error(`${what} was called after register() had ended; do it while registering`);
    register();
  }
}

function unknownHook(name: unknown): string {
  if (typeof name !== 'string') return `server.on needs a hook's name, got ${name === null ? 'null' : typeof name}`;
  const lower = name.toLowerCase();
  const meant = ownValue(OTHER_NAMES, lower) ?? nearest(lower, HOOK_NAMES);
  const shown = JSON.stringify(name.slice(0, 60));
  return `server.on(${shown}): there is no such hook; ${meant === undefined ? `known are ${HOOK_NAMES.join(', ')}` : `did you mean ${meant}?`}`;
}

function routeFault(plugin: string, method: unknown, path: unknown, handler: unknown): string | null {
  if (!/^[\w@.-]+$/.test(plugin)) return `server.route: ${JSON.stringify(plugin)} cannot be part of a path`;
  if (method !== 'GET' && method !== 'POST')
    return `server.route needs 'GET' or 'POST', got ${JSON.stringify(String(method).slice(0, 20))}`;
  if (typeof path !== 'string' || !/^(?:\/[\w~.-]+)+\/?$|^\/$/.test(path) || /\/\.{1,2}(?:\/|$)/.test(path))
    return `server.route('${method}') needs a path such as /status`;
  return typeof handler === 'function'
    ? null
    : `server.route('${method}', '${path}') needs a function, got ${typeof handler}`;
}

function restrictionFault(word: unknown, restriction: unknown): string | null {
  if (typeof word !== 'string' || !WORD.test(word))
    return `server.defineRestriction needs a name of letters, digits and underscores, got ${typeof word === 'string' ? JSON.stringify(word.slice(0, 60)) : typeof word}`;
  const what = `server.defineRestriction('${word}')`;
  if (typeof restriction !== 'object' || restriction === null)
    return `${what} needs { check(question) { … } }, got ${restriction === null ? 'null' : typeof restriction}`;
  const { check, takesArgument } = restriction as { readonly check?: unknown; readonly takesArgument?: unknown };
  if (typeof check !== 'function') return `${what} needs a function check, got ${typeof check}`;
  if (takesArgument !== undefined && typeof takesArgument !== 'boolean')
    return `${what} needs true or false as takesArgument, got ${typeof takesArgument}`;
  return null;
}

/** The restriction with its outcomes checked: an invalid outcome is a failure of the restriction. */
function checked(word: string, restriction: Restriction, { stateless }: PluginPolicy): Restriction {
  return {
    takesArgument: restriction.takesArgument === true,
    stateful: restriction.stateful ?? stateless !== true,
    check: (question) => {
      const outcome: unknown = restriction.check(question);
      return isThenable(outcome)
        ? new Promise<unknown>((settle) => settle(outcome)).then((value): Outcome => readOutcome(word, value))
        : readOutcome(word, outcome);
    },
  };
}
