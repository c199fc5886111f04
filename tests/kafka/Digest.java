import com.fasterxml.jackson.databind.JsonNode;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** What topics hold, in a few numbers: for a million records, which nobody wants to carry through a file. */
final class Digest {
    private Digest() {}

    static void register(Map<String, Judge.Operation> operations) {
        operations.put("digest", Digest::digest);
    }

    /** Of one topic; the sum does not depend on the order of records, `disorder` does. */
    private static final class Sum {
        long records;
        long bytes;
        long sum;
        /** Records with a timestamp that is not above that of the record before with the same key in the same partition. */
        long disorder;
        final Map<Integer, Map<ByteBuffer, Long>> last = new HashMap<>();

        void add(ConsumerRecord<byte[], byte[]> record) {
            records++;
            bytes += record.value() == null ? 0 : record.value().length;
            sum += hash(record);
            if (record.key() != null) {
                Long before = last.computeIfAbsent(record.partition(), unused -> new HashMap<>())
                        .put(ByteBuffer.wrap(record.key()), record.timestamp());
                disorder += before != null && before >= record.timestamp() ? 1 : 0;
            }
        }

        Map<String, String> answer() {
            return Map.of("records", Long.toString(records), "bytes", Long.toString(bytes),
                    "sum", Long.toUnsignedString(sum), "disorder", Long.toString(disorder));
        }
    }

    /**
     * FNV-1a, 64 bits, over what `RecordFile` would write of timestamp, key, value and headers: benches/throughput has the
     * same.
     */
    private static long hash(ConsumerRecord<byte[], byte[]> record) {
        long hash = 0xcbf29ce484222325L;
        hash = add(hash, record.timestamp(), 8);
        hash = bytes(hash, record.key());
        hash = bytes(hash, record.value());
        Header[] headers = record.headers().toArray();
        hash = add(hash, headers.length, 4);
        for (Header header : headers) {
            hash = bytes(hash, header.key().getBytes(StandardCharsets.UTF_8));
            hash = bytes(hash, header.value());
        }
        return hash;
    }

    private static long add(long hash, long number, int size) {
        for (int shift = size * 8 - 8; shift >= 0; shift -= 8) {
            hash = (hash ^ (number >>> shift & 0xff)) * 0x100000001b3L;
        }
        return hash;
    }

    private static long bytes(long hash, byte[] bytes) {
        hash = add(hash, bytes == null ? -1 : bytes.length, 4);
        if (bytes != null) {
            for (byte b : bytes) {
                hash = (hash ^ (b & 0xff)) * 0x100000001b3L;
            }
        }
        return hash;
    }

    /** For each of "topics" what a read_committed reader finds from its begin to its end, as decimal text. */
    private static Object digest(JsonNode request) throws Exception {
        Properties properties = Judge.client(request);
        properties.put("isolation.level", "read_committed");
        properties.put("max.poll.records", "20000");
        properties.put("fetch.max.bytes", "67108864");
        properties.put("max.partition.fetch.bytes", "8388608");
        properties.put("auto.offset.reset", "none");
        properties.put("client.id", "judge");
        long deadline = System.nanoTime() + request.get("timeout_ms").asLong() * 1_000_000L;
        Map<String, Sum> sums = new HashMap<>();
        request.get("topics").forEach(topic -> sums.put(topic.asText(), new Sum()));
        var bytes = new ByteArrayDeserializer();
        try (var consumer = new KafkaConsumer<>(properties, bytes, bytes)) {
            List<TopicPartition> partitions = new ArrayList<>();
            for (String topic : sums.keySet()) {
                consumer.partitionsFor(topic).forEach(at -> partitions.add(new TopicPartition(topic, at.partition())));
            }
            Map<TopicPartition, Long> begin = consumer.beginningOffsets(partitions);
            Map<TopicPartition, Long> left = consumer.endOffsets(partitions);
            left.entrySet().removeIf(end -> begin.get(end.getKey()) >= end.getValue());
            consumer.assign(left.keySet());
            left.keySet().forEach(at -> consumer.seek(at, begin.get(at)));
            while (!left.isEmpty()) {
                if (System.nanoTime() > deadline) {
                    throw new TimeoutException("not read to the end: " + left);
                }
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200))) {
                    sums.get(record.topic()).add(record);
                }
                if (left.entrySet().removeIf(end -> consumer.position(end.getKey()) >= end.getValue())) {
                    consumer.assign(left.keySet());
                }
            }
        }
        Map<String, Object> answer = new HashMap<>();
        sums.forEach((topic, sum) -> answer.put(topic, sum.answer()));
        return answer;
    }
}
