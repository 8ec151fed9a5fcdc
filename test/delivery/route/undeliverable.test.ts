/** Recipients that tables list but that cannot be delivered to are reported at startup. */
import { describe, expect, it } from 'vitest';
import { createDomains } from '../../../src/delivery/route/domains.ts';
import { undeliverableNotes } from '../../../src/delivery/route/undeliverable.ts';
import { directoryOf } from '../../kit/directory.ts';
import { parametersOf } from '../../kit/parameters.ts';
import { openTables } from '../../kit/tables.ts';

const ACCOUNTS = ['maomao@baidu.com', 'has@box.com'];

async function notes(
  settings: Readonly<Record<string, string>>,
  aliases: Readonly<Record<string, readonly string[]>> = {},
): Promise<string[]> {
  const directory = directoryOf(ACCOUNTS, aliases);
  const parameters = parametersOf({ virtual_mailbox_domains: 'box.com', ...settings });
  const { tables } = openTables({ connect: () => Promise.reject(new Error('not here')) });
  const domains = createDomains({ parameters, tables, directory, addresses: [] });
  return undeliverableNotes({ parameters, tables, domains });
}

describe('startup warnings about recipients', () => {
  it('name the first listed mailboxes without an account, and the command to create one', async () => {
    const maps = 'inline:{has@box.com=x,b@box.com=x,c@box.com=x,d@box.com=x,e@box.com=x,f@elsewhere.com=x}';
    expect(await notes({ virtual_mailbox_maps: maps })).toEqual([
      `virtual_mailbox_maps: ${maps}: b@box.com, c@box.com, d@box.com and 1 more have no account, so mail is refused (550 5.1.1); posthorn user add b@box.com, or auto_create_accounts = yes for all that are listed`,
    ]);
    expect(await notes({ local_recipient_maps: 'inline:{maomao=x,old=x,postmaster=x}', alias_maps: '' })).toEqual([
      'local_recipient_maps: inline:{maomao=x,old=x,postmaster=x}: old@baidu.com has no account, so mail is refused (550 5.1.1); posthorn user add old@baidu.com, or auto_create_accounts = yes for all that are listed',
    ]);
  });

  it('name a catch-all that accepts no further names, and the command that gives it one target', async () => {
    const maps = 'inline:{@box.com=all/}';
    expect(await notes({ virtual_mailbox_maps: maps })).toEqual([
      `virtual_mailbox_maps: ${maps}: @box.com does not accept mail for every name here, only for accounts; posthorn alias set @box.com ADDRESS sends the rest to one address`,
    ]);
    expect(await notes({ virtual_mailbox_maps: maps }, { '@box.com': ['has@box.com'] })).toEqual([]);
  });

  it('name aliases to users that do not exist; targets elsewhere, files and commands are not checked', async () => {
    const maps =
      'inline:{{pool = maomao, gone, far@elsewhere.com, /dev/null},{cmd = "|/bin/cat"},{again = pool},{gone2 = gone@box.com}}';
    expect(await notes({ alias_maps: maps, local_recipient_maps: '$alias_maps' })).toEqual([
      `alias_maps: ${maps}: mail to gone (from pool), gone@box.com (from gone2) bounces: no such address here`,
    ]);
  });

  it('name whole addresses in alias files, which are never asked', async () => {
    const maps = 'inline:{{pool = maomao},{a@box.com = maomao}}';
    expect(await notes({ alias_maps: maps, local_recipient_maps: '$alias_maps' })).toEqual([
      `alias_maps: ${maps}: a@box.com is never asked, because aliases have user names; put whole addresses into virtual_alias_maps`,
    ]);
    expect(await notes({ virtual_alias_maps: 'inline:{a@box.com=maomao}', alias_maps: '' })).toEqual([]);
  });

  it('are absent for tables that cannot be listed, and if everything is fine', async () => {
    expect(
      await notes({ virtual_mailbox_maps: 'tcp:127.0.0.1:9 inline:{has@box.com=x} regexp:{{/./ x}}', alias_maps: '' }),
    ).toEqual([]);
  });
});
