import de.bwaldvogel.mongo.MongoCollection;
import de.bwaldvogel.mongo.MongoDatabase;
import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.CollectionOptions;
import de.bwaldvogel.mongo.backend.Index;
import de.bwaldvogel.mongo.backend.IndexKey;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import de.bwaldvogel.mongo.backend.h2.H2Database;
import de.bwaldvogel.mongo.backend.h2.PartialIndex;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.exception.MongoServerError;
import de.bwaldvogel.mongo.exception.MongoServerException;
import de.bwaldvogel.mongo.oplog.Oplog;
import io.netty.channel.Channel;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.h2.mvstore.MVStore;

/**
 * mongo-java-server as a process: `java Launcher FILE PORT` keeps its data in FILE and prints `port N` when it listens.
 * It ends when its standard input does, so that it never outlives who started it. What it adds to the server: the
 * driver takes it for MongoDB 7; a write is answered when it is on disk, whole; change streams are those of MongoDB
 * (`Changes.java`), and so are unique indexes with a filter.
 */
public class Launcher extends H2Backend {
    private static final Set<String> WRITES = Set.of("insert", "update", "delete", "findAndModify", "create",
        "createIndexes", "drop", "dropIndexes", "dropDatabase", "renameCollection");
    /** How long a change stream waits, in ms. It holds up the other connections of its thread. */
    private static final long WAIT = 100;

    /** What the version of MongoDB would be whose commands the driver may send. */
    private static final MongoVersion VERSION = new MongoVersion() {
        public List<Integer> getVersionArray() {
            return List.of(7, 0, 0);
        }
        public int getWireVersion() {
            return 21;
        }
    };

    private final ReadWriteLock applying = new ReentrantReadWriteLock();
    private final Object committing = new Object();
    private long applied = 0;
    private long durable = 0;

    /** Commits come from us only: at any other time a command may be half done. */
    Launcher(String file) {
        super(new MVStore.Builder().fileName(file).autoCommitDisabled().cacheSize(128).open());
        getMvStore().setRetentionTime(1000);
        version(VERSION);
        enableOplog();
    }

    @Override
    protected Oplog createOplog() {
        return new Changes(this, getCursorRegistry(), getMvStore().openMap("changes"));
    }

    @Override
    public Document handleCommand(Channel channel, String database, String command, Document query) {
        try {
            UnaryOperator<Document> apply = asked -> super.handleCommand(channel, database, command, asked);
            Supplier<Document> answer = () -> command.equals("update") ? update(query, apply) : apply.apply(query);
            if (command.equals("hello")) return hello(super.handleCommand(channel, database, "isMaster", query));
            return WRITES.contains(command) ? write(database, command, query, answer) : read(command, query, answer);
        } catch (MongoServerException error) {
            throw error; // The client's fault, and told to it.
        } catch (RuntimeException error) {
            System.err.println("mongo-java-server: " + command + ": " + error + " " + error.getStackTrace()[0]);
            throw error;
        }
    }

    private Document hello(Document answer) {
        answer.put("isWritablePrimary", true);
        answer.put("logicalSessionTimeoutMinutes", 30);
        answer.put("maxWriteBatchSize", 100_000);
        return answer;
    }

    private Document read(String command, Document query, Supplier<Document> apply) {
        if (command.equals("getMore")) {
            Object cursor = getCursorRegistry().getCursor(((Number) query.get(command)).longValue());
            if (cursor instanceof Changes.ChangeStream) ((Changes.ChangeStream) cursor).await(WAIT);
        }
        Document answer;
        long seen;
        applying.readLock().lock();
        try {
            // The answer is encoded later, when the next write may change the documents in it.
            answer = apply.get().cloneDeeply();
            if (answer.get("cursor") instanceof Document) addToken((Document) answer.get("cursor"));
            seen = applied;
        } finally {
            applying.readLock().unlock();
        }
        // Read concern majority: what was read is not lost when the server is killed.
        makeDurable(seen);
        return answer;
    }

    /** A change stream that told nothing yet is resumed with this. */
    private void addToken(Document answer) {
        long id = (Long) answer.get("id");
        if (id != 0 && getCursorRegistry().getCursor(id) instanceof Changes.ChangeStream)
            answer.put("postBatchResumeToken", ((Changes.ChangeStream) getCursorRegistry().getCursor(id)).token());
    }

    /** Writes that wait at the same time share a commit. */
    private Document write(String database, String command, Document query, Supplier<Document> apply) {
        refusePipelines(query);
        Changes changes = (Changes) oplog;
        Document answer = null;
        List<Integer> failed = List.of();
        long mine;
        applying.writeLock().lock();
        try {
            answer = apply.get().cloneDeeply();
            if (command.equals("insert")) failed = countInserted(query, answer);
            if (command.equals("findAndModify")) tellModified(database, (String) query.get(command), query, answer);
        } finally {
            changes.keep(failed);
            mine = ++applied;
            applying.writeLock().unlock();
        }
        makeDurable(mine);
        return answer;
    }

    private void makeDurable(long wanted) {
        Changes changes = (Changes) oplog;
        synchronized (committing) {
            if (durable < wanted) {
                long reached;
                long told;
                applying.writeLock().lock();
                try {
                    reached = applied;
                    told = changes.last();
                    commit();
                } finally {
                    applying.writeLock().unlock();
                }
                getMvStore().sync();
                durable = reached;
                changes.show(told);
            }
        }
    }

    /** The server would take an update that is an array for a fault of its own. */
    @SuppressWarnings("unchecked")
    private static void refusePipelines(Document query) {
        boolean one = query.get("update") instanceof List;
        boolean many = query.get("updates") instanceof List
            && ((List<Document>) query.get("updates")).stream().anyMatch(update -> update.get("u") instanceof List);
        if (one || many) throw new MongoServerError(9, "FailedToParse", "an update must not be a pipeline here");
    }

    /** The server itself goes on behind an update that failed, also where that is not wanted. */
    @SuppressWarnings("unchecked")
    private static Document update(Document query, UnaryOperator<Document> apply) {
        List<Document> updates = (List<Document>) query.get("updates");
        if (updates.size() == 1 || !Boolean.TRUE.equals(query.get("ordered"))) return apply.apply(query);
        int matched = 0;
        int modified = 0;
        List<Document> upserted = new ArrayList<>();
        List<Document> errors = new ArrayList<>();
        for (int index = 0; index < updates.size() && errors.isEmpty(); index++) {
            Document one = query.clone();
            one.put("updates", List.of(updates.get(index)));
            Document answer = apply.apply(one);
            matched += (Integer) answer.get("n");
            modified += (Integer) answer.get("nModified");
            for (Document each : (Collection<Document>) answer.getOrDefault("upserted", List.of()))
                upserted.add(each.append("index", index));
            for (Document each : (List<Document>) answer.getOrDefault("writeErrors", List.of()))
                errors.add(each.append("index", index));
        }
        Document answer = new Document("n", matched).append("nModified", modified).append("ok", 1.0);
        if (!upserted.isEmpty()) answer.append("upserted", upserted);
        if (!errors.isEmpty()) answer.append("writeErrors", errors);
        return answer;
    }

    /** The server counts those it refused, too. Returns the places of those that are not in the collection. */
    @SuppressWarnings("unchecked")
    private static List<Integer> countInserted(Document query, Document answer) {
        List<Integer> failed = new ArrayList<>();
        int given = ((List<Document>) query.get("documents")).size();
        for (Document error : (List<Document>) answer.getOrDefault("writeErrors", List.of())) {
            int index = (Integer) error.get("index");
            failed.add(index);
            if (Boolean.TRUE.equals(query.get("ordered")))
                for (int next = index + 1; next < given; next++) failed.add(next);
        }
        answer.put("n", given - failed.size());
        return failed;
    }

    /** The server tells nobody what findAndModify changes, and its client not that it inserted. */
    private void tellModified(String database, String collection, Document query, Document answer) {
        String namespace = database + "." + collection;
        Document value = (Document) answer.get("value");
        Object id = value != null ? value.get("_id") : ((Document) query.get("query")).get("_id");
        if (id == null) return; // Upserted without one in the filter, or not asked for: no test needs that.
        if (Boolean.TRUE.equals(query.get("remove"))) {
            if (value != null) oplog.handleDelete(namespace, null, List.of(id));
        } else if (answer.get("lastErrorObject") != null) {
            oplog.handleUpdate(namespace, null, (Document) query.get("update"), List.of(id));
        } else if (Boolean.TRUE.equals(query.get("upsert"))) {
            oplog.handleInsert(namespace, List.of(new Document("_id", id)));
            answer.put("lastErrorObject", new Document("updatedExisting", false).append("n", 1).append("upserted", id));
        }
    }

    @Override
    protected MongoDatabase openOrCreateDatabase(String name) {
        return new Database(name);
    }

    private class Database extends H2Database {
        /** The index that is being created. */
        private Document created;

        Database(String name) {
            super(name, getMvStore(), getCursorRegistry());
        }

        @Override
        protected MongoCollection<Object> openOrCreateCollection(String name, CollectionOptions options) {
            String full = databaseName + "." + name;
            return new RangedCollection(this, name, options, getMvStore().openMap("databases." + full),
                getMvStore().openMap("meta." + full), getCursorRegistry());
        }

        @Override
        protected synchronized void addIndex(Document description) {
            Document outer = created; // Its collection is created first, with an index of its own.
            created = description;
            try {
                super.addIndex(description);
            } finally {
                created = outer;
            }
        }

        @Override
        protected Index<Object> openOrCreateUniqueIndex(String collection, String name, List<IndexKey> keys,
                boolean sparse) {
            Document stored = new Document("ns", databaseName + "." + collection).append("name", name);
            Document description = created != null && name.equals(created.get("name")) ? created
                : indexes.get() == null ? null : indexes.get().handleQueryAsStream(stored).findFirst().orElse(null);
            Object filter = description == null ? null : description.get("partialFilterExpression");
            if (filter == null) return super.openOrCreateUniqueIndex(collection, name, keys, sparse);
            String map = databaseName + "." + collection + "._index_" + name;
            return new PartialIndex(getMvStore().openMap(map), name, keys, (Document) filter);
        }
    }

    public static void main(String[] args) throws Exception {
        MongoServer server = new MongoServer(new Launcher(args[0]));
        // Each connection belongs to one of these threads.
        server.bind(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[1])), 1, 256);
        System.out.println("port " + server.getLocalAddress().getPort());
        Runtime.getRuntime().addShutdownHook(new Thread(server::shutdownNow));
        while (System.in.read() != -1) { }
        System.exit(0);
    }
}
