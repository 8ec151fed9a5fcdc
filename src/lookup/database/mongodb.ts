/** mongodb tables (mongodb_table(5) of Postfix 3.9). The driver keeps the connections. */
import type { Document, MongoClient } from 'mongodb';
import { messageOf } from '../../errors.ts';
import { TableUnavailableError } from '../table-fault.ts';
import type { TableType } from '../table-type.ts';
import { ClientFile, list, text } from './client-file.ts';
import { requireDriver } from './driver.ts';
import { Outage } from './outage.ts';
import { COMMON, clientPath, queryTable, templateOf } from './query-table.ts';
import { Results } from './results.ts';

const SETTINGS = {
  ...COMMON,
  uri: text('mongodb://localhost:27017'),
  dbname: text(),
  collection: text(),
  query_filter: text(),
  projection: text(),
  result_attribute: list(),
} as const;

type File = ClientFile<keyof typeof SETTINGS>;

/** ms */
const QUERY = 10_000;
const MOST_DOCUMENTS = 10_000;
/** Where the URI does not say otherwise; ms, and connections. */
const LIMITS = {
  serverSelectionTimeoutMS: 5_000,
  connectTimeoutMS: 5_000,
  socketTimeoutMS: QUERY,
  waitQueueTimeoutMS: QUERY,
  maxPoolSize: 5,
};

export const mongodbTable: TableType = {
  doc: 'a query of a MongoDB collection: mongodb:/file.cf',
  open(name, argument, context) {
    requireDriver('mongodb', name);
    const file: File = new ClientFile(clientPath(name, argument, context), SETTINGS, context.log);
    for (const setting of ['dbname', 'collection', 'query_filter'] as const)
      if (!file.has(setting)) throw file.fault(setting, 'is missing');
    if (file.has('projection') === file.has('result_attribute'))
      throw file.fault('result_attribute', 'expected either result_attribute or projection');
    const projection = projectionOf(file);
    const filter = templateOf(file, 'query_filter');
    const sample = filter.expand('a.a.a.a.a.a.a.a.a@a.a.a.a.a.a.a.a.a', 'a@a', quote) ?? '{}';
    json(sample, () => file.fault('query_filter', 'is not a JSON object'));
    const uri = file.text('uri');
    if (!/^mongodb(?:\+srv)?:\/\//.test(uri)) throw file.fault('uri', 'expected mongodb://host or mongodb+srv://host');
    const outage = new Outage(name, context.log);
    const collection = new Collection(file);
    return queryTable({
      name,
      file,
      context,
      fits: (key) => filter.fits(key),
      async ask(key) {
        const query = filter.expand(key, key, quote);
        if (query === undefined) return [];
        try {
          const results = await collection.find(
            json(query, () => new Error('query_filter is not a JSON object')),
            projection,
          );
          outage.ends('the server');
          return results;
        } catch (error) {
          // The URI may hold a password.
          const reason = messageOf(error).replaceAll(uri, 'uri');
          outage.begins(reason);
          throw new TableUnavailableError(`${name}: ${reason}`, { isLogged: true });
        }
      },
      close: () => collection.close(),
    });
  },
};

/** Inside a JSON string. */
const quote = (value: string): string => JSON.stringify(value).slice(1, -1);

/** Throws `fault()` if the text is not a JSON object. */
function json(source: string, fault: () => Error): Document {
  try {
    const value: unknown = JSON.parse(source);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Document;
  } catch {
    // Below.
  }
  throw fault();
}

/** Without `_id`, unless the projection asks for it. */
function projectionOf(file: File): Document {
  if (file.has('projection'))
    return { _id: 0, ...json(file.text('projection'), () => file.fault('projection', 'is not a JSON object')) };
  return { _id: 0, ...Object.fromEntries(file.list('result_attribute').map((field) => [field, 1])) };
}

class Collection {
  readonly #file: File;
  #client: Promise<MongoClient> | null = null;

  constructor(file: File) {
    this.#file = file;
  }

  async find(filter: Document, projection: Document): Promise<readonly string[]> {
    const client = await this.#connected();
    const found = client
      .db(this.#file.text('dbname'))
      .collection(this.#file.text('collection'))
      .find(filter, { projection, limit: MOST_DOCUMENTS + 1, maxTimeMS: QUERY });
    const results = new Results();
    for await (const document of found) for (const value of valuesOf(document)) results.add(value);
    return results.all();
  }

  close(): void {
    this.#client?.then((client) => client.close()).catch(() => {});
    this.#client = null;
  }

  #connected(): Promise<MongoClient> {
    this.#client ??= this.#connect();
    return this.#client;
  }

  async #connect(): Promise<MongoClient> {
    const { MongoClient } = await import('mongodb');
    const uri = this.#file.text('uri');
    const written = uri.toLowerCase();
    const limits = Object.entries(LIMITS).filter(([name]) => !written.includes(`${name.toLowerCase()}=`));
    return new MongoClient(uri, Object.fromEntries(limits));
  }
}

/** Strings, whole numbers, and arrays of these. */
function valuesOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value === 'number' || typeof value === 'bigint') return [String(value)];
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return value.flatMap(valuesOf);
  if (Object.getPrototypeOf(value) === Object.prototype) return Object.values(value).flatMap(valuesOf);
  if ((value as { readonly _bsontype?: string })._bsontype === 'Long') return [String(value)];
  throw new Error('a result is neither a string nor a number');
}
