/**
 * `posthorn check`: reports what a start would say about a configuration, without starting (Postfix: postfix check).
 * Requirements G8 and P4.
 */
import { type Command, CommanderError } from 'commander';
import { ConfigurationError, formatFault } from '../config/fault.ts';
import { EX_CONFIG, printFaults, printJson } from './output.ts';
import { type PlaceOptions, place, withPlace } from './place.ts';

export function addCheckCommand(program: Command): void {
  withPlace(
    program
      .command('check')
      .description(
        'read the configuration as a start would and report every error and note; starts and changes nothing',
      ),
  ).action(async (options: PlaceOptions) => {
    const where = place(options);
    const { checkConfiguration } = await import('../app/check.ts');
    const { refused, faults, notes } = await checkConfiguration(where.config, where.data);
    if (where.json) printJson({ faults: faults.map((fault) => ({ ...fault, text: formatFault(fault) })), notes });
    else {
      for (const note of notes) console.log(`- ${note}`);
      if (faults.length === 0) console.log(`${where.config}: no faults.`);
      else
        printFaults(new ConfigurationError(faults), {
          json: false,
          meaning: refused ? 'a start would be refused' : 'a start would go on without these zones',
        });
    }
    if (faults.length > 0) throw new CommanderError(EX_CONFIG, 'posthorn.check', 'faulty configuration');
  });
}
