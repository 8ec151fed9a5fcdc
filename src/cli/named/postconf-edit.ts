/** `postconf -e`, `-X` and `-#` on main.cf. */
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { editMainCf, parseEdit, removeSettings } from '../../config/postfix/postconf.ts';
import { type Call, Fatal, isGiven } from './command.ts';

export function editMain(call: Call, path: string): number {
  const how = isGiven(call, 'X') ? 'removed' : isGiven(call, '#') ? 'remark' : 'set';
  if (call.operands.length === 0)
    throw new Fatal(how === 'set' ? '-e requires name=value argument' : 'missing service argument');
  const text = readFileSync(path, 'utf8');
  if (how === 'set') replaceFile(path, editMainCf(text, call.operands.map(settingOf)));
  else {
    const wrong = call.operands.find((name) => name.includes('='));
    if (wrong !== undefined)
      throw new Fatal(`-${how === 'remark' ? '#' : 'X'} requires names without value: "${wrong}"`);
    replaceFile(path, removeSettings(text, new Set(call.operands), how));
  }
  return 0;
}

function settingOf(text: string): Exclude<ReturnType<typeof parseEdit>, string> {
  const parsed = parseEdit(text);
  if (typeof parsed === 'string') throw new Fatal(parsed);
  return parsed;
}

/** Writes a new file beside the old one and replaces it atomically. */
export function replaceFile(path: string, text: string): void {
  const temporary = `${path}.new`;
  writeFileSync(temporary, text, { mode: statSync(path).mode });
  renameSync(temporary, path);
}
