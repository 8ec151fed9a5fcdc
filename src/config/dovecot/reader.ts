import { type Network, parseNetwork } from '../../lookup/network.ts';
import { nearest } from '../../nearest.ts';
import type { NamedFile } from '../certificates.ts';
import type { Fault } from '../fault.ts';
import { type DovecotBlock, type DovecotSetting, settingOf } from './blocks.ts';

export type MailboxProtocol = 'imap' | 'pop3' | 'lmtp';

export type ByProtocol<T> = { readonly imap: T; readonly pop3: T };

const PROTOCOLS: readonly MailboxProtocol[] = ['imap', 'pop3', 'lmtp'];
/** Of Dovecot, not served here. */
const OTHER_PROTOCOLS = new Set(['none', 'sieve', 'submission']);
const isProtocol = (word: string): word is MailboxProtocol => (PROTOCOLS as readonly string[]).includes(word);

/** The units of times, in ms. */
const UNITS: readonly (readonly [RegExp, number])[] = [
  [/^(?:ms|msecs?|milliseconds?)$/i, 1],
  [/^(?:s|secs?|seconds?)$/i, 1_000],
  [/^(?:m|mins?|minutes?)$/i, 60_000],
];

/** Typed reading of top-level settings; the later one wins. */
export class SettingReader {
  readonly #root: DovecotBlock;
  readonly #faults: Fault[];

  constructor(root: DovecotBlock, faults: Fault[]) {
    this.#root = root;
    this.#faults = faults;
  }

  setting(key: string): DovecotSetting | undefined {
    return settingOf(this.#root, key);
  }

  text(key: string): string | undefined {
    return this.setting(key)?.value;
  }

  path(key: string): NamedFile | undefined {
    const setting = this.setting(key);
    return setting === undefined || setting.value === '' ? undefined : this.#named(setting, setting.value);
  }

  /** `<path` as the path. Inline PEM text is not taken. */
  file(key: string): NamedFile | undefined {
    const setting = this.setting(key);
    if (setting === undefined || setting.value === '') return undefined;
    if (setting.value.startsWith('<')) return this.#named(setting, setting.value.slice(1).trim());
    this.fault(
      setting,
      `"${setting.value.slice(0, 40)}": expected the name of a file after "<", such as ${key} = </etc/ssl/mail.pem`,
    );
    return undefined;
  }

  #named(setting: DovecotSetting, path: string): NamedFile {
    return { path, place: { file: setting.file, line: setting.line, parameter: setting.key } };
  }

  words(key: string): string[] {
    return (this.text(key) ?? '').split(/[\s,]+/).filter((word) => word !== '');
  }

  /** In ms. As in Dovecot, a time needs its unit. */
  time(key: string, initial: number): number {
    const setting = this.setting(key);
    const [, number, unit = ''] = /^(\d{1,4})\s*([a-z]+)$/i.exec(setting?.value ?? '') ?? [];
    const ms = UNITS.find(([words]) => words.test(unit))?.[1];
    if (setting !== undefined && ms === undefined)
      this.fault(setting, `"${setting.value.slice(0, 40)}": expected a time with its unit, such as 3s`);
    return ms === undefined ? initial : Number(number) * ms;
  }

  networks(key: string): Network[] {
    const setting = this.setting(key);
    if (setting === undefined) return [];
    return this.words(key).flatMap((word) => {
      const network = parseNetwork(word);
      if (typeof network !== 'string') return [network];
      this.fault(setting, network);
      return [];
    });
  }

  choice<T extends string>(key: string, allowed: readonly T[], initial: T): T {
    const setting = this.setting(key);
    const found = allowed.find((word) => word === setting?.value.toLowerCase());
    if (setting !== undefined && found === undefined)
      this.fault(setting, `"${setting.value.slice(0, 40)}": expected ${allowed.join(', ')}`);
    return found ?? initial;
  }

  /** A number from 0 on: what stands in `protocol name { … }` comes before what stands at the top. */
  counts(key: string): ByProtocol<number | undefined> {
    const number = (setting: DovecotSetting | undefined): number | undefined => {
      if (setting === undefined || /^\d{1,9}$/.test(setting.value))
        return setting === undefined ? undefined : Number(setting.value);
      this.fault(setting, `"${setting.value.slice(0, 40)}": expected a number, 0 for no limit`);
      return undefined;
    };
    const own = (protocol: string): DovecotSetting | undefined =>
      this.#root.blocks
        .filter((block) => block.kind === 'protocol' && block.name === protocol)
        .flatMap((block) => block.settings)
        .findLast((setting) => setting.key === key);
    const all = number(this.setting(key));
    return { imap: number(own('imap')) ?? all, pop3: number(own('pop3')) ?? all };
  }

  /** `$protocols` in a value is what was set before, as packaged files add to it one by one. */
  protocols(): MailboxProtocol[] {
    const settings = this.#root.settings.filter((setting) => setting.key === 'protocols');
    if (settings.length === 0) return ['imap', 'pop3', 'lmtp'];
    return settings.reduce<MailboxProtocol[]>((before, setting) => {
      const words = setting.value.split(/[\s,]+/).filter((word) => word !== '');
      return [...new Set(words.flatMap((word) => (word === '$protocols' ? before : this.#protocol(word, setting))))];
    }, []);
  }

  #protocol(word: string, setting: DovecotSetting): MailboxProtocol[] {
    const plain = word.replace(/^(imap|pop3)s$/, '$1');
    if (isProtocol(plain)) return [plain];
    if (OTHER_PROTOCOLS.has(plain)) return [];
    const hint = nearest(word, PROTOCOLS);
    this.fault(
      setting,
      `"${word.slice(0, 40)}": expected imap, pop3 or lmtp${hint === undefined ? '' : `; did you mean "${hint}"?`}`,
    );
    return [];
  }

  fault(setting: DovecotSetting, message: string): void {
    this.#faults.push({ file: setting.file, line: setting.line, parameter: setting.key, message });
  }
}
