import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.apache.kafka.clients.admin.Admin;

/**
 * The tests' own eyes and hands on a cluster: shares no code with krouted and uses Kafka's Java client, not librdkafka.
 *
 * <p>One request is one line of JSON on stdin, one answer one line on stdout with the request's "id" and either "ok" or
 * "error". Requests run side by side. Records never travel as JSON but in files (see RecordFile). The end of stdin ends the
 * process at once, whatever it does just then.
 *
 * <p>Every request names "bootstrap" and may name "properties" of the client (security).
 */
public final class Judge {
    static final ObjectMapper JSON = new ObjectMapper();

    /** One thing that can be asked. */
    interface Operation {
        Object answer(JsonNode request) throws Exception;
    }

    private static final Map<String, Admin> ADMINS = new ConcurrentHashMap<>();
    private static final Map<String, Operation> OPERATIONS = new ConcurrentHashMap<>();

    public static void main(String[] arguments) throws Exception {
        Cluster.register(OPERATIONS);
        Digest.register(OPERATIONS);
        Groups.register(OPERATIONS);
        Records.register(OPERATIONS);
        OPERATIONS.put("forget", Judge::forget);
        PrintStream answers = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        System.setOut(System.err); // whatever a library prints is no answer
        ExecutorService pool = Executors.newCachedThreadPool();
        BufferedReader requests = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = requests.readLine(); line != null; line = requests.readLine()) {
            JsonNode request = JSON.readTree(line);
            pool.submit(() -> answer(request, answers));
        }
        Runtime.getRuntime().halt(0);
    }

    private static void answer(JsonNode request, PrintStream answers) {
        ObjectNode answer = JSON.createObjectNode();
        answer.set("id", request.get("id"));
        try {
            Operation operation = OPERATIONS.get(request.get("op").asText());
            if (operation == null) {
                throw new IllegalArgumentException("no such operation");
            }
            answer.set("ok", JSON.valueToTree(operation.answer(request)));
        } catch (Throwable failure) {
            Throwable cause = failure instanceof ExecutionException ? failure.getCause() : failure;
            answer.put("error", cause.getClass().getSimpleName() + ": " + cause.getMessage());
        }
        synchronized (answers) {
            answers.println(answer);
            answers.flush();
        }
    }

    /** The properties that every client of a request starts from. */
    static Properties client(JsonNode request) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", request.get("bootstrap").asText());
        properties.put("request.timeout.ms", "10000");
        properties.put("default.api.timeout.ms", "30000");
        JsonNode extra = request.path("properties");
        extra.fieldNames().forEachRemaining(name -> properties.put(name, extra.get(name).asText()));
        return properties;
    }

    /** One admin client for each cluster and identity, kept: making one costs more than most requests. */
    static Admin admin(JsonNode request) {
        String identity = request.get("bootstrap").asText() + request.path("properties");
        return ADMINS.computeIfAbsent(identity, unused -> Admin.create(client(request)));
    }

    /** A cluster that is gone is not looked for any longer. */
    private static Object forget(JsonNode request) {
        String bootstrap = request.get("bootstrap").asText();
        for (String identity : ADMINS.keySet()) {
            if (identity.startsWith(bootstrap + "{") || identity.equals(bootstrap)) {
                ADMINS.remove(identity).close(java.time.Duration.ZERO);
            }
        }
        return true;
    }
}
