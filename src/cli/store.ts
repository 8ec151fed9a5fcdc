/** `posthorn store`: copies a store into another one, checks it; imports and exports. */
import type { Command } from 'commander';
import { withPlace } from './place.ts';
import { checkStore } from './store-check.ts';
import { copyStore } from './store-copy.ts';
import { addPlanCommand } from './store-plan.ts';
import { addWildDuckCommands } from './wildduck.ts';

export function addStoreCommands(program: Command): void {
  const store = program
    .command('store')
    .description('the store of the mail: copy it into another one, check it, bring mail from and to other servers');
  withPlace(
    store
      .command('copy <from> <to>')
      .description(
        'make one store what another one is: accounts, mailboxes, messages with their UIDs, the queue; a store is sqlite:DIRECTORY or mongodb://HOST/DATABASE; run it again to go on where it was interrupted, and a last time when the server is stopped',
      ),
  )
    .option(
      '--thorough',
      'read all messages of both sides again and compare SHA-256, also of those copied before',
      false,
    )
    .action(copyStore);
  addPlanCommand(store);
  addWildDuckCommands(store);
  withPlace(
    store
      .command('check')
      .description(
        'look at every row, reference, count and message of the store, and say what is wrong and where; beside a server too',
      ),
  )
    .option(
      '--repair',
      'mend what follows from other data: counts, sizes, references, indexes; the server is stopped',
      false,
    )
    .action(checkStore);
}
