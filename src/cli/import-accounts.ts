/** `posthorn import accounts`: a passwd-file of Dovecot, or /etc/passwd with /etc/shadow. */
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { OperationError } from '../admin/operation.ts';
import { type FileAccount, passwdFileAccounts, systemAccounts, uidRangeOf } from '../config/account-file.ts';
import { messageOf } from '../errors.ts';
import { counted, printJson, table } from './output.ts';
import { operate, type PlaceOptions, place, withPlace } from './place.ts';

interface AccountOptions extends PlaceOptions {
  readonly shadow?: string;
  readonly loginDefs: string;
  readonly scheme: string;
  readonly domain?: string;
}

interface Outcome {
  readonly address: string;
  readonly state: string;
  readonly note: string;
}

/** Accounts in one request to a running server. */
const AT_ONCE = 500;

export function addImportAccounts(command: Command): void {
  withPlace(
    command
      .command('accounts <file>')
      .description(
        "make accounts from a passwd-file of Dovecot or, with --shadow, from /etc/passwd: they keep their passwords' hashes; those that exist stay as they are",
      ),
  )
    .option('--shadow <file>', 'the file is /etc/passwd, and its hashes are in this one')
    .option('--login-defs <file>', 'with --shadow: which UIDs are people (UID_MIN, UID_MAX)', '/etc/login.defs')
    .option('--scheme <name>', 'of passwords without {SCHEME}, as in the args of the passdb', 'CRYPT')
    .option('--domain <name>', 'of names without one')
    .action(async (file: string, options: AccountOptions) => {
      const where = place(options);
      const accounts = await accountsOf(file, options);
      const named = accounts.map(({ name, hash, disabled }) => ({
        name: options.domain === undefined || name.includes('@') ? name : `${name}@${options.domain}`,
        hash,
        disabled,
      }));
      const outcomes: Outcome[] = [];
      for (let at = 0; at < named.length; at += AT_ONCE)
        outcomes.push(
          ...((await operate(where, 'import.accounts', { accounts: named.slice(at, at + AT_ONCE) })) as Outcome[]),
        );
      const rows = outcomes.map((outcome, index) => withPlaceOf(outcome, accounts[index]));
      if (where.json) printJson(rows);
      else console.log(report(rows));
      if (rows.some(({ state }) => state === 'refused')) process.exitCode = 1;
    });
}

async function accountsOf(file: string, { shadow, loginDefs, scheme }: AccountOptions): Promise<FileAccount[]> {
  const text = await textOf(file);
  if (shadow === undefined) return passwdFileAccounts(text, file, scheme);
  return systemAccounts({ text, file }, await textOf(shadow), uidRangeOf(await textOf(loginDefs).catch(() => '')));
}

const textOf = (file: string): Promise<string> =>
  readFile(file, 'utf8').catch((error: unknown) => {
    throw new OperationError(messageOf(error), { cause: error });
  });

const withPlaceOf = (outcome: Outcome, account: FileAccount | undefined) => ({
  ...outcome,
  place: `${account?.file}:${account?.line}`,
  ...(account === undefined || account.inert.length === 0 ? {} : { inert: account.inert }),
});

function report(rows: readonly ReturnType<typeof withPlaceOf>[]): string {
  const count = (state: string): number => rows.filter((row) => row.state === state).length;
  const told = rows.filter(({ state, note, inert }) => state === 'refused' || note !== '' || inert !== undefined);
  const words = told.map(({ place: where, address, state, note, inert }) => [
    where,
    address,
    [
      ...(state === 'refused' ? ['refused'] : []),
      ...(note === '' ? [] : [note]),
      ...(inert === undefined ? [] : [`no effect here: ${inert.join(', ')}`]),
    ].join('; '),
  ]);
  const sum = `${counted(count('added'), 'account')} made, ${count('exists')} were there already, ${count('refused')} refused.`;
  return words.length === 0 ? sum : `${table(['where', 'account', 'what to know'], words)}\n${sum}`;
}
