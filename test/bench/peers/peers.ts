/**
 * `npm run bench:peers [-- ROW…]`: compares Posthorn with Debian's Postfix, Dovecot and BIND on the same machine, under
 * the same load in turn. Prints a table and writes bench.json. The name of a row, or a prefix of it, selects it.
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { table } from '../../../src/cli/output.ts';
import { writeCertificate } from './certificate.ts';
import { closing } from './closing.ts';
import { compareRows, shown } from './compare.ts';
import { startPeers } from './debian.ts';
import { fillMailboxes, settle } from './fill.ts';
import { openGenerator } from './generator.ts';
import { readOptions } from './options.ts';
import { installPeers } from './packages.ts';
import { startPosthorn } from './posthorn.ts';
import { textsPrepared } from './prepared.ts';

const began = performance.now();
const say = (text: string): void => console.log(text);
const options = readOptions({ messages: 2_000, rounds: 2, seconds: 2, calm: 30 });
installPeers(say);
await closing(async (close, ended) => {
  const certificate = await writeCertificate();
  close(certificate.remove);
  const posthorn = await startPosthorn({ certificate });
  close(() => posthorn.stop());
  const peers = await startPeers(certificate);
  close(() => peers.stop());
  const [generator, second] = [openGenerator(), openGenerator()];
  close(generator.stop);
  close(second.stop);
  for (const side of [posthorn, peers]) await fillMailboxes(side, options.rows, options.messages, say);
  await settle(posthorn.pid);
  if (options.rows.some(({ name }) => name.startsWith('search'))) await textsPrepared(posthorn.folders.data, say);
  const tools = { generator, second, messages: options.messages, seconds: options.seconds, say };
  const compared = await compareRows([posthorn, peers], options, tools, say, ended);
  say(
    `\nRatio: more is better for Posthorn in every row (2 is twice as fast, or half of the time or memory).\n\n${table(
      ['row', 'Posthorn', 'peer', 'ratio', 'unit'],
      compared.map(({ name, posthorn, peer, ratio, unit }) => [
        name,
        shown(posthorn),
        shown(peer),
        ratio === null ? '-' : ratio.toFixed(2),
        unit,
      ]),
    )}`,
  );
  say(
    `\n${options.messages} messages, ${options.rounds} rounds of ${options.seconds} s, Node ${process.version}, ` +
      `${cpus().length} processors (${cpus()[0]?.model ?? 'unknown'}), the load on the same; ` +
      `${Math.round((performance.now() - began) / 1000)} s in all.`,
  );
  writeFileSync('bench.json', `${JSON.stringify(compared, null, 2)}\n`);
});
