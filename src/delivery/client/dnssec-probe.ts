/** Postfix's dnssec_probe: whether the name servers validate at all is found out at the first answer that is not validated. */
import { messageOf } from '../../errors.ts';
import type { SecureResolver } from '../../protocol/dns/resolver.ts';
import { TYPE } from '../../protocol/dns/rr/table.ts';

/** `probe`: `ns:.`; '' for none. Warns once. */
export function probing(resolver: SecureResolver, probe: string, warn: (text: string) => void): SecureResolver {
  const [type = '', name = ''] = probe.split(':');
  let isDone = probe === '';
  const look = async (): Promise<void> => {
    isDone = true;
    const number = (TYPE as Readonly<Record<string, number>>)[type.toUpperCase()];
    const why =
      number === undefined
        ? 'is no type and name of a question, such as ns:.'
        : await resolver.ask(name, number).then(
            ({ isSecure }) => (isSecure ? null : 'received a response that is not DNSSEC validated'),
            (error: unknown) => `received no response: ${messageOf(error)}`,
          );
    if (why !== null) warn(`DNSSEC validation may be unavailable: dnssec_probe '${probe}' ${why}`);
  };
  return {
    isTrusted: resolver.isTrusted,
    async ask(asked, type) {
      const answer = await resolver.ask(asked, type);
      if (!answer.isSecure && !isDone) await look();
      return answer;
    },
  };
}
