/** What plugins tell each other about a connection or a transaction. */

declare const VALUE: unique symbol;

/** The name of a note whose value is a T. At run time it is the name alone. */
export type NoteKey<T> = string & { readonly [VALUE]: T };

/** `noteKey<number>('greylist.wait')`: export it, so that other plugins read the note with its type. */
export const noteKey = <T>(name: string): NoteKey<T> => name as NoteKey<T>;

/** With a `NoteKey` values have its type, with any other name they are unknown. */
export interface Notes extends Map<string, unknown> {
  get<K extends string>(key: K): K extends NoteKey<infer T> ? T | undefined : unknown;
  set<K extends string>(key: K, value: K extends NoteKey<infer T> ? T : unknown): this;
}

export const makeNotes = (): Notes => new Map<string, unknown>() as Notes;
