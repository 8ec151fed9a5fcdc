/**
 * docs/reference/parameters.md and the counts of `posthorn postconf --states`: the parameter table as documentation.
 */
import type { ParameterState, Row } from './parameters/row.ts';
import { parameterTable } from './parameters.ts';

/** Number of parameters in each state; `guards` are those that are not supported and make a start fail. */
export interface StateCounts {
  readonly acts: number;
  readonly noMeaning: number;
  readonly notSupported: number;
  readonly guards: number;
}

export function stateCounts(): StateCounts {
  const rows = [...parameterTable.values()];
  const count = (state: ParameterState): number => rows.filter((row) => row.state === state).length;
  return {
    acts: count('acts'),
    noMeaning: count('no meaning'),
    notSupported: count('not supported'),
    guards: rows.filter(({ guards }) => guards === true).length,
  };
}

export function describeCounts({ acts, noMeaning, notSupported, guards }: StateCounts): string {
  return `${acts} parameters act, ${noMeaning} have no meaning here, ${notSupported} are not supported yet (${guards} of them are security settings and make a start fail).`;
}

/**
 * docs/reference/parameters.md (`npm run docs`): in the order of `postconf`, in a single table, so that a browser's
 * search finds a name. @internal
 */
export function parameterReference(): string {
  return `${HEAD}
${describeCounts(stateCounts())}

| parameter | type | default | state | meaning |
|---|---|---|---|---|
${[...parameterTable].map(([name, row]) => `| \`${name}\` | ${row.type} | ${initial(row)} | ${stateOf(row)} | ${cell(row.doc)} |`).join('\n')}
`;
}

const HEAD = `# Parameters of main.cf

Generated from the table in \`src/config/postfix/parameters/\` by \`npm run docs\`; do not edit it here.

Names and defaults are those of Postfix 3.7 (postconf(5)), and a few of our own. Each parameter has one of these states:

- **acts**: it has an effect;
- **no meaning**: what it sets does not exist here, for the reason given; setting it is reported;
- **not supported**: it could have an effect but does not yet; setting it is reported;
- **not supported, guards**: the same, and users may rely on it for security: a start fails if it is set to more
  than its default, unless \`unsupported_parameters = warn\`.

A name that is not here is unknown: a likely misspelling refuses the start, any other name is reported as unused.
Parameters of a transport of your own (\`maildrop_destination_recipient_limit\`) are not supported; \`$name\` may refer to any parameter.
\`posthorn check\` reports what a configuration sets without effect; \`posthorn postconf --states\` prints the counts.
`;

const MAX_DEFAULT = 120;

function initial({ default: text }: Row): string {
  if (text === '') return '';
  const short = text.length > MAX_DEFAULT ? `${text.slice(0, MAX_DEFAULT)}…` : text;
  // Two backquotes around a text that contains one.
  const mark = short.includes('`') ? '``' : '`';
  return `${mark}${short.replaceAll('|', '\\|')}${mark}`;
}

function stateOf({ state, reason, guards }: Row): string {
  if (reason !== undefined) return `${state}: ${cell(reason)}`;
  return guards === true ? `${state}, guards` : state;
}

const cell = (text: string): string => text.replaceAll('|', '\\|');
