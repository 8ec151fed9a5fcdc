/** Mail below a Dovecot's location that belongs to nobody here. */
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseLocation } from '../config/dovecot/location.ts';
import { segmentPattern } from '../config/dovecot/variables.ts';

export interface Found {
  /** Without symbolic links below the first variable. */
  readonly path: string;
  /** As the path says it; '' where it does not. */
  readonly address: string;
}

/** Folders that are looked at. */
const MOST = 100_000;

/**
 * All that a location is for any user. `home`: what `~` and `%h` are, '' where each user's own; `domain`: of names
 * without one.
 */
export async function mailOfAnybody(
  location: string,
  { home, root, domain }: { readonly home: string; readonly root: string; readonly domain: string },
): Promise<Found[]> {
  const parsed = parseLocation(location);
  if (typeof parsed === 'string') return [];
  const template = (parsed.inbox.includes('%') ? parsed.inbox : parsed.path).replace(/^~(?=\/|$)|%L?h/g, home);
  if (!template.startsWith('/') || !template.includes('%')) return [];
  let found: { readonly path: string; readonly said: ReadonlyMap<string, string> }[] = [
    { path: root, said: new Map<string, string>() },
  ];
  for (const segment of template.split('/').filter(Boolean)) {
    const next: typeof found = [];
    for (const { path, said } of found) {
      if (!segment.includes('%')) {
        next.push({ path: join(path, segment), said });
        continue;
      }
      const { pattern, variables } = segmentPattern(segment);
      for (const name of await namesIn(path)) {
        const groups = pattern.exec(name);
        if (groups === null || next.length >= MOST) continue;
        const more = variables.map((variable, index) => [variable, groups[index + 1] ?? ''] as const);
        next.push({ path: join(path, name), said: new Map([...said, ...more]) });
      }
    }
    found = next;
  }
  const there: Found[] = [];
  for (const { path, said } of found)
    if (await isMail(path, parsed.format)) there.push({ path, address: addressOf(said, domain) });
  return there;
}

const namesIn = async (folder: string): Promise<string[]> =>
  (await readdir(folder).catch(() => [])).filter((name) => !name.startsWith('.') && !name.endsWith('.lock')).sort();

async function isMail(path: string, format: 'maildir' | 'mbox'): Promise<boolean> {
  const stat = await lstat(format === 'maildir' ? join(path, 'cur') : path).catch(() => null);
  return stat !== null && (stat.isDirectory() || (format === 'mbox' && stat.isFile()));
}

function addressOf(said: ReadonlyMap<string, string>, domain: string): string {
  const name = said.get('u') ?? said.get('n') ?? '';
  if (name === '' || name.includes('@')) return name;
  return `${name}@${said.get('d') ?? domain}`;
}
