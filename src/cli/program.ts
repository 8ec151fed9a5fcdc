/**
 * The command line. Each subcommand is a file here; called by another name (`mailq`, `postconf`), the binary is that
 * subcommand. Handlers import what they need when they run, so that `--help` is fast.
 */
import { Command, CommanderError } from 'commander';
import { OperationError } from '../admin/operation.ts';
import { ConfigurationError } from '../config/fault.ts';
import { StoreUnavailableError } from '../store/store.ts';
import { ownVersion } from '../version.ts';
import { addAccountCommands } from './accounts.ts';
import { addCheckCommand } from './check.ts';
import { addExplainCommand } from './explain.ts';
import { addExportCommands } from './export.ts';
import { addImportCommands } from './import.ts';
import { addInstallLinksCommand } from './install-links.ts';
import { addLabCommand } from './lab.ts';
import { addLogCommand } from './log.ts';
import { addMetricsCommand } from './metrics.ts';
import { needless } from './named/needless.ts';
import { runNamed } from './named/run.ts';
import { namedCommands } from './named/table.ts';
import { EX_CONFIG, EX_TEMPFAIL, printFaults } from './output.ts';
import { addPluginCommands } from './plugin.ts';
import { addQueueCommands } from './queue.ts';
import { addSearchCommands } from './search.ts';
import { addServerCommands } from './server.ts';
import { addStartCommand } from './start.ts';
import { addStatusCommand } from './status.ts';
import { addStoreCommands } from './store.ts';
import { addTestCommand } from './test.ts';
import { addTopCommand } from './top.ts';
import { addUndeleteCommand } from './undelete.ts';
import { addZoneCommand } from './zone.ts';

/** The consequence of configuration errors for a command; other commands simply do nothing. */
const FAULTY: Readonly<Record<string, string>> = { start: 'nothing was started', reload: 'the old one stays in use' };

/**
 * Every command; docs/reference/cli.md is generated from it.
 * @internal
 */
export function createProgram(): Command {
  const program = new Command('posthorn')
    .description('A mail server in one process: SMTP, IMAP, POP3, DNS.')
    .version(ownVersion(), '-V, --version', 'the version')
    .showHelpAfterError('(posthorn --help shows all commands)')
    .exitOverride();
  for (const add of [
    addStartCommand,
    addStatusCommand,
    addMetricsCommand,
    addTopCommand,
    addServerCommands,
    addAccountCommands,
    addUndeleteCommand,
    addQueueCommands,
    addSearchCommands,
    addStoreCommands,
    addImportCommands,
    addExportCommands,
    addCheckCommand,
    addExplainCommand,
    addTestCommand,
    addPluginCommands,
    addZoneCommand,
    addLogCommand,
    addLabCommand,
    addInstallLinksCommand,
  ])
    add(program);
  // Their options are read by named/run.ts; here they are for the help.
  for (const [name, { description }] of namedCommands)
    program.command(name).description(description).argument('[words...]');
  return program;
}

/** Runs one command line; sets the process's exit code. */
export async function run(calledAs: string, argv: readonly string[]): Promise<void> {
  const program = createProgram();
  // The script of install-links passes the name that it was called by.
  const given = argv[0] === 'posthorn' ? argv.slice(1) : argv;
  const words = namedCommands.has(calledAs) ? [calledAs, ...given] : [...given];
  const [name = '', ...rest] = words;
  try {
    const instead = needless(name, rest);
    if (instead !== undefined) throw new OperationError(instead);
    if (namedCommands.has(name)) process.exitCode = await runNamed(name, rest);
    else await program.parseAsync(words, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode;
      return;
    }
    if (error instanceof ConfigurationError) {
      printFaults(error, { json: words.includes('--json'), meaning: FAULTY[words[0] ?? ''] ?? 'nothing was done' });
      process.exitCode = EX_CONFIG;
      return;
    }
    const known = error instanceof OperationError || (error instanceof Error && error.message !== '');
    console.error(`posthorn: ${known ? (error as Error).message : String(error)}`);
    if (process.env['POSTHORN_TRACE'] !== undefined) console.error(error);
    process.exitCode = error instanceof StoreUnavailableError ? EX_TEMPFAIL : 1;
  }
}
