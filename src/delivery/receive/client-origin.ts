/** Who the client of a message is, and whose business that is: the transports that tell it on. */
import type { Connection } from '../../bus/hook.ts';
import type { Transport, Transports } from '../../lookup/transports.ts';
import { CLIENT_NAMES, namesIn } from '../../lookup/transports.ts';
import type { ClientOrigin } from '../../mail/client-origin.ts';
import type { ClientAttributes } from '../../protocol/smtp/client-attributes.ts';
import type { Incoming } from './receiver.ts';

/** `smtp_send_xforward_command`, or a `${client_…}` or `${sasl_…}` of pipe. */
function tells({ program, parameters, command }: Transport): boolean {
  if (program === 'smtp') return parameters.boolean('smtp_send_xforward_command');
  if (program === 'lmtp') return parameters.boolean('lmtp_send_xforward_command');
  return command?.argv.flatMap(namesIn).some((name) => Object.hasOwn(CLIENT_NAMES, name)) === true;
}

/** The names of transports for which items keep the client; usually none. */
export const tellingTransports = (transports: Pick<Transports, 'all'>): ReadonlySet<string> =>
  new Set([...transports.all()].filter(tells).map(({ name }) => name));

/** Characters of a name that are kept: no server takes more by XFORWARD. */
const LONGEST = 255;

/** One argument of a command, one word of XFORWARD, whatever a client says. */
const printable = (text: string): string => text.replace(/[\x00-\x1f\x7f]/g, '?').slice(0, LONGEST);

/** What Postfix calls `unknown`. */
const known = (text: string): string | null => (text === 'unknown' || text === '' ? null : text);

/** With one of these, what XFORWARD did not say is not known. */
const OF_CLIENT = ['NAME', 'ADDR', 'PORT', 'PROTO', 'HELO'] as const;

export interface OriginOptions {
  /** What XFORWARD said. */
  readonly forwarded?: ClientAttributes | undefined;
  /** See `isLocalMail`. */
  readonly isLocal: boolean;
  readonly queueId: string;
  /** AUTH of MAIL. */
  readonly saslSender?: string;
}

export function originOf(connection: Connection, options: OriginOptions): ClientOrigin {
  const { forwarded = NO_ATTRIBUTES, isLocal, queueId, saslSender = '' } = options;
  const { remote, helo, protocol, user } = connection;
  const own: Readonly<Record<string, string | null>> = OF_CLIENT.some((name) => forwarded.has(name))
    ? {}
    : {
        NAME: known(remote.name),
        ADDR: known(remote.ip),
        PORT: remote.port === 0 ? null : String(remote.port),
        PROTO: protocol,
        HELO: helo === null ? null : printable(helo),
      };
  const attribute = (name: string): string | null => forwarded.get(name)?.value ?? own[name] ?? null;
  const address = attribute('ADDR');
  const field = <K extends keyof ClientOrigin>(key: K, name: string): { readonly [k in K]?: string } => {
    const value = attribute(name);
    return value === null ? {} : ({ [key]: value } as { readonly [k in K]: string });
  };
  const ident = forwarded.get('IDENT')?.value ?? queueId;
  return {
    ...field('name', 'NAME'),
    ...(address === null ? {} : { address: address.includes(':') ? `IPv6:${address}` : address }),
    ...field('port', 'PORT'),
    ...field('helo', 'HELO'),
    ...field('protocol', 'PROTO'),
    ...(ident === '' ? {} : { ident }),
    source: isLocal ? 'LOCAL' : 'REMOTE',
    ...(user === null ? {} : { saslMethod: user.mechanism, saslUsername: user.login }),
    // Only who logged in may say whose mail it is (RFC 4954 section 5).
    ...(user === null || saslSender === '' ? {} : { saslSender }),
  };
}

/** Whether headers are completed and rewritten as those of local mail: what XFORWARD said counts before the client. */
export function isLocalMail(
  { connection, forwarded = NO_ATTRIBUTES }: Pick<Incoming, 'connection' | 'forwarded'>,
  isLocal: (connection: Connection) => boolean | Promise<boolean>,
): boolean | Promise<boolean> {
  const said = sourceOf(forwarded);
  if (said !== null) return said === 'LOCAL';
  return connection === null || isLocal(connection);
}

const NO_ATTRIBUTES: ClientAttributes = new Map();

/** What XFORWARD said of the kind of client; null: nothing. */
function sourceOf(forwarded: ClientAttributes): ClientOrigin['source'] | null {
  const source = forwarded.get('SOURCE')?.value;
  return source === 'LOCAL' || source === 'REMOTE' ? source : null;
}
