/**
 * An error in a configuration file: where it is, what was expected, what to do.
 *
 * Readers do not stop at the first one: they gather all errors, so that a file can be corrected in one go. A
 * `TableFault` thrown by src/lookup has the same shape and can be added to the same list.
 */

export interface Fault {
  readonly file: string;
  /** Counted from 1; 0 if the error concerns the file as a whole. */
  readonly line: number;
  readonly parameter?: string;
  /** What is wrong, what was expected, what to do; without the location. */
  readonly message: string;
}

/** `file:line: parameter: message`, the form in which every error, warning and note is shown. */
export function formatFault(fault: Fault): string {
  const place = fault.line > 0 ? `${fault.file}:${fault.line}` : fault.file;
  return fault.parameter === undefined
    ? `${place}: ${fault.message}`
    : `${place}: ${fault.parameter}: ${fault.message}`;
}

/** Services share settings: the same error is not reported for each of them. */
export function uniqueFaults(faults: readonly Fault[]): Fault[] {
  return [...new Map(faults.map((fault) => [JSON.stringify(fault), fault])).values()];
}

/** Makes a start fail: contains every error found. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  readonly faults: readonly Fault[];
  constructor(faults: readonly Fault[]) {
    super(faults.map(formatFault).join('\n'));
    this.faults = faults;
  }
}
