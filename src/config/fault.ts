/**
 * A fault in a configuration file: where it is, what was meant, what to do.
 *
 * Readers never stop at the first one: they gather all faults, so that a person mends a file once.
 * A `TableFault` thrown by src/lookup has the same shape and can be pushed into the same list.
 */

export interface Fault {
  readonly file: string;
  /** Counted from 1; 0 where the fault is about the file as a whole. */
  readonly line: number;
  readonly parameter?: string;
  /** What is wrong, what was expected, what to do; without the place. */
  readonly message: string;
}

/** `file:line: parameter: message`, the form in which every fault, warning and note is shown. */
export function formatFault(fault: Fault): string {
  const place = fault.line > 0 ? `${fault.file}:${fault.line}` : fault.file;
  return fault.parameter === undefined
    ? `${place}: ${fault.message}`
    : `${place}: ${fault.parameter}: ${fault.message}`;
}

/** Services share their settings: what is said of one is not said again of the others. */
export function uniqueFaults(faults: readonly Fault[]): Fault[] {
  return [...new Map(faults.map((fault) => [JSON.stringify(fault), fault])).values()];
}

/** Refuses a start: carries every fault that was found. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  readonly faults: readonly Fault[];
  constructor(faults: readonly Fault[]) {
    super(faults.map(formatFault).join('\n'));
    this.faults = faults;
  }
}
