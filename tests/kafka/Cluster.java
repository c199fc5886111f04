import com.fasterxml.jackson.databind.JsonNode;
import java.io.File;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.ScramMechanism;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.admin.TransactionListing;
import org.apache.kafka.clients.admin.UserScramCredentialUpsertion;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;

/** Topics, configurations, offsets, transactions, users and rights. */
final class Cluster {
    private Cluster() {}

    static void register(Map<String, Judge.Operation> operations) {
        operations.put("nodes", Cluster::nodes);
        operations.put("create_topic", Cluster::createTopic);
        operations.put("delete_topic", request -> {
            Judge.admin(request).deleteTopics(List.of(request.get("topic").asText())).all().get();
            return true;
        });
        operations.put("topics", request -> Judge.admin(request).listTopics().names().get());
        operations.put("partitions", request -> describe(request).partitions().size());
        operations.put("create_partitions", Cluster::createPartitions);
        operations.put("configs", Cluster::configs);
        operations.put("alter_configs", Cluster::alterConfigs);
        operations.put("offsets", Cluster::offsets);
        operations.put("delete_records", Cluster::deleteRecords);
        operations.put("transactions", Cluster::transactions);
        operations.put("producers", Cluster::producers);
        operations.put("create_user", Cluster::createUser);
        operations.put("allow", Cluster::allow);
        operations.put("pem_key", Cluster::pemKey);
    }

    /** How many brokers answer; by a client of its own, which neither waits for its next try nor goes on trying. */
    private static Object nodes(JsonNode request) throws Exception {
        try (Admin admin = Admin.create(Judge.client(request))) {
            return admin.describeCluster().nodes().get().size();
        }
    }

    private static Object createTopic(JsonNode request) throws Exception {
        Map<String, String> configs = new HashMap<>();
        request.path("configs").properties().forEach(e -> configs.put(e.getKey(), e.getValue().asText()));
        Optional<Short> replicas = Optional.ofNullable(request.get("replicas")).map(count -> (short) count.asInt());
        String name = request.get("topic").asText();
        int partitions = request.get("partitions").asInt();
        NewTopic topic = new NewTopic(name, Optional.of(partitions), replicas);
        if (request.has("on")) {
            // All of it on that broker alone.
            List<Integer> broker = List.of(request.get("on").asInt());
            Map<Integer, List<Integer>> places = new HashMap<>();
            for (int partition = 0; partition < partitions; partition++) {
                places.put(partition, broker);
            }
            topic = new NewTopic(name, places);
        }
        Judge.admin(request).createTopics(List.of(topic.configs(configs))).all().get();
        return true;
    }

    static TopicDescription describe(JsonNode request) throws Exception {
        String topic = request.get("topic").asText();
        return Judge.admin(request).describeTopics(List.of(topic)).allTopicNames().get().get(topic);
    }

    private static Object createPartitions(JsonNode request) throws Exception {
        int count = request.get("partitions").asInt();
        NewPartitions total = NewPartitions.increaseTo(count);
        if (request.has("on")) {
            // Each new one on a broker of its own.
            List<List<Integer>> places = new ArrayList<>();
            request.get("on").forEach(broker -> places.add(List.of(broker.asInt())));
            total = NewPartitions.increaseTo(count, places);
        }
        Judge.admin(request).createPartitions(Map.of(request.get("topic").asText(), total)).all().get();
        return true;
    }

    private static ConfigResource resource(JsonNode request) {
        return request.has("broker")
                ? new ConfigResource(ConfigResource.Type.BROKER, request.get("broker").asText())
                : new ConfigResource(ConfigResource.Type.TOPIC, request.get("topic").asText());
    }

    private static Object configs(JsonNode request) throws Exception {
        ConfigResource resource = resource(request);
        Map<String, String> values = new TreeMap<>();
        Judge.admin(request).describeConfigs(List.of(resource)).all().get().get(resource).entries()
                .forEach(entry -> values.put(entry.name(), entry.value()));
        return values;
    }

    private static Object alterConfigs(JsonNode request) throws Exception {
        List<AlterConfigOp> changes = new ArrayList<>();
        request.get("configs").properties().forEach(e -> changes.add(new AlterConfigOp(
                new ConfigEntry(e.getKey(), e.getValue().asText()), AlterConfigOp.OpType.SET)));
        Judge.admin(request).incrementalAlterConfigs(Map.of(resource(request), List.copyOf(changes))).all().get();
        return true;
    }

    /** For each partition of a topic, in order: where it begins, its last stable offset, its high watermark. */
    private static Object offsets(JsonNode request) throws Exception {
        String topic = request.get("topic").asText();
        int partitions = describe(request).partitions().size();
        Map<TopicPartition, OffsetSpec> first = new HashMap<>();
        Map<TopicPartition, OffsetSpec> last = new HashMap<>();
        for (int partition = 0; partition < partitions; partition++) {
            first.put(new TopicPartition(topic, partition), OffsetSpec.earliest());
            last.put(new TopicPartition(topic, partition), OffsetSpec.latest());
        }
        var begin = list(request, first, IsolationLevel.READ_UNCOMMITTED);
        var stable = list(request, last, IsolationLevel.READ_COMMITTED);
        var high = list(request, last, IsolationLevel.READ_UNCOMMITTED);
        List<Map<String, Long>> answer = new ArrayList<>();
        for (int partition = 0; partition < partitions; partition++) {
            TopicPartition at = new TopicPartition(topic, partition);
            answer.add(Map.of("begin", begin.get(at).offset(), "stable", stable.get(at).offset(),
                    "high", high.get(at).offset()));
        }
        return answer;
    }

    private static Map<TopicPartition, ListOffsetsResultInfo> list(
            JsonNode request, Map<TopicPartition, OffsetSpec> specs, IsolationLevel isolation) throws Exception {
        return Judge.admin(request).listOffsets(specs, new ListOffsetsOptions(isolation)).all().get();
    }

    /** Removes what stands before an offset, as retention does. */
    private static Object deleteRecords(JsonNode request) throws Exception {
        TopicPartition at = new TopicPartition(request.get("topic").asText(), request.get("partition").asInt());
        RecordsToDelete before = RecordsToDelete.beforeOffset(request.get("before").asLong());
        return Judge.admin(request).deleteRecords(Map.of(at, before)).lowWatermarks().get(at).get().lowWatermark();
    }

    /** Each transactional id with its state, as the coordinator has it. */
    private static Object transactions(JsonNode request) throws Exception {
        Map<String, String> states = new TreeMap<>();
        for (TransactionListing listing : Judge.admin(request).listTransactions().all().get()) {
            states.put(listing.transactionalId(), listing.state().toString());
        }
        return states;
    }

    /** For each partition of a topic: how many producers have a transaction open there. */
    private static Object producers(JsonNode request) throws Exception {
        String topic = request.get("topic").asText();
        List<Long> open = new ArrayList<>();
        for (int partition = 0; partition < describe(request).partitions().size(); partition++) {
            TopicPartition at = new TopicPartition(topic, partition);
            open.add(Judge.admin(request).describeProducers(List.of(at)).partitionResult(at).get().activeProducers()
                    .stream().filter(producer -> producer.currentTransactionStartOffset().isPresent()).count());
        }
        return open;
    }

    private static Object createUser(JsonNode request) throws Exception {
        ScramMechanism mechanism = ScramMechanism.fromMechanismName(request.get("mechanism").asText());
        var user = new UserScramCredentialUpsertion(request.get("user").asText(),
                new ScramCredentialInfo(mechanism, 4096), request.get("password").asText());
        Judge.admin(request).alterUserScramCredentials(List.of(user)).all().get();
        return true;
    }

    /** Lets "principal" do "operation" on a "resource" (TOPIC, GROUP, TRANSACTIONAL_ID, CLUSTER) by exact "name" or prefix. */
    private static Object allow(JsonNode request) throws Exception {
        PatternType pattern = request.path("prefix").asBoolean() ? PatternType.PREFIXED : PatternType.LITERAL;
        AclPermissionType permission =
                request.path("deny").asBoolean() ? AclPermissionType.DENY : AclPermissionType.ALLOW;
        var what = new ResourcePattern(
                ResourceType.fromString(request.get("resource").asText()), request.get("name").asText(), pattern);
        var who = new AccessControlEntry(request.get("principal").asText(), "*",
                AclOperation.fromString(request.get("operation").asText()), permission);
        Judge.admin(request).createAcls(List.of(new AclBinding(what, who))).all().get();
        return true;
    }

    /** A private key of a key store, as the text that OpenSSL reads; keytool itself cannot write one. */
    private static Object pemKey(JsonNode request) throws Exception {
        char[] password = request.get("password").asText().toCharArray();
        KeyStore store = KeyStore.getInstance(new File(request.get("store").asText()), password);
        byte[] key = store.getKey(request.get("alias").asText(), password).getEncoded();
        String text = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(key);
        return "-----BEGIN PRIVATE KEY-----\n" + text + "\n-----END PRIVATE KEY-----\n";
    }
}
