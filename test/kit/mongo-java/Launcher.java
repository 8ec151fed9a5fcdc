import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.exception.MongoServerError;
import de.bwaldvogel.mongo.exception.MongoServerException;
import io.netty.channel.Channel;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;
import org.h2.mvstore.MVStore;

/**
 * mongo-java-server as a process: `java Launcher FILE PORT` keeps its data in FILE and prints `port N` when it listens.
 * It ends when its standard input does, so that it never outlives who started it. What it adds to the server: the
 * driver takes it for MongoDB 7; a write is answered when it is on disk, whole; a change stream waits for changes.
 */
public class Launcher extends H2Backend {
    private static final Set<String> WRITES = Set.of("insert", "update", "delete", "findAndModify", "create",
        "createIndexes", "drop", "dropIndexes", "dropDatabase", "renameCollection");

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
        version(VERSION);
    }

    @Override
    public Document handleCommand(Channel channel, String database, String command, Document query) {
        try {
            refusePipelines(query);
            if (command.equals("hello")) return hello(super.handleCommand(channel, database, "isMaster", query));
            Supplier<Document> answer = () -> super.handleCommand(channel, database, command, query);
            return WRITES.contains(command) ? write(answer) : read(answer);
        } catch (MongoServerException error) {
            throw error; // The client's fault, and told to it.
        } catch (RuntimeException error) {
            System.err.println("mongo-java-server: " + command + ": " + error + " " + error.getStackTrace()[0]);
            throw error;
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

    private Document hello(Document answer) {
        answer.put("isWritablePrimary", true);
        answer.put("logicalSessionTimeoutMinutes", 30);
        answer.put("maxWriteBatchSize", 100_000);
        return answer;
    }

    /** The answer is encoded later, when the next write may change the documents in it: so it is copied. */
    private Document read(Supplier<Document> command) {
        applying.readLock().lock();
        try {
            return command.get().cloneDeeply();
        } finally {
            applying.readLock().unlock();
        }
    }

    /** Writes that wait at the same time share a commit. */
    private Document write(Supplier<Document> command) {
        Document answer;
        long mine;
        applying.writeLock().lock();
        try {
            answer = command.get().cloneDeeply();
        } finally {
            mine = ++applied;
            applying.writeLock().unlock();
        }
        synchronized (committing) {
            if (durable < mine) {
                long reached;
                applying.writeLock().lock();
                try {
                    reached = applied;
                    commit();
                } finally {
                    applying.writeLock().unlock();
                }
                getMvStore().sync();
                durable = reached;
            }
        }
        return answer;
    }

    public static void main(String[] args) throws Exception {
        MongoServer server = new MongoServer(new Launcher(args[0]));
        server.enableOplog();
        // Each connection belongs to one of these threads, and a command that waits holds up the others of its thread.
        server.bind(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[1])), 1, 64);
        System.out.println("port " + server.getLocalAddress().getPort());
        while (System.in.read() != -1) { }
        server.shutdownNow();
        System.exit(0);
    }
}
