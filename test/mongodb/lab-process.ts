/**
 * The lab in a process of its own: `node lab-process.ts FILES OFFSET`. Tells what clients need to know of it, creates
 * the accounts that it is told to, and ends with the process that forked it.
 */
import { openLab, type RunningLab } from '../../src/lab/lab.ts';
import { hashPassword } from '../../src/server/login/password.ts';

/** What can be told: a site's ports are those of the lab, plus the offset. */
export interface Told {
  readonly ca: Readonly<Record<'baidu' | 'qq', string>>;
}

/** An account to be created at baidu; its password is its name, as in all of the lab. */
export interface Order {
  readonly user: string;
}

const [files = '', portOffset = ''] = process.argv.slice(2);
const { servers, lab, close }: RunningLab = await openLab({
  files,
  portOffset: Number(portOffset),
  onProgress: () => {},
});
process.on('message', async ({ user }: Order) => {
  await servers['baidu']?.store.directory.create({
    address: `${user}@${lab.baidu.domain}`,
    passwordHash: await hashPassword(user),
  });
  process.send?.({ user } satisfies Order);
});
process.on('disconnect', () => void close());
process.send?.({ ca: { baidu: lab.baidu.ca, qq: lab.qq.ca } } satisfies Told);
