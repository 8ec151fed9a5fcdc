/** What all lists say of a message, in the time that they have together. */
import type { DnsLists, Listing } from './lists.ts';
import { ACTIONS, type Action, type ScoredList, type SubjectName } from './settings.ts';
import { listedDomain, reversedAddress } from './zone.ts';

/** What a list is asked about, as people know it: an address, a domain. */
export type Subjects = Readonly<Record<SubjectName, readonly string[]>>;

export interface Hit {
  readonly list: ScoredList;
  readonly subject: SubjectName;
  readonly what: string;
  readonly answer: string;
  readonly reason: string;
}

export interface Thresholds {
  readonly tag: number;
  readonly junk: number;
  readonly reject: number;
}

interface Question {
  readonly list: ScoredList;
  readonly subject: SubjectName;
  readonly what: string;
  readonly name: string;
}

/** Resolves when all have answered or `ms` are over; with what was answered by then. Never rejects. */
export async function hitsOf(
  lists: readonly ScoredList[],
  subjects: Subjects,
  dns: DnsLists,
  ms: number,
): Promise<readonly Hit[]> {
  const hits: Hit[] = [];
  const asked = questions(lists, subjects).map(async (question) => {
    const listing = await dns.ask(question.name, question.list.zone);
    const hit = hitIn(question, listing);
    if (hit !== null) hits.push(hit);
    const refusal = listing.addresses.find(question.list.refuses);
    if (refusal !== undefined) dns.tellRefusal(question.list.zone, refusal, listing.reason);
  });
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, ms);
  await Promise.race([Promise.all(asked), late.promise]);
  clearTimeout(timer);
  const found = [...hits];
  return oncePerList(found.sort((one, other) => lists.indexOf(one.list) - lists.indexOf(other.list)));
}

function questions(lists: readonly ScoredList[], subjects: Subjects): readonly Question[] {
  return lists.flatMap((list) =>
    [...list.asks].flatMap((subject) =>
      subjects[subject].flatMap((what) => {
        const reversed = reversedAddress(what);
        if (subject === 'uri' && reversed !== null && !list.addresses) return [];
        const label = reversed ?? listedDomain(what);
        return label === null ? [] : [{ list, subject, what, name: `${label}.${list.zone}` }];
      }),
    ),
  );
}

function hitIn({ list, subject, what }: Question, { addresses, reason }: Listing): Hit | null {
  const answer = addresses.find(list.counts);
  return answer === undefined ? null : { list, subject, what, answer, reason };
}

/** A list counts once for each thing that it is asked about, however many links lead there. */
const oncePerList = (hits: readonly Hit[]): readonly Hit[] =>
  hits.filter((hit, i) => hits.findIndex(({ list, subject }) => list === hit.list && subject === hit.subject) === i);

export const scoreOf = (hits: readonly Hit[]): number => hits.reduce((sum, { list }) => sum + list.weight, 0);

/** The strictest that a list asks for, or the sum of all. */
export function actionFor(hits: readonly Hit[], { tag, junk, reject }: Thresholds): Action {
  const score = scoreOf(hits);
  const bySum: Action = score >= reject ? 'reject' : score >= junk ? 'junk' : score >= tag ? 'tag' : 'score';
  const all = [bySum, ...hits.map(({ list }) => list.action)];
  return ACTIONS.findLast((action) => all.includes(action)) ?? 'score';
}
