import de.bwaldvogel.mongo.MongoDatabase;
import de.bwaldvogel.mongo.backend.CollectionOptions;
import de.bwaldvogel.mongo.backend.CursorRegistry;
import de.bwaldvogel.mongo.backend.QueryResult;
import de.bwaldvogel.mongo.backend.h2.H2Collection;
import de.bwaldvogel.mongo.bson.Document;
import java.util.Collection;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.h2.mvstore.MVMap;

/**
 * Finds documents by their `_id`, or a range of it, where it is a string: the server itself goes through the whole
 * collection as soon as a query has a second condition. Conditions on other fields still do.
 */
class RangedCollection extends H2Collection {
    private final MVMap<Object, Document> documents;

    RangedCollection(MongoDatabase database, String name, CollectionOptions options, MVMap<Object, Document> documents,
            MVMap<String, Object> meta, CursorRegistry cursors) {
        super(database, name, options, documents, meta, cursors);
        this.documents = documents;
    }

    @Override
    protected QueryResult matchDocuments(Document query, Document order, int skip, int limit, int batchSize,
            Document fields) {
        Object id = query.get("_id");
        boolean descends = order != null && order.size() == 1 && order.get("_id") instanceof Number
            && ((Number) order.get("_id")).intValue() < 0;
        Stream<Document> candidates = id instanceof String ? Stream.of(id).map(documents::get).filter(Objects::nonNull)
            : id instanceof Document ? candidates((Document) id, descends) : null;
        if (candidates == null) return super.matchDocuments(query, order, skip, limit, batchSize, fields);
        boolean inOrder = descends || (order != null && order.keySet().equals(Set.of("_id")));
        return matchDocumentsFromStream(candidates, query, inOrder ? null : order, skip, limit, batchSize, fields);
    }

    /** The documents that may match these conditions on `_id`, in its order; null if they are not about strings. */
    private Stream<Document> candidates(Document conditions, boolean descends) {
        Object several = conditions.get("$in");
        if (several instanceof Collection && ((Collection<?>) several).stream().allMatch(String.class::isInstance)) {
            TreeSet<Object> ids = new TreeSet<>((Collection<?>) several);
            return (descends ? ids.descendingSet() : ids).stream().map(documents::get).filter(Objects::nonNull);
        }
        Object from = conditions.getOrDefault("$gte", conditions.get("$gt"));
        Object to = conditions.getOrDefault("$lte", conditions.get("$lt"));
        if (!(from instanceof String || to instanceof String)) return null;
        Iterable<Object> range = () -> descends ? documents.cursor(to, from, true) : documents.cursor(from, to, false);
        return StreamSupport.stream(range.spliterator(), false).map(documents::get);
    }
}
