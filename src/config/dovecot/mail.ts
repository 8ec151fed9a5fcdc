/**
 * Where Dovecot keeps mail: mail_location, mail_home, namespaces, and where each user's home is said. Read for
 * `posthorn import mail dovecot` only. Requirements D1, D6.
 */
import type { SpecialUse } from '../../mail/mailbox.ts';
import { ownValue } from '../../own-value.ts';
import { type DovecotBlock, type DovecotSetting, settingOf } from './blocks.ts';

export interface Placed {
  readonly value: string;
  /** `FILE:LINE`. */
  readonly place: string;
}

export interface MailNamespace {
  readonly name: string;
  /** It has INBOX: its mailboxes are in mail_location if it says no other. */
  readonly inbox: boolean;
  readonly type: string;
  readonly prefix: string;
  /** '' where that of the format. */
  readonly separator: string;
  readonly location: Placed | null;
  /** In the order of the file; names as there. */
  readonly specialUses: readonly { readonly name: string; readonly use: SpecialUse }[];
}

/** A userdb, or a passdb that says what a userdb would (`prefetch`). */
export interface UserSource {
  readonly driver: string;
  /** `driver = passwd-file`: the file, perhaps with variables; `passwd`: /etc/passwd; others ''. */
  readonly file: string;
  /** What it says of all of its users, perhaps with variables. '' where nothing. */
  readonly home: string;
  readonly mail: string;
  readonly place: string;
}

export interface DovecotMail {
  readonly location: Placed | null;
  /** mail_home, '' where not set. */
  readonly home: string;
  /** auth_username_format, `%Lu` as in Dovecot where not set. */
  readonly usernameFormat: string;
  readonly namespaces: readonly MailNamespace[];
  readonly sources: readonly UserSource[];
}

const USES: Readonly<Record<string, SpecialUse>> = {
  '\\sent': '\\Sent',
  '\\drafts': '\\Drafts',
  '\\junk': '\\Junk',
  '\\trash': '\\Trash',
  '\\archive': '\\Archive',
  '\\flagged': '\\Flagged',
  '\\all': '\\All',
};

export function dovecotMail(root: DovecotBlock): DovecotMail {
  const text = (key: string): string => settingOf(root, key)?.value ?? '';
  return {
    location: locationOf(root, 'mail_location'),
    home: text('mail_home'),
    usernameFormat: text('auth_username_format') || '%Lu',
    namespaces: merged(root.blocks, 'namespace').map(namespaceOf),
    sources: root.blocks.filter(({ kind }) => kind === 'userdb').flatMap((block) => sourcesOf(block, root)),
  };
}

/** As Dovecot 2.3 writes it; 2.4 has mail_driver, mail_path and mail_inbox_path instead. */
function locationOf(block: DovecotBlock, key: string): Placed | null {
  const whole = settingOf(block, key);
  if (whole !== undefined && whole.value !== '') return placed(whole, whole.value);
  const driver = settingOf(block, 'mail_driver');
  const path = settingOf(block, 'mail_path');
  if (driver === undefined || path === undefined) return null;
  const inbox = settingOf(block, 'mail_inbox_path')?.value ?? '';
  return placed(path, `${driver.value}:${path.value}${inbox === '' ? '' : `:INBOX=${inbox}`}`);
}

const placed = ({ file, line }: DovecotSetting, value: string): Placed => ({ value, place: `${file}:${line}` });

/** Packaged files open a block of the same name more than once. */
function merged(blocks: readonly DovecotBlock[], kind: string): DovecotBlock[] {
  const found = new Map<string, DovecotBlock>();
  for (const [index, block] of blocks.entries()) {
    if (block.kind !== kind) continue;
    const key = block.name === '' ? `#${index}` : block.name;
    const { settings = [], blocks: inner = [] } = found.get(key) ?? {};
    found.set(key, { ...block, settings: [...settings, ...block.settings], blocks: [...inner, ...block.blocks] });
  }
  return [...found.values()].filter((block) => settingOf(block, 'disabled')?.value !== 'yes');
}

function namespaceOf(block: DovecotBlock): MailNamespace {
  const text = (key: string): string => settingOf(block, key)?.value ?? '';
  const specialUses = merged(block.blocks, 'mailbox').flatMap((mailbox) =>
    (settingOf(mailbox, 'special_use')?.value ?? '').split(/\s+/).flatMap((word) => {
      const use = ownValue(USES, word.toLowerCase());
      return use === undefined ? [] : [{ name: mailbox.name, use }];
    }),
  );
  return {
    name: block.name,
    inbox: text('inbox') === 'yes',
    type: text('type') || 'private',
    prefix: text('prefix'),
    separator: text('separator'),
    location: locationOf(block, 'location'),
    specialUses,
  };
}

/** `home=` and `mail=` of a list of fields, with their prefix. */
const field = (words: string, name: string): string =>
  words
    .split(/\s+/)
    .findLast((word) => word.startsWith(`${name}=`))
    ?.slice(name.length + 1) ?? '';

function sourcesOf(block: DovecotBlock, root: DovecotBlock): UserSource[] {
  const text = (from: DovecotBlock, key: string): string => settingOf(from, key)?.value ?? '';
  const driver = text(block, 'driver') || block.name;
  const all = [text(block, 'default_fields'), driver === 'static' ? text(block, 'args') : ''];
  const said = [...all, text(block, 'override_fields')].join(' ');
  const source = { driver, file: '', home: field(said, 'home'), mail: field(said, 'mail') };
  const place = `${block.file}:${block.line}`;
  const fileOf = (from: DovecotBlock): string => text(from, 'args').split(/\s+/).at(-1) ?? '';
  if (driver === 'passwd') return [{ ...source, file: '/etc/passwd', place }];
  if (driver === 'passwd-file') return [{ ...source, file: fileOf(block), place }];
  if (driver !== 'prefetch') return [{ ...source, place }];
  return root.blocks
    .filter((other) => other.kind === 'passdb' && text(other, 'driver') === 'passwd-file')
    .map((other) => ({ ...source, file: fileOf(other), place: `${other.file}:${other.line}` }));
}
