/**
 * The LMTP services of dovecot.conf: each listener of `service lmtp` is a service. What its socket cannot be given
 * (a folder or a user that this machine does not have) is said, and stops nothing: Dovecot's files name Postfix's
 * folders and user, which are not there where Posthorn has taken the place of both.
 */
import { existsSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { findGroup, findUser } from '../lookup/system-users.ts';
import type { Service, UnixSocket } from './configuration.ts';
import type { Dovecot } from './dovecot/dovecot-conf.ts';
import type { LmtpSocket } from './dovecot/listeners.ts';
import type { Fault } from './fault.ts';
import { SOCKET_PATH_LIMIT } from './paths.ts';
import { lmtpParameters } from './postfix/lmtp-parameters.ts';
import type { MainParameters } from './postfix/parameters-reader.ts';

export interface LmtpServices {
  readonly services: readonly Service[];
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
}

/** `baseDirectory`: where a socket is whose path has no leading `/`. */
export function lmtpServices(dovecot: Dovecot, main: MainParameters, baseDirectory: string): LmtpServices {
  const faults: Fault[] = [];
  const warnings: Fault[] = [];
  const parameters = lmtpParameters(main, dovecot.ssl === 'no' ? [['smtpd_tls_security_level', 'none']] : []);
  const common = {
    lmtp: true,
    maxSessions: main.number('default_process_limit'),
    parameters,
    setAt: () => undefined,
  };
  const ports = dovecot.listeners
    .filter(({ protocol }) => protocol === 'lmtp')
    .map(({ name, addresses, port, ssl, proxied }): Service => {
      const own = name === 'lmtp' ? name : `lmtp/${name}`;
      return { ...common, name: own, addresses, port, socket: null, wrapperMode: ssl, proxied };
    });
  const sockets = dovecot.lmtpSockets.flatMap((written): Service[] => {
    const socket = openable(written, baseDirectory, faults, warnings);
    if (socket === undefined) return [];
    const name = `lmtp:${written.path}`;
    return [{ ...common, name, addresses: [], port: 0, socket, wrapperMode: false, proxied: null }];
  });
  return { services: [...ports, ...sockets], faults, warnings };
}

/** The socket, or undefined with a fault or a warning. */
function openable(
  { path: written, mode, user, group, file, line }: LmtpSocket,
  baseDirectory: string,
  faults: Fault[],
  warnings: Fault[],
): UnixSocket | undefined {
  const path = isAbsolute(written) ? written : join(baseDirectory, written);
  const place = { file, line, parameter: `unix_listener ${written}` };
  if (Buffer.byteLength(path) > SOCKET_PATH_LIMIT) {
    faults.push({
      ...place,
      message: `${path}: the path of a socket may have ${SOCKET_PATH_LIMIT} octets at the most`,
    });
    return undefined;
  }
  if (isAbsolute(written) && !existsSync(dirname(path))) {
    warnings.push({ ...place, message: `not opened: there is no folder ${dirname(path)}` });
    return undefined;
  }
  const uid = idOf(user, (name) => findUser(name)?.uid ?? null);
  const gid = idOf(group, findGroup);
  for (const [kind, name, id] of [
    ['user', user, uid],
    ['group', group, gid],
  ] as const) {
    if (id === null)
      warnings.push({ ...place, message: `there is no ${kind} "${name.slice(0, 40)}": the socket stays the server's` });
  }
  return { path, mode, uid: uid ?? undefined, gid: gid ?? undefined };
}

/** A number, or what the machine calls it; undefined where nothing is set, null where there is no such name. */
function idOf(name: string, find: (name: string) => number | null): number | null | undefined {
  if (name === '') return undefined;
  return /^\d{1,9}$/.test(name) ? Number(name) : find(name);
}
