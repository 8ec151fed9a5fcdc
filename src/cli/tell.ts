/** A command that only a running server can carry out; it never touches the store of one that is not running. */
import type { Arguments } from '../admin/operation.ts';
import { callServer, NoServerError } from '../admin/socket.ts';
import type { PlaceOptions } from './place.ts';

/** Calls the server; if none is running, says what to do. */
export async function tell(
  where: PlaceOptions,
  operation: string,
  given: Arguments = {},
  silence?: number,
): Promise<unknown> {
  try {
    return await callServer(where.data, operation, given, silence === undefined ? {} : { silence });
  } catch (error) {
    if (!(error instanceof NoServerError)) throw error;
    throw new Error(
      `no server is running on the data folder ${where.data}; "posthorn start" starts one, --data names another folder`,
      { cause: error },
    );
  }
}
