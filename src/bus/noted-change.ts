/** Changes of a message that are noted, and not made. */
import type { Header } from '../protocol/mime/header.ts';
import type { MessageChange } from './hook.ts';

export interface Noting {
  readonly header: Header;
  content(): AsyncIterable<Buffer>;
  /** What others have changed before. */
  readonly before?: MessageChange['changed'];
  /** `header x-spam`, `body`. */
  readonly note?: (change: string) => void;
}

export function notedChange({ header, content, before, note = () => {} }: Noting): MessageChange {
  const fields: string[] = [...(before?.fields ?? [])];
  const changed = { fields, body: before?.body ?? false };
  const field = (name: string, value?: string): number => {
    fields.push(name.toLowerCase());
    note(`header ${name.toLowerCase()}`);
    const values = header.all(name);
    return value === undefined ? values.length : values.filter((one) => one === value).length;
  };
  return {
    addHeader: (name) => void field(name),
    replaceHeader: (name) => void field(name),
    removeHeader: (name, value) => field(name, value),
    renameHeader: (name) => field(name),
    async replaceBody(transform) {
      for await (const _piece of transform(content()));
      changed.body = true;
      note('body');
    },
    changed,
  };
}
