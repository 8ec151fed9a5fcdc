/**
 * Port offsets for servers in tests. An offset belongs to the process that asked for it until that process ends: a
 * socket bound to one port of its range shows that to every other test run on this machine.
 */
import { createServer } from 'node:net';

/** The ports that a server opens, without the offset. */
const WELL_KNOWN = [25, 53, 80, 110, 143, 443, 465, 587, 993, 995];
/** Bound for as long as the offset is in use; no server opens it. */
const CLAIM = 1;

/**
 * Above the offset that an unprivileged server chooses by itself, below the ports that the system gives to clients. No
 * two of these offsets, nor two to which a test adds up to 4, map two well-known ports to the same one.
 */
const STEPS = [8, 13, 18];
const OFFSETS = Array.from({ length: 21 }, (_, thousand) =>
  STEPS.map((step) => 11_000 + thousand * 1_000 + step),
).flat();

/** What a test may add to an offset. */
const ADDED = 4;

/** Whether a server at one of these offsets may open the port. */
export const isOfAnOffset = (port: number): boolean =>
  WELL_KNOWN.some((wellKnown) => {
    const step = (port - wellKnown) % 1_000;
    return STEPS.some((from) => step >= from && step <= from + ADDED);
  });

/** Of each thousand, the ports that no server opens at an offset: for programs that get a port of their own. */
export const isForPrograms = (port: number): boolean => port % 1_000 >= 770 && port % 1_000 < 990;

/** The first that the system gives to clients (Linux). */
const FIRST_OF_CLIENTS = 32_768;

/**
 * Whether a server may open this port, given without its offset: at no offset may it be a well-known port of another
 * server, of another program, nor one that a client has by chance.
 */
export const isApart = (port: number): boolean =>
  WELL_KNOWN.includes(port) ||
  (port + Math.max(...OFFSETS) + ADDED < FIRST_OF_CLIENTS &&
    STEPS.every((step) =>
      Array.from({ length: ADDED + 1 }, (_, added) => port + step + added).every(
        (at) => !isOfAnOffset(at) && !isForPrograms(at),
      ),
    ));

/** A port offset at which all ports of a server are free on 127.0.0.1, reserved for this process. */
export async function freeOffset(): Promise<number> {
  // Each process starts at a different offset, so that they rarely try the same.
  const first = process.pid % OFFSETS.length;
  for (const offset of [...OFFSETS.slice(first), ...OFFSETS.slice(0, first)]) {
    if (!(await bind(offset + CLAIM, true))) continue;
    const free = await Promise.all(WELL_KNOWN.map((port) => bind(port + offset, false)));
    if (free.every(Boolean)) return offset;
  }
  throw new Error('no port offset is free');
}

/** Whether the port could be bound; `keep` keeps it bound without keeping the process alive. */
function bind(port: number, keep: boolean): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createServer();
    socket.once('error', () => resolve(false));
    socket.listen({ host: '127.0.0.1', port, exclusive: true }, () => {
      if (keep) resolve(socket.unref() === socket);
      else socket.close(() => resolve(true));
    });
  });
}
