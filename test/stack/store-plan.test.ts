/** `posthorn store plan` without a database; with one: test/mongodb/plan.test.ts. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StorePlan } from '../../src/app/store-plan.ts';
import { removeFolder } from '../kit/folder.ts';
import { type Finished, finish } from '../kit/launch.ts';
import { makeFolders } from '../kit/server.ts';

describe('posthorn store plan', () => {
  let folders: ReturnType<typeof makeFolders>;
  beforeAll(() => {
    folders = makeFolders({ 'main.cf': 'compatibility_level = 3.6\ninet_interfaces = 127.0.0.1\nalias_maps =\n' });
  });
  afterAll(() => removeFolder(folders.root));
  const plan = (...words: string[]): Promise<Finished> => finish(['store', 'plan', ...words, '-c', folders.config]);

  it('shows the shard keys, and the commands for them', async () => {
    const { code, out } = await plan();
    expect(code).toBe(0);
    expect(out).toContain('sh.shardCollection("posthorn.messages", { _id: 1 })');
    expect(out).toMatch(/^accounts +not sharded /m);
    expect(out).toMatch(/^mailboxes\.name +\{ account: 1, name: 1 \} +SELECT, LIST$/m);
  });

  it('knows no sizes where the store is not in a database', async () => {
    const { sizes, operations } = JSON.parse((await plan('--json')).out) as StorePlan;
    expect(sizes).toBeNull();
    expect(operations.length).toBeGreaterThan(20);
  });

  it('says what a database is named like', async () => {
    expect(await plan('elsewhere')).toMatchObject({
      code: 1,
      err: 'posthorn: "elsewhere" is not a MongoDB database: write mongodb://HOST/DATABASE\n',
    });
  });
});
