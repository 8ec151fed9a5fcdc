/**
 * The sender of notifications that must never bounce themselves (Postfix: double_bounce_sender). It is a recipient in
 * every local domain, because others ask whether it exists; whatever comes to it is thrown away.
 */
import type { Domains } from '../../lookup/domains.ts';
import type { ParameterReader } from '../../lookup/parameters.ts';
import { addressKey, domainOf, localPart, qualify } from '../../mail/address.ts';

export type IsDoubleBounce = (address: string) => boolean | Promise<boolean>;

/** Its address of `myorigin`, whatever class that domain has, or its name in a local domain. */
export function doubleBounceOf(parameters: ParameterReader, { classify }: Pick<Domains, 'classify'>): IsDoubleBounce {
  const sender = addressKey(parameters.string('double_bounce_sender'));
  const whole = addressKey(qualify(sender, parameters.string('myorigin')));
  const name = localPart(sender);
  return (address) => {
    const key = addressKey(address);
    if (key === whole) return true;
    return key.startsWith(`${name}@`) && classify(domainOf(key)).then((kind) => kind === 'local');
  };
}
