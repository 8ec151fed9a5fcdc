/**
 * docs/reference/cli.md from the program itself: every command, argument and option as commander knows them.
 * Defaults that depend on the machine or on the folder are replaced by words; exit codes are a table here.
 */
import type { Argument, Command, Option } from 'commander';
import { createProgram } from '../../src/cli/program.ts';

const EXIT_CODES: readonly (readonly [code: string, meaning: string])[] = [
  [
    '0',
    'Done. For `posthorn start`: the server was stopped (`posthorn stop`, SIGTERM, SIGINT) and closed everything in time.',
  ],
  [
    '1',
    'Not done; standard error says why. Also: an unknown command or option, a zone with errors (`zone check`), a lab with a failed point, a copy that is not equal, a store that is not sound, a stop that took longer than 9.5 s, and a server whose store stopped by itself.',
  ],
  [
    '70',
    '`posthorn start` only: the event loop stood still, and the watchdog ended the process to be started again (`EX_SOFTWARE`; plugins/README.md).',
  ],
  ['73', 'The image only: a volume cannot be written (`EX_CANTCREAT`).'],
  ['69', '`postqueue` only: it cannot be done now, or the options are wrong (`EX_UNAVAILABLE`).'],
  [
    '75',
    '`sendmail`, `newaliases` and `mailq` by those names: not done. Otherwise: the database of `mail_store` cannot be reached, or refuses: it may work later (`EX_TEMPFAIL` of sysexits.h). `posthorn start` has waited for a minute.',
  ],
  ['78', 'The configuration has faults: all of them are printed, nothing was done (`EX_CONFIG` of sysexits.h).'],
  ['130', '`posthorn lab` only: interrupted by Ctrl-C.'],
];

const ENVIRONMENT: readonly (readonly [name: string, meaning: string])[] = [
  ['POSTHORN_CONFIG', 'The configuration folder where `--config` is not given.'],
  ['POSTHORN_DATA', 'The data folder where `--data` is not given.'],
  ['POSTHORN_WATCHDOG', '`off`: no watchdog. `exit`: end with code 70 instead of starting again in place.'],
  ['POSTHORN_TRACE', 'Set to anything: a command that fails also prints the stack of its error.'],
  [
    'NODE_COMPILE_CACHE',
    'Where Node keeps compiled code (default `$XDG_CACHE_HOME/posthorn`, or `~/.cache/posthorn`).',
  ],
];

/** Options that many commands share, described once in their own section. */
const COMMON: ReadonlySet<string> = new Set(['--config', '--data', '--json']);

/** Long names of options whose default depends on where the program runs. */
const DEFAULTS: ReadonlyMap<string, string> = new Map([
  ['--config', '`$POSTHORN_CONFIG`; otherwise `config` where `config/main.cf` exists; otherwise the shipped folder'],
  ['--data', '`$POSTHORN_DATA`; otherwise `data`'],
  ['--files', 'the folder `lab` of Posthorn'],
]);

const cell = (text: string): string => text.replaceAll('|', '\\|');

const tableOf = (head: readonly string[], rows: readonly (readonly string[])[]): string[] =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.map(cell).join(' | ')} |`);

function defaultOf({ long, defaultValue, defaultValueDescription }: Option): string {
  const words = DEFAULTS.get(long ?? '');
  if (words !== undefined) return words;
  return defaultValue === undefined || defaultValue === false
    ? ''
    : `\`${defaultValueDescription ?? String(defaultValue)}\``;
}

const optionRow = (option: Option): string[] => [`\`${option.flags}\``, option.description, defaultOf(option)];

function signature({ required, variadic, name }: { required: boolean; variadic: boolean; name: string }): string {
  const word = variadic ? `${name}...` : name;
  return required ? `<${word}>` : `[${word}]`;
}

function usage(path: string, command: Command): string {
  const words = command.registeredArguments.map((argument: Argument) =>
    signature({ required: argument.required, variadic: argument.variadic, name: argument.name() }),
  );
  return [path, ...words, ...(command.options.length > 0 ? ['[options]'] : [])].join(' ');
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

/** Subcommands in the order of the program. */
function sections(path: string, command: Command): string[] {
  if (command.commands.length > 0)
    return command.commands.flatMap((inner) => sections(`${path} ${inner.name()}`, inner));
  const own = command.options.filter(({ long }) => !COMMON.has(long ?? ''));
  const common = command.options.flatMap(({ long }) => (long !== undefined && COMMON.has(long) ? [`\`${long}\``] : []));
  return [
    `## ${path}`,
    '',
    sentence(command.description()),
    '',
    '```',
    usage(path, command),
    '```',
    '',
    ...(own.length === 0 ? [] : [...tableOf(['option', 'meaning', 'default'], own.map(optionRow)), '']),
    ...(common.length === 0 ? [] : [`Also ${common.join(', ')}.`, '']),
  ];
}

/** The complete page. */
export function cliPage(): string {
  const program = createProgram();
  const start = program.commands.find((command) => command.name() === 'start');
  const common = (start?.options ?? []).filter(({ long }) => COMMON.has(long ?? ''));
  return [
    '# The command line',
    '',
    '<!-- Generated from src/cli by `npm run docs`. Do not edit. -->',
    '',
    'In a checkout and in a project that has the npm package, type `npx posthorn` where this page says `posthorn`.',
    '`posthorn --help` lists the commands, `posthorn COMMAND --help` prints one of them, `posthorn --version` prints the version.',
    'Commands of Postfix, Dovecot and BIND read their options as those programs do; a symbolic link to the binary with their name runs them',
    '([what each does](../commands.md)).',
    '',
    'Commands on accounts, aliases, domains and the queue ask the server that runs on the data folder, through the socket `posthorn.sock` in it.',
    'Where none runs they open the store themselves. `status`, `reload` and `stop` need a running server.',
    '`store copy` and `store check` read the store by themselves, beside a running server too.',
    '',
    '## Options that most commands have',
    '',
    ...tableOf(['option', 'meaning', 'default'], common.map(optionRow)),
    '',
    '## Exit codes',
    '',
    ...tableOf(['code', 'meaning'], EXIT_CODES),
    '',
    '## Environment',
    '',
    ...tableOf(
      ['variable', 'meaning'],
      ENVIRONMENT.map(([name, meaning]) => [`\`${name}\``, meaning]),
    ),
    '',
    ...program.commands.flatMap((command) => sections(`posthorn ${command.name()}`, command)),
  ]
    .join('\n')
    .trimEnd()
    .concat('\n');
}
