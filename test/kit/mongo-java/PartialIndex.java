package de.bwaldvogel.mongo.backend.h2;

import de.bwaldvogel.mongo.MongoCollection;
import de.bwaldvogel.mongo.backend.DefaultQueryMatcher;
import de.bwaldvogel.mongo.backend.IndexKey;
import de.bwaldvogel.mongo.backend.KeyValue;
import de.bwaldvogel.mongo.bson.Document;
import java.util.List;
import org.h2.mvstore.MVMap;

/**
 * A unique index with a partialFilterExpression, which the server itself ignores: then it would refuse documents that
 * the filter leaves out. It is in the server's package because the constructor that it needs is.
 */
public class PartialIndex extends H2UniqueIndex {
    private final Document filter;

    public PartialIndex(MVMap<KeyValue, Object> map, String name, List<IndexKey> keys, Document filter) {
        // Sparse: the server then expects documents that are not in it.
        super(map, name, keys, true);
        this.filter = filter;
    }

    private boolean holds(Document document) {
        return new DefaultQueryMatcher().matches(document, filter);
    }

    @Override
    public boolean canHandle(Document query) {
        return false;
    }

    @Override
    public Object getPosition(Document document) {
        return holds(document) ? super.getPosition(document) : null;
    }

    @Override
    public void checkAdd(Document document, MongoCollection<Object> collection) {
        if (holds(document)) super.checkAdd(document, collection);
    }

    @Override
    public void add(Document document, Object position, MongoCollection<Object> collection) {
        if (holds(document)) super.add(document, position, collection);
    }

    @Override
    public Object remove(Document document) {
        return holds(document) ? super.remove(document) : null;
    }

    @Override
    public void checkUpdate(Document before, Document after, MongoCollection<Object> collection) {
        if (holds(before) && holds(after)) super.checkUpdate(before, after, collection);
        else checkAdd(after, collection);
    }

    @Override
    public void updateInPlace(Document before, Document after, Object position, MongoCollection<Object> collection) {
        remove(before);
        add(after, position, collection);
    }
}
