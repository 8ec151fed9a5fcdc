/** The interface through which schemas of any library are used (https://standardschema.dev). */
import { nearest } from '../../nearest.ts';

/** Standard Schema, version 1: the part that is used here. */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    validate(value: unknown): SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What is said about a key that nobody reads. */
export function unknownKey(key: string, known: readonly string[]): string {
  const meant = nearest(key, known);
  return `is not known, ${meant === undefined ? `expected one of ${known.join(', ') || 'none'}` : `expected ${meant}?`}`;
}
