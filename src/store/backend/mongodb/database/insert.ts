/** Inserts documents of which some may be there already. */
import type { Collection, OptionalUnlessRequiredId } from 'mongodb';

const DUPLICATE_KEY = 11_000;

interface WriteFault {
  readonly code?: number;
  readonly index?: number;
  readonly errmsg?: string;
}

/** Returns the indexes of those that were there. */
export async function insertMissing<T extends { readonly _id: string }>(
  collection: Collection<T>,
  documents: readonly T[],
): Promise<readonly number[]> {
  if (documents.length === 0) return [];
  try {
    await collection.insertMany(documents as readonly T[] as readonly OptionalUnlessRequiredId<T>[], {
      ordered: false,
    });
    return [];
  } catch (error) {
    const faults = writeFaults(error);
    if (faults === null || faults.some(({ code }) => code !== DUPLICATE_KEY)) throw error;
    return faults.map(({ index = 0 }) => index);
  }
}

/** Null if it was not a matter of single documents. A write concern that was not met is none. */
function writeFaults(error: unknown): readonly WriteFault[] | null {
  if (!(error instanceof Error) || !('writeErrors' in error)) return null;
  if ('result' in error && hasConcernError(error.result)) return null;
  const { writeErrors } = error as { readonly writeErrors: WriteFault | readonly WriteFault[] };
  const faults = Array.isArray(writeErrors) ? (writeErrors as readonly WriteFault[]) : [writeErrors as WriteFault];
  return faults.length === 0 ? null : faults;
}

const hasConcernError = (result: unknown): boolean =>
  typeof result === 'object' &&
  result !== null &&
  'getWriteConcernError' in result &&
  typeof result.getWriteConcernError === 'function' &&
  result.getWriteConcernError() !== undefined;

export const isDuplicate = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === DUPLICATE_KEY;
