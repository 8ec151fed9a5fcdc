/** The reader, started by the first read, and again where it died. */
import type { Log } from '../../../../log.ts';
import type { ReaderCalls } from '../calls.ts';
import { LazyLink } from './lazy-link.ts';
import { Link } from './link.ts';

/** The reader is stopped after this long without a read, ms. */
const READER_IDLE = 5 * 60_000;

/** `entry`: the reader's program. */
export const readerLink = (entry: URL, directory: string, log: Log): LazyLink<ReaderCalls> =>
  new LazyLink<ReaderCalls>(
    (forget) =>
      Link.start(
        entry,
        { directory },
        {
          log,
          isEager: true,
          onChanges: () => {},
          onDeath: (error) => {
            log.error({ error: error.message }, 'the reader thread of the store ended; starting another one');
            forget();
          },
        },
      ),
    READER_IDLE,
  );
