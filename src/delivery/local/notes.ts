/**
 * For the start: which aliases name commands and files, whether that is allowed, and which user acts for them. Of tables
 * whose content is known here, and a limited number of their entries.
 */
import { few } from '../../few.ts';
import type { ListName, ParameterReader } from '../../lookup/parameters.ts';
import { findUid, findUser } from '../../lookup/system-users.ts';
import type { LookupTable, Tables } from '../../lookup/table.ts';
import { rightsOf } from './rights.ts';

const MOST_ENTRIES = 5000;
const MOST_NAMED = 3;

const KINDS: readonly { readonly what: string; readonly allowed: ListName; readonly member: RegExp }[] = [
  { what: 'commands', allowed: 'allow_mail_to_commands', member: /(?:^|[\s,])"?\|/ },
  { what: 'files', allowed: 'allow_mail_to_files', member: /(?:^|[\s,])"?\/(?!dev\/null\b)/ },
];

interface NotesContext {
  readonly tables: Tables;
  readonly configuration: { readonly parameters: ParameterReader; resolvePath(path: string): string };
}

export async function targetNotes({ tables, configuration }: NotesContext): Promise<string[]> {
  const { parameters } = configuration;
  const notes: string[] = [];
  for (const name of parameters.list('alias_maps')) {
    for (const { what, allowed, member } of KINDS) {
      const aliases = namesIn(name, tables, member);
      if (aliases.length === 0) continue;
      const said = `alias_maps: ${name}: ${what} in ${few(aliases, MOST_NAMED)}`;
      if (!parameters.list(allowed).includes('alias'))
        notes.push(`${said} bounce mail: add alias to ${allowed} to let them receive it`);
      else notes.push(`${said} ${await actingUser(name, configuration)}`);
    }
  }
  return [...notes, ...mailboxCommandNotes(parameters)];
}

/** Who has a mailbox here may miss mail that goes to a program. */
const mailboxCommandNotes = (parameters: ParameterReader): string[] =>
  parameters.string('mailbox_command') === '' && parameters.list('mailbox_command_maps').length === 0
    ? []
    : [
        `mailbox_command: local mail of users of this machine goes to a program with their rights, not to their mailboxes here${
          process.getuid?.() === 0 ? '' : '; only root may act as they, so it is deferred for others than this user'
        }`,
      ];

async function actingUser(table: string, { parameters, resolvePath }: NotesContext['configuration']): Promise<string> {
  const path = table.slice(table.lastIndexOf(':') + 1);
  const source = path.startsWith('/') ? resolvePath(path) : null;
  const defaultPrivs = parameters.string('default_privs');
  const rights = await rightsOf({ user: null, source }, defaultPrivs);
  if (typeof rights === 'string')
    return `defer mail: ${rights}; set default_privs to the user of this server, let that user own the table, or run it as root without mail_owner`;
  const uid = rights.user?.uid ?? process.getuid?.() ?? 0;
  const name = findUid(uid)?.name ?? String(uid);
  return `act as the user ${name} (${findUser(defaultPrivs)?.uid === uid ? 'default_privs' : 'the owner of the table'})`;
}

function namesIn(name: string, tables: Tables, member: RegExp): string[] {
  let table: LookupTable;
  try {
    table = tables.open(name);
  } catch {
    // The error was reported elsewhere.
    return [];
  }
  const names: string[] = [];
  let entries = 0;
  for (const [key, value] of table.entries?.() ?? []) {
    entries += 1;
    if (entries > MOST_ENTRIES) break;
    if (member.test(value)) names.push(key);
  }
  return names;
}
