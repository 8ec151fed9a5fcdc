/**
 * A command of Postfix, Dovecot, BIND or Cyrus SASL under its own name: its options, its words and its exit codes are
 * those of the program of that name.
 */
import type { OptionFault } from '../getopt.ts';
import type { PlaceOptions } from '../place.ts';

export interface Call {
  /** The name it was called by. */
  readonly name: string;
  readonly options: readonly (readonly [letter: string, value: string])[];
  readonly operands: readonly string[];
  readonly where: PlaceOptions;
}

export interface NamedCommand {
  /** Options for getopt(3). */
  readonly letters: string;
  /** The option that names the configuration folder, if one does. */
  readonly folder?: string;
  /** Long options of our own, and the option each stands for. */
  readonly long?: Readonly<Record<string, string>>;
  /** Words that are read as others. */
  read?(name: string, words: readonly string[]): readonly string[];
  /** What follows `usage: `, for people. */
  readonly usage: string;
  /** Exit code of a fatal error. */
  readonly failure: number;
  /** What is said of wrong options, if not in Postfix's words; null: too few words. */
  complain?(fault: OptionFault | null): string;
  /** Resolves with the exit code. Rejects with Fatal, or like any command of Posthorn. */
  run(call: Call): Promise<number>;
}

/** Ends the command: `NAME: fatal: ` and the message on standard error. */
export class Fatal extends Error {
  override readonly name = 'Fatal';
  /** Another program that the real command would start: its name and exit code. */
  readonly of: { readonly program: string; readonly code: number } | null;

  constructor(message: string, of: { readonly program: string; readonly code: number } | null = null) {
    super(message);
    this.of = of;
  }
}

/** The words of the usage follow. */
export class UsageFault extends Error {
  override readonly name = 'UsageFault';
}

/** Whether a letter was given. */
export const isGiven = ({ options }: Pick<Call, 'options'>, letter: string): boolean =>
  options.some(([given]) => given === letter);

/** Every value of a letter. */
export const valuesOf = ({ options }: Pick<Call, 'options'>, letter: string): string[] =>
  options.flatMap(([given, value]) => (given === letter ? [value] : []));

export const warn = (name: string, message: string): void => console.error(`${name}: warning: ${message}`);
