/**
 * address_verify_map: empty is memory, a table that can be written to is the store. A table that can only be read is a
 * mistake, as it is for Postfix's verify(8).
 */
import type { Fault } from '../fault.ts';
import type { Setting } from './main-cf.ts';
import type { MainParameters } from './parameters-reader.ts';

const WRITABLE = ['btree', 'hash', 'lmdb', 'dbm', 'sdbm', 'memcache'];

export function verifyMap(
  parameters: MainParameters,
  settings: ReadonlyMap<string, Setting>,
): { readonly faults: readonly Fault[]; readonly notes: readonly Fault[] } {
  const setting = settings.get('address_verify_map');
  const value = parameters.string('address_verify_map');
  if (setting === undefined || value === '') return { faults: [], notes: [] };
  const place = { file: setting.file, line: setting.line, parameter: 'address_verify_map' };
  const type = value.replace(/^proxy:/, '').split(':', 1)[0] ?? '';
  if (!value.includes(':') || !WRITABLE.includes(type)) {
    const message = `"${value}" is no table that can be written to: use btree:FILE (or ${WRITABLE.slice(1).join(', ')}), or nothing to keep results in memory`;
    return { faults: [{ ...place, message }], notes: [] };
  }
  const message = `results of address verification are kept in the store of this server, not in ${value}; they outlive a restart all the same`;
  return { faults: [], notes: [{ ...place, message }] };
}
