import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Consumer groups: committed offsets, members, and a member of our own that joins and leaves. */
final class Groups {
    private static final Map<String, Member> MEMBERS = new ConcurrentHashMap<>();

    private Groups() {}

    static void register(Map<String, Judge.Operation> operations) {
        operations.put("group_offsets", Groups::offsets);
        operations.put("alter_group_offsets", Groups::alterOffsets);
        operations.put("delete_group_offsets", Groups::deleteOffsets);
        operations.put("describe_group", Groups::describe);
        operations.put("groups", Groups::list);
        operations.put("delete_group", request -> {
            Judge.admin(request).deleteConsumerGroups(List.of(group(request))).all().get();
            return true;
        });
        operations.put("join", Groups::join);
        operations.put("leave", Groups::leave);
    }

    private static String group(JsonNode request) {
        return request.get("group").asText();
    }

    /** topic -> partition -> next offset to read. */
    private static Object offsets(JsonNode request) throws Exception {
        Map<String, Map<Integer, Long>> answer = new TreeMap<>();
        Judge.admin(request).listConsumerGroupOffsets(group(request)).partitionsToOffsetAndMetadata().get()
                .forEach((at, committed) -> {
                    if (committed != null) {
                        answer.computeIfAbsent(at.topic(), unused -> new TreeMap<>())
                                .put(at.partition(), committed.offset());
                    }
                });
        return answer;
    }

    private static Object alterOffsets(JsonNode request) throws Exception {
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        String topic = request.get("topic").asText();
        request.get("offsets").properties().forEach(e -> offsets.put(
                new TopicPartition(topic, Integer.parseInt(e.getKey())), new OffsetAndMetadata(e.getValue().asLong())));
        Judge.admin(request).alterConsumerGroupOffsets(group(request), offsets).all().get();
        return true;
    }

    private static Object deleteOffsets(JsonNode request) throws Exception {
        TopicPartition at = new TopicPartition(request.get("topic").asText(), request.get("partition").asInt());
        Judge.admin(request).deleteConsumerGroupOffsets(group(request), java.util.Set.of(at)).all().get();
        return true;
    }

    private static Object list(JsonNode request) throws Exception {
        return Judge.admin(request).listGroups().all().get().stream().map(listing -> listing.groupId()).sorted().toList();
    }

    private static Object describe(JsonNode request) throws Exception {
        ConsumerGroupDescription group =
                Judge.admin(request).describeConsumerGroups(List.of(group(request))).all().get().get(group(request));
        List<Map<String, Object>> members = new ArrayList<>();
        group.members().forEach(member -> members.add(Map.of(
                "client_id", member.clientId(),
                "instance_id", member.groupInstanceId().orElse(""),
                "partitions", member.assignment().topicPartitions().stream().map(TopicPartition::toString).sorted()
                        .toList())));
        return Map.of("state", group.groupState().toString(), "assignor", group.partitionAssignor(), "members", members);
    }

    /** A member that takes partitions, reads and commits nothing: what it was given waits until it leaves. */
    private static final class Member extends Thread {
        private final KafkaConsumer<byte[], byte[]> consumer;
        private volatile boolean asked = true;
        private volatile int assigned;

        Member(KafkaConsumer<byte[], byte[]> consumer) {
            this.consumer = consumer;
            setDaemon(true);
        }

        @Override
        public void run() {
            while (asked) {
                consumer.poll(Duration.ofMillis(50));
                consumer.pause(consumer.assignment());
                assigned = consumer.assignment().size();
            }
            consumer.close();
        }
    }

    /** Joins, and answers with the number of partitions when there is an assignment (it may be empty after 15 s). */
    private static Object join(JsonNode request) throws Exception {
        Properties properties = Judge.client(request);
        properties.put("group.id", group(request));
        properties.put("enable.auto.commit", "false");
        properties.put("auto.offset.reset", "earliest");
        var bytes = new ByteArrayDeserializer();
        KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(properties, bytes, bytes);
        List<String> topics = new ArrayList<>();
        request.get("topics").forEach(topic -> topics.add(topic.asText()));
        consumer.subscribe(topics);
        Member member = new Member(consumer);
        member.start();
        MEMBERS.put(request.get("name").asText(), member);
        long deadline = System.nanoTime() + 15_000_000_000L;
        while (member.assigned == 0 && member.isAlive() && System.nanoTime() < deadline) {
            Thread.sleep(10);
        }
        return member.assigned;
    }

    private static Object leave(JsonNode request) throws Exception {
        Member member = MEMBERS.remove(request.get("name").asText());
        member.asked = false;
        member.join(15_000);
        return !member.isAlive();
    }
}
