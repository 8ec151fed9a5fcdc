/**
 * What was not measured: no real MongoDB ran here. Each is a figure to replace with a measurement on the machines that
 * are to be used.
 */
export const ASSUMED = {
  /** Share of a core that a process may use at the peak, and of its machine's database. */
  utilization: { value: 0.6, about: 'share of a processor that is used at the peak, so that a machine may fail' },
  full: { value: 0.7, about: 'share of a disk that is filled' },
  cache: { value: 0.5, about: "share of a machine's memory that is MongoDB's cache (its default)" },
  bodies: { value: 0.75, about: 'octets of messages after compression: attachments are compressed already' },
  rows: { value: 0.45, about: 'octets of other documents after compression' },
  entry: { value: 12, about: 'octets of an index entry besides its key' },
  prefix: { value: 0.6, about: 'octets of index keys after prefix compression' },
  text: { value: 12_000, about: 'octets of a message that are text for SEARCH, at most on average' },
  readsPerCore: { value: 8_000, about: 'documents by id that a core of a database machine reads in a second' },
  scansPerCore: { value: 100_000, about: 'documents of one range that it reads in a second' },
  writesPerCore: { value: 2_500, about: 'documents that it writes in a second: journal, oplog and indexes included' },
  page: { value: 32_768, about: 'octets of a page that is read from a disk (leaf_page_max)' },
  unsharded: { value: 40_000, about: 'reads in a second that one machine has for what is not sharded' },
  unshardedWrites: { value: 10_000, about: 'writes in a second that one machine has for what is not sharded' },
  recentDays: { value: 0.1, about: 'days for which new messages stay in the cache' },
  old: { value: 0.8, about: 'share of fetched messages that are older than that' },
  event: { value: 400, about: 'octets of a change that a stream tells' },
  oplogScan: { value: 300e6, about: 'octets of oplog in a second that the change streams of one machine may read' },
  connections: { value: 10_000, about: 'connections of one database machine or mongos' },
  pool: { value: 50, about: 'connections of a process to each mongos (maxPoolSize)' },
} as const satisfies Readonly<Record<string, { readonly value: number; readonly about: string }>>;

export type Assumed = Readonly<Record<keyof typeof ASSUMED, number>>;

export const assumed = (): Assumed =>
  Object.fromEntries(Object.entries(ASSUMED).map(([name, { value }]) => [name, value])) as Assumed;
