/** Where a local part is divided into a user and an extension, as main.cf says. */
import type { Delimiters } from '../mail/address.ts';
import type { ParameterReader } from './parameters.ts';

/** A session asks for each of its addresses. */
const known = new WeakMap<ParameterReader, Delimiters>();

export function delimitersOf(parameters: ParameterReader): Delimiters {
  const before = known.get(parameters);
  if (before !== undefined) return before;
  const characters = parameters.string('recipient_delimiter');
  const delimiters = {
    characters,
    whole: new Set(['postmaster', 'mailer-daemon', parameters.string('double_bounce_sender').toLowerCase()]),
    ownerRequest: characters.includes('-') && parameters.boolean('owner_request_special'),
  };
  known.set(parameters, delimiters);
  return delimiters;
}
