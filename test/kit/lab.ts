/** The lab's files; where the run has a MongoDB server, a copy in which each company has a database of its own there. */
import { appendFileSync, cpSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { removeFolder, temporaryFolder } from './folder.ts';
import { ON_MONGODB } from './store.ts';

export const LAB = fileURLToPath(new URL('../../lab', import.meta.url));

export interface LabFiles {
  readonly folder: string;
  /** Removes what was made. */
  remove(): Promise<void>;
}

export async function openLabFiles(): Promise<LabFiles> {
  if (!ON_MONGODB) return { folder: LAB, remove: async () => {} };
  const { openDatabase } = await import('../mongodb/database.ts');
  const folder = temporaryFolder('lab-files');
  cpSync(LAB, folder, { recursive: true });
  const databases = await Promise.all(['baidu', 'qq'].map(() => openDatabase()));
  for (const [i, site] of ['baidu', 'qq'].entries())
    appendFileSync(join(folder, site, 'main.cf'), `mail_store = ${databases[i]?.uri}\n`);
  const remove = async (): Promise<void> => {
    await Promise.all(databases.map((database) => database.close()));
    removeFolder(folder);
  };
  return { folder, remove };
}
