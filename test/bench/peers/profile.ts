/**
 * `npm run bench:profile -- ROW`: runs that row against Posthorn only, under --cpu-prof, and prints where its threads
 * spend their time. Another server fills the mailboxes first, and the row warms up before it is measured.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeCertificate } from './certificate.ts';
import { closing } from './closing.ts';
import { shown } from './compare.ts';
import { fillMailboxes, settle } from './fill.ts';
import { openGenerator } from './generator.ts';
import { readOptions } from './options.ts';
import { startPosthorn } from './posthorn.ts';
import { profileReport } from './profile-report.ts';

/** Load that is not measured, in s. */
const WARM_UP = 1;

const say = (text: string): void => console.log(text);
if (process.argv.length < 3) throw new Error('name a row: npm run bench:profile -- ROW');
const options = readOptions({ messages: 2_000, rounds: 1, seconds: 8, calm: 0 });
const microseconds = (): number => Number(process.hrtime.bigint() / 1000n);

await closing(async (close) => {
  const [generator, second] = [openGenerator(), openGenerator()];
  close(generator.stop);
  close(second.stop);
  const tools = { generator, second, messages: options.messages, seconds: options.seconds, say };
  const certificate = await writeCertificate();
  close(certificate.remove);
  const profiles = mkdtempSync(join(tmpdir(), 'posthorn-profiles-'));
  close(() => rmSync(profiles, { recursive: true, force: true }));

  const first = await startPosthorn({ certificate });
  const { folders } = first;
  close(() => rmSync(folders.root, { recursive: true, force: true }));
  close(() => first.stop({ keep: true }));
  await fillMailboxes(first, options.rows, options.messages, say);
  await settle(first.pid);
  await first.stop({ keep: true });

  const nodeOptions = ['--cpu-prof', `--cpu-prof-dir=${profiles}`, '--cpu-prof-interval=500'];
  const side = await startPosthorn({ certificate, folders, nodeOptions });
  close(() => side.stop());
  for (const row of options.rows) await row.measure(side, { ...tools, seconds: WARM_UP, say: () => {} });
  const from = microseconds();
  for (const row of options.rows) {
    say(`${row.name}: ${row.about}`);
    for (const { name, value, unit } of await row.measure(side, tools)) say(`    ${name} ${shown(value)} ${unit}`);
  }
  const to = microseconds();
  await side.stop({ keep: true });
  say(profileReport(profiles, { from, to }));
});
