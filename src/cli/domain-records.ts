/** `posthorn domain records` and `domain check`: what a domain should publish, and what others see of it. */
import { type Command, CommanderError, InvalidArgumentError } from 'commander';
import type { Finding } from '../app/domain/check.ts';
import { EX_TEMPFAIL, printJson, table } from './output.ts';
import { type PlaceOptions, place, withPlace } from './place.ts';

interface DomainOptions extends PlaceOptions {
  readonly portOffset: number;
}
interface RecordOptions extends DomainOptions {
  readonly table: boolean;
  readonly makeKeys: boolean;
}

const offset = (text: string): number => {
  const given = Number(text);
  if (!Number.isInteger(given) || given < 0 || given > 65_000) throw new InvalidArgumentError('expected 0 to 65000.');
  return given;
};

export function addDomainRecords(domain: Command): void {
  withPlace(
    domain
      .command('records <domain>')
      .description('all that a domain should publish for its mail, as lines of a BIND zone'),
  )
    .option('--table', 'as a table', false)
    .option('--make-keys', 'make its DKIM keys now, if it has none yet', false)
    .action(async (name: string, { table: asTable, makeKeys, ...options }: RecordOptions) => {
      const { config, data, json } = place(options);
      const { domainRecords } = await import('../app/domain/command.ts');
      const { bindLines } = await import('../app/domain/records.ts');
      const found = await domainRecords({ config, data, portOffset: 0 }, name, { makeKeys, now: Date.now() });
      if (json) {
        printJson(found);
        return;
      }
      const { records, notes } = found;
      const rows = records.map(({ name: at, type, data: value, purpose }) => [at, type, value, purpose]);
      console.log(asTable ? table(['name', 'type', 'data', 'what for'], rows) : bindLines(records));
      for (const note of notes) console.error(`Note: ${note}`);
    });
  withPlace(
    domain
      .command('check <domain>')
      .description(
        'what other servers would check about a domain: what they see, what is wrong, and what to write where',
      ),
  )
    .option('--port-offset <n>', "of the running server's name server, as for start", offset, 0)
    .action(async (name: string, { portOffset, ...options }: DomainOptions) => {
      const { config, data, json } = place(options);
      const { domainFindings } = await import('../app/domain/command.ts');
      const findings = await domainFindings({ config, data, portOffset }, name, Date.now());
      if (json) printJson(findings);
      else console.log(findings.map(words).join('\n'));
      const has = (state: Finding['state']): boolean => findings.some((one) => one.state === state);
      if (has('wrong')) throw new CommanderError(1, 'posthorn.domain', 'something is wrong');
      if (has('unknown')) throw new CommanderError(EX_TEMPFAIL, 'posthorn.domain', 'not all could be checked');
    });
}

const words = ({ what, state, seen, todo }: Finding): string =>
  `${state.padEnd(8)}${what}: ${seen}${todo === '' ? '' : `\n        -> ${todo}`}`;
