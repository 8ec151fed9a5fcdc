/**
 * `npm run bench [-- ROW…]`: measures the whole server from outside, prints a table and writes the results to
 * bench.json. Machines are shared and noisy: compare figures of one run, as ratios. The name of a row, or a prefix of
 * it, selects it.
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { table } from '../../src/cli/output.ts';
import { deliveryRows } from './delivery.ts';
import { dnsRows } from './dns.ts';
import { imapRows } from './imap.ts';
import { memoryRows } from './memory.ts';
import { pluginRows } from './plugins.ts';
import { policyRows } from './policy.ts';
import type { Measurement } from './row.ts';
import { startRows } from './start.ts';

const rows = [...deliveryRows, ...policyRows, ...pluginRows, ...imapRows, ...dnsRows, ...memoryRows, ...startRows];
const wanted = process.argv.slice(2);
const chosen = wanted.length === 0 ? rows : rows.filter(({ name }) => wanted.some((prefix) => name.startsWith(prefix)));
if (chosen.length === 0) {
  console.error(`no row begins with ${wanted.join(' or ')}; there are: ${rows.map(({ name }) => name).join(', ')}`);
  process.exit(1);
}

const measured: Measurement[] = [];
for (const [index, row] of chosen.entries()) {
  console.log(`[${index + 1}/${chosen.length}] ${row.name}: ${row.about}`);
  measured.push(...(await row.measure((text) => console.log(`    ${text}`))));
}
console.log(
  `\n${table(
    ['row', 'value', 'unit', 'better'],
    measured.map(({ name, value, unit, better }) => [name, value.toLocaleString('en'), unit, better]),
  )}`,
);
console.log(
  `\nNode ${process.version}, ${cpus().length} processors (${cpus()[0]?.model ?? 'unknown'}), the sender on the same.`,
);
writeFileSync('bench.json', `${JSON.stringify(measured, null, 2)}\n`);
