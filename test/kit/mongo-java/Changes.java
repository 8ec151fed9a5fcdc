import de.bwaldvogel.mongo.MongoBackend;
import de.bwaldvogel.mongo.MongoCollection;
import de.bwaldvogel.mongo.backend.AbstractCursor;
import de.bwaldvogel.mongo.backend.Cursor;
import de.bwaldvogel.mongo.backend.CursorRegistry;
import de.bwaldvogel.mongo.backend.Missing;
import de.bwaldvogel.mongo.backend.Utils;
import de.bwaldvogel.mongo.backend.aggregation.Aggregation;
import de.bwaldvogel.mongo.bson.BsonTimestamp;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.exception.MongoServerError;
import de.bwaldvogel.mongo.oplog.Oplog;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.h2.mvstore.MVMap;

/**
 * What change streams of a collection or a database tell, in the form that MongoDB gives it. The server's own oplog
 * tells neither the namespace nor which document was updated, and reads itself from the start for each question.
 *
 * A change is seen when it is on disk. The last KEPT changes outlive the process, so that a stream can be resumed.
 * Unlike with MongoDB, fullDocument is always the document as it is now (of an insert too), and an update of an array
 * tells the whole array.
 */
class Changes implements Oplog {
    private static final int KEPT = 20_000;

    private final MongoBackend backend;
    private final CursorRegistry cursors;
    /** By number, from 1. */
    private final MVMap<Long, Document> kept;
    /** Of the command that is being applied. */
    private final List<Document> pending = new ArrayList<>();
    /** The last that may be seen. */
    private long visible;

    Changes(MongoBackend backend, CursorRegistry cursors, MVMap<Long, Document> kept) {
        this.backend = backend;
        this.cursors = cursors;
        this.kept = kept;
        visible = last();
    }

    /** The number of the last change, seen or not. */
    long last() {
        Long key = kept.lastKey();
        return key == null ? 0 : key;
    }

    // What the server tells, while a command has all databases for itself.

    @Override
    public void handleInsert(String namespace, List<Document> documents) {
        for (Document document : documents) add("insert", namespace, document.get("_id"));
    }

    @Override
    public void handleUpdate(String namespace, Document selector, Document update, List<Object> ids) {
        boolean replaces = update.keySet().stream().noneMatch(name -> name.startsWith("$"));
        for (Object id : ids) {
            Document change = add(replaces ? "replace" : "update", namespace, id);
            if (!replaces) change.append("updateDescription", describe(update, find(namespace, id)));
        }
    }

    @Override
    public void handleDelete(String namespace, Document query, List<Object> ids) {
        for (Object id : ids) add("delete", namespace, id);
    }

    @Override
    public void handleDropCollection(String namespace) {
        if (!namespace.contains(".system.")) add("drop", namespace, null);
    }

    private Document add(String operation, String namespace, Object id) {
        Document change = new Document("operationType", operation).append("ns", namespace);
        if (id != null) change.append("documentKey", new Document("_id", id));
        pending.add(change);
        return change;
    }

    private static Document describe(Document update, Document now) {
        Document updated = new Document();
        List<String> removed = new ArrayList<>();
        for (Object fields : update.values()) {
            for (String path : ((Document) fields).keySet()) {
                if (now == null || path.contains("$")) continue;
                Object value = Utils.getSubdocumentValue(now, path);
                if (value instanceof Missing) removed.add(path);
                else updated.put(path, value);
            }
        }
        return new Document("updatedFields", updated).append("removedFields", removed)
            .append("truncatedArrays", new ArrayList<>()).cloneDeeply();
    }

    /** Numbers the changes of a command; those whose place is in `failed` did not come about. */
    void keep(List<Integer> failed) {
        long number = last();
        for (int place = 0; place < pending.size(); place++) {
            if (failed.contains(place)) continue;
            Document change = pending.get(place);
            number++;
            change.append("clusterTime", new BsonTimestamp(Instant.now(), (int) number));
            kept.put(number, change);
            kept.remove(number - KEPT);
        }
        pending.clear();
    }

    /** All up to this number are on disk. */
    synchronized void show(long number) {
        visible = Math.max(visible, number);
        notifyAll();
    }

    private synchronized long visible() {
        return visible;
    }

    // What a client asks.

    @Override
    public Cursor createCursor(Document options, String namespace, Aggregation aggregation) {
        Document token = (Document) options.getOrDefault("resumeAfter", options.get("startAfter"));
        BsonTimestamp time = (BsonTimestamp) options.get("startAtOperationTime");
        long position = visible();
        if (token != null) position = Long.parseLong((String) token.get("_data"), 16);
        else if (time != null)
            position = kept.entrySet().stream()
                .filter(change -> ((BsonTimestamp) change.getValue().get("clusterTime")).compareTo(time) >= 0)
                .map(Map.Entry::getKey).findFirst().map(first -> first - 1).orElse(position);
        Long first = kept.firstKey();
        if (first != null && position < first - 1)
            throw new MongoServerError(286, "ChangeStreamHistoryLost", "the changes after this token are forgotten");
        boolean looksUp = "updateLookup".equals(options.get("fullDocument"));
        ChangeStream cursor = new ChangeStream(namespace, position, aggregation, looksUp);
        cursors.add(cursor);
        return cursor;
    }

    private Document find(String namespace, Object id) {
        MongoCollection<?> collection = backend.resolveDatabase(Utils.getDatabaseNameFromFullName(namespace))
            .resolveCollection(Utils.getCollectionNameFromFullName(namespace), false);
        if (collection == null) return null;
        return collection.handleQueryAsStream(new Document("_id", id)).findFirst().orElse(null);
    }

    /** A change stream. */
    class ChangeStream extends AbstractCursor {
        private final String namespace;
        private final Aggregation aggregation;
        private final boolean looksUp;
        private long position;

        ChangeStream(String namespace, long position, Aggregation aggregation, boolean looksUp) {
            super(cursors.generateCursorId());
            this.namespace = namespace;
            this.position = position;
            this.aggregation = aggregation;
            this.looksUp = looksUp;
        }

        /** Returns when there is something behind its position, or after the time. */
        void await(long milliseconds) {
            long deadline = System.currentTimeMillis() + milliseconds;
            synchronized (Changes.this) {
                while (visible <= position) {
                    long left = deadline - System.currentTimeMillis();
                    if (left <= 0) return;
                    try {
                        Changes.this.wait(left);
                    } catch (InterruptedException error) {
                        return;
                    }
                }
            }
        }

        Document token() {
            return token(position);
        }

        private Document token(long number) {
            return new Document("_data", String.format("%016x", number));
        }

        @Override
        public boolean isEmpty() {
            return false;
        }

        @Override
        public List<Document> takeDocuments(int limit) {
            List<Document> taken = new ArrayList<>();
            long end = visible();
            while (position < end && (limit <= 0 || taken.size() < limit)) {
                position++;
                Document change = kept.get(position);
                if (change == null || !concerns((String) change.get("ns"))) continue;
                aggregation.runStagesAsStream(Stream.of(tell(change))).forEach(taken::add);
            }
            return taken;
        }

        /** A stream of a database is the answer to `aggregate: 1`. */
        private boolean concerns(String changed) {
            if (!Utils.getCollectionNameFromFullName(namespace).equals("1")) return changed.equals(namespace);
            return Utils.getDatabaseNameFromFullName(namespace).equals(Utils.getDatabaseNameFromFullName(changed));
        }

        private Document tell(Document change) {
            String changed = (String) change.get("ns");
            String operation = (String) change.get("operationType");
            Document told = new Document("_id", token(position));
            told.putAll(change);
            told.put("ns", new Document("db", Utils.getDatabaseNameFromFullName(changed))
                .append("coll", Utils.getCollectionNameFromFullName(changed)));
            if (operation.equals("insert") || operation.equals("replace") || (operation.equals("update") && looksUp))
                told.put("fullDocument", find(changed, ((Document) change.get("documentKey")).get("_id")));
            return told;
        }
    }
}
