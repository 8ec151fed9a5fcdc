/**
 * `npm run simulate [-- --accounts N …]`: what so many accounts need, and what breaks first. `--json` prints it as JSON,
 * `--measure` measures the costs first and writes measured.json. `--help` shows all options.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { table } from '../../../src/cli/output.ts';
import { assumed } from './assumptions.ts';
import type { Measured } from './figures.ts';
import { INPUT_NAMES, INPUTS, readInputs } from './inputs.ts';
import { whatBreaks } from './limits.ts';
import { simulate } from './model.ts';
import { drawPopulation } from './population.ts';
import { report } from './report.ts';

const MEASURED = new URL('./measured.json', import.meta.url);

const { values } = parseArgs({
  options: {
    ...Object.fromEntries(INPUT_NAMES.map((name) => [name, { type: 'string' } as const])),
    json: { type: 'boolean' },
    measure: { type: 'boolean' },
    help: { type: 'boolean' },
  },
});

if (values['help'] === true)
  console.log(
    table(
      ['option', 'default', 'means'],
      INPUT_NAMES.map((name) => [`--${name}`, String(INPUTS[name].value), INPUTS[name].about]),
    ),
  );
else {
  if (values['measure'] === true) {
    const { measure } = await import('./measure.ts');
    writeFileSync(MEASURED, `${JSON.stringify(await measure((text) => console.error(text)), null, 2)}\n`);
  }
  const measured = JSON.parse(readFileSync(MEASURED, 'utf8')) as Measured;
  const inputs = readInputs(values as Readonly<Record<string, string | boolean | undefined>>);
  const population = drawPopulation(inputs);
  const result = simulate(inputs, population, measured, assumed());
  const breaking = whatBreaks(inputs, population, measured, assumed());
  console.log(
    values['json'] === true
      ? JSON.stringify({ ...result, breaking }, null, 2)
      : report(result, breaking, measured, assumed()),
  );
}
