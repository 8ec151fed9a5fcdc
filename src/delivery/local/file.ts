/**
 * Delivery to a file of an alias or forwarding file (local(8), EXTERNAL FILE DELIVERY): appended in mbox form under a
 * dot-lock, or as a file of its own in a Maildir. It is on disk (fsync) before the item is settled; what was appended by
 * half is cut off again.
 *
 * It is written by a child process with the rights of the file's user, for a process of many threads cannot take them for
 * a while. The script is fixed; path and limits are its arguments.
 */
import type { LocalTarget } from '../../mail/local-target.ts';
import { type Reply, reply } from '../../mail/status.ts';
import type { QueueItem } from '../../store/queue.ts';
import { runCommand } from '../program/run-command.ts';
import type { Rights } from './rights.ts';
import type { LocalSettings } from './settings.ts';

/** Its exit status says what to do, its output why. */
const PERMANENT = 73;
const FULL = 74;
const TEMPORARY = 75;

const HEAD = `say() { echo "$1\${2##*: }"; exit $3; }
`;

/** Arguments: path, octets to come, mailbox_size_limit, attempts and seconds between them for a lock, its longest life. */
const MBOX = `${HEAD}
file=$1 folder=$(dirname -- "$1")
if [ -e "$file" ] || { [ -d "$folder" ] && [ ! -x "$folder" ]; }; then opening='cannot open file: '; else opening='cannot create file exclusively: '; fi
[ ! -d "$file" ] || say "$opening" 'Is a directory' ${PERMANENT}
if [ -e "$file" ] && [ ! -f "$file" ]; then
  error=$(dd of="$file" bs=64k status=none 2>&1) || say "$opening" "$error" ${PERMANENT}
  exit 0
fi
try=0
while ! (set -C; : > "$file.lock") 2> /dev/null; do
  [ -e "$file.lock" ] || break
  made=$(stat -c %Y -- "$file.lock" 2> /dev/null) || continue
  if [ $(($(date +%s) - made)) -gt "$6" ]; then rm -f -- "$file.lock"; continue; fi
  try=$((try + 1))
  [ "$try" -lt "$4" ] || say 'unable to lock for exclusive access: ' 'Resource temporarily unavailable' ${TEMPORARY}
  sleep "$5"
done
[ ! -e "$file.lock" ] || [ ! -O "$file.lock" ] || trap 'rm -f -- "$file.lock"' EXIT
error=$(dd if=/dev/null of="$file" oflag=append conv=notrunc status=none 2>&1) || say "$opening" "$error" ${PERMANENT}
size=$(stat -c %s -- "$file")
[ "$3" -eq 0 ] || [ $((size + $2)) -le "$3" ] || say 'error writing message: ' 'File too large' ${FULL}
error=$(dd of="$file" bs=64k oflag=append conv=notrunc,fsync status=none 2>&1) || {
  truncate -s "$size" -- "$file"
  say 'error writing message: ' "$error" ${TEMPORARY}
}
`;

/** Arguments: folder, name of the new file. The name is the same at each attempt: a repeated one replaces the file. */
const MAILDIR = `${HEAD}
for part in tmp new cur; do
  [ -d "$1$part" ] || error=$(mkdir -p -- "$1$part" 2>&1) || say "create maildir file $1tmp/$2: " "$error" ${PERMANENT}
done
error=$(dd of="$1tmp/$2" bs=64k conv=fsync status=none 2>&1) || {
  rm -f -- "$1tmp/$2"
  say "create maildir file $1tmp/$2: " "$error" ${TEMPORARY}
}
error=$(mv -f -- "$1tmp/$2" "$1new/$2" 2>&1 && sync -- "$1new" 2>&1) || say "link to $1new/$2: " "$error" ${TEMPORARY}
`;

export const isMaildir = ({ text }: LocalTarget): boolean => text.endsWith('/');

export async function deliverToFile(
  target: LocalTarget,
  item: QueueItem,
  { user }: Rights,
  input: AsyncIterable<Buffer>,
  settings: LocalSettings,
  signal: AbortSignal,
): Promise<Reply> {
  const { text: path } = target;
  const { lock, sizeLimit } = settings;
  const seconds = (ms: number): string => String(Math.ceil(ms / 1000));
  const maildir = isMaildir(target);
  const words = maildir
    ? [path, `${seconds(item.arrivedAt)}.${item.queueId}I${item.id}.${settings.myhostname}`]
    : [path, item.size, sizeLimit, lock.attempts, seconds(lock.delay), seconds(lock.stale)].map(String);
  const end = await runCommand({
    argv: ['/bin/sh', '-c', maildir ? MAILDIR : MBOX, 'sh', ...words],
    user,
    directory: '/',
    environment: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    umask: 0o077,
    timeLimit: settings.timeLimit,
    input,
    signal,
  });
  if (end.kind === 'aborted') return reply(451, '4.3.0', 'delivery was aborted');
  const what = maildir ? 'maildir delivery failed' : `cannot append message to file ${path}`;
  if (end.kind !== 'exit') return reply(451, '4.3.0', `${what}: ${end.kind}`);
  if (end.code === 0) return reply(250, '2.0.0', maildir ? 'delivered to maildir' : `delivered to file: ${path}`);
  const because = `${what}: ${end.output.trim().replace(/[\0-\x1f\x7f]/g, ' ')}`;
  if (end.code === PERMANENT) return reply(554, '5.2.0', because);
  return end.code === FULL ? reply(552, '5.2.2', because) : reply(451, '4.2.0', because);
}
