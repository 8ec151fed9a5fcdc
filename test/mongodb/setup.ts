/** The MongoDB server that all test files of a run share, and what tells them where it is: vitest's globalSetup. */
import type { TestProject } from 'vitest/node';
import { installPackages } from '../kit/debian-packages.ts';
import { type MongoAddress, missingPrograms, startMongo } from '../kit/mongodb.ts';

declare module 'vitest' {
  interface ProvidedContext {
    mongo: MongoAddress;
  }
}

export async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  // A server may be named in POSTHORN_TEST_MONGODB, or be installed, instead.
  if (missingPrograms().length > 0) installPackages('npm run test:mongodb', ['default-jdk-headless', 'maven']);
  const { name, at, uri, abilities, ours, close } = await startMongo();
  const cannot = Object.entries(abilities).flatMap(([ability, has]) => (has ? [] : [ability]));
  console.log(
    `MongoDB tests run against ${name} at ${at}${cannot.length === 0 ? '' : `, without ${cannot.join(', ')}`}`,
  );
  provide('mongo', { name, at, uri, abilities, ours });
  return close;
}
