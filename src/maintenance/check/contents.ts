/**
 * Contents, each once: all octets can be read and are as many as the store says; the prepared index is whole and names
 * places inside them; a prepared text for SEARCH is what is made of them.
 */
import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '../../errors.ts';
import type { Id } from '../../mail/account.ts';
import type { MessageIndex, Part as MimePart } from '../../mail/message.ts';
import { MessageIndexer } from '../../protocol/mime/indexer.ts';
import type { Inspection } from '../../store/check.ts';
import { Part } from '../../store/check-report.ts';
import { makeSearchText } from '../../store/search-preparation.ts';
import type { StoreSource } from '../../store/source.ts';
import type { ContentRecord } from '../../store/transfer.ts';
import { contentRecords } from '../content-records.ts';
import { together } from '../together.ts';
import type { CheckJob } from './job.ts';

/** Records asked for together, and contents read at the same time. */
const RECORDS = 100;
const AT_ONCE = 4;

export async function checkContents(job: CheckJob): Promise<readonly Inspection[]> {
  const { source, searchText, tally } = job;
  const contents = new Part('contents');
  const texts = new Part('texts for SEARCH');
  for await (const ids of source.check.contents()) tally.of += ids.length;
  for await (const ids of source.check.contents()) {
    for (let at = 0; at < ids.length; at += RECORDS) {
      const records = await contentRecords(source, ids.slice(at, at + RECORDS));
      await together(records, AT_ONCE, async ([id, record]) => {
        if (record !== null && (await checkContent(job, contents, id, record))) await checkText(job, texts, id);
        tally.done += 1;
      });
    }
  }
  return searchText === null ? [contents] : [contents, texts];
}

/** Returns whether all is well with it now. */
async function checkContent(
  { source, repair, isServed, tally }: CheckJob,
  part: Part,
  id: Id,
  record: ContentRecord | Error,
): Promise<boolean> {
  const place = record instanceof Error ? `content ${id}` : `message ${record.queueId}`;
  const size = await sizeOf(source, id).catch((error: unknown) => messageOf(error));
  if (isServed && typeof size === 'string' && (await isGone(source, id))) return false;
  part.checked += 1;
  if (typeof size === 'string') {
    part.add(place, size);
    return false;
  }
  tally.octets += size;
  if (!(record instanceof Error) && record.size !== size)
    part.add(place, `has ${size} octets, and its size is said to be ${record.size}`);
  const problem = record instanceof Error ? record.message : indexProblem(record.index, size);
  if (problem === null) return true;
  const isMended = (await repair?.check.putIndex(id, await makeIndex(source, id))) ?? false;
  part.add(place, problem, isMended);
  return isMended;
}

async function checkText({ source, repair, searchText }: CheckJob, part: Part, id: Id): Promise<void> {
  if (searchText === null) return;
  try {
    const text = await searchText(id);
    if (text === null) return;
    part.checked += 1;
    const made = await makeSearchText(source, id);
    if (isDeepStrictEqual({ ...text }, made)) return;
    await repair?.mailboxes.putSearchText(id, made);
    part.add(`content ${id}`, 'its text for SEARCH is not what is made of its octets', repair !== null);
  } catch (error) {
    part.add(`content ${id}`, `its text for SEARCH cannot be read: ${messageOf(error)}`);
  }
}

async function sizeOf({ content }: StoreSource, id: Id): Promise<number> {
  let size = 0;
  for await (const piece of content.stream(id)) size += piece.length;
  return size;
}

const isGone = async (source: StoreSource, id: Id): Promise<boolean> =>
  (await contentRecords(source, [id])).get(id) === null;

async function makeIndex({ content }: StoreSource, id: Id): Promise<MessageIndex> {
  const indexer = new MessageIndexer();
  for await (const piece of content.stream(id)) indexer.write(piece);
  return indexer.end();
}

function indexProblem({ envelope, bodyStructure, root }: MessageIndex, size: number): string | null {
  if (!isList(envelope) || !isList(bodyStructure)) return 'its prepared ENVELOPE or BODYSTRUCTURE is no list';
  if (!isPart(root, size)) return 'its prepared index names places outside of it';
  return root.bodyEnd === size ? null : `its prepared index ends at ${root.bodyEnd} of ${size} octets`;
}

const isList = (text: string): boolean => text.startsWith('(') && text.endsWith(')');

function isPart(part: MimePart, size: number): boolean {
  const places = [0, part.headerStart, part.bodyStart, part.bodyEnd, size];
  const inOrder = places.every((place, i) => Number.isInteger(place) && place >= (places[i - 1] ?? 0));
  return inOrder && Array.isArray(part.parts) && part.parts.every((inner) => isPart(inner, size));
}
