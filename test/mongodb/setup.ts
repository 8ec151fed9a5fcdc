/** The MongoDB server that all test files of a run share, and what tells them where it is: vitest's globalSetup. */
import type { TestProject } from 'vitest/node';
import { type MongoAddress, startMongo } from '../kit/mongodb.ts';

declare module 'vitest' {
  interface ProvidedContext {
    mongo: MongoAddress;
  }
}

export async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const { name, at, uri, abilities, ours, close } = await startMongo();
  const cannot = Object.entries(abilities).flatMap(([ability, has]) => (has ? [] : [ability]));
  console.log(
    `MongoDB tests run against ${name} at ${at}${cannot.length === 0 ? '' : `, without ${cannot.join(', ')}`}`,
  );
  provide('mongo', { name, at, uri, abilities, ours });
  return close;
}
