import com.fasterxml.jackson.databind.JsonNode;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Records in, by a Java producer, with transactions where asked; records out, from a topic's begin to its end. */
final class Records {
    /** Transactions that a test left open on purpose, by transactional id. */
    private static final Map<String, KafkaProducer<byte[], byte[]>> OPEN = new ConcurrentHashMap<>();

    private Records() {}

    static void register(Map<String, Judge.Operation> operations) {
        operations.put("produce", Records::produce);
        operations.put("end_transaction", Records::endTransaction);
        operations.put("read", Records::read);
    }

    private static KafkaProducer<byte[], byte[]> producer(JsonNode request) {
        Properties properties = Judge.client(request);
        properties.putIfAbsent("max.block.ms", "15000");
        properties.putIfAbsent("linger.ms", "5");
        properties.putIfAbsent("batch.size", "131072");
        properties.putIfAbsent("max.request.size", "33554432");
        if (request.has("transactional_id")) {
            properties.put("transactional.id", request.get("transactional_id").asText());
        }
        var bytes = new ByteArraySerializer();
        return new KafkaProducer<>(properties, bytes, bytes);
    }

    /**
     * Sends the records of "file" to "topic" and answers how many. "transactions" is a list of {records, end: commit |
     * abort | open}; without it they go in no transaction. What "open" leaves stays open until `end_transaction`.
     */
    private static Object produce(JsonNode request) throws Exception {
        String topic = request.get("topic").asText();
        KafkaProducer<byte[], byte[]> producer = producer(request);
        boolean left = false;
        long sent = 0;
        try (DataInputStream in = RecordFile.open(request.get("file").asText())) {
            if (!request.has("transactions")) {
                return send(producer, topic, in, request.get("records").asLong());
            }
            producer.initTransactions();
            for (JsonNode transaction : request.get("transactions")) {
                producer.beginTransaction();
                sent += send(producer, topic, in, transaction.get("records").asLong());
                switch (transaction.get("end").asText()) {
                    case "commit" -> producer.commitTransaction();
                    case "abort" -> producer.abortTransaction();
                    default -> {
                        OPEN.put(request.get("transactional_id").asText(), producer);
                        left = true;
                    }
                }
            }
            return sent;
        } finally {
            if (!left) {
                producer.close(Duration.ofSeconds(10));
            }
        }
    }

    private static long send(KafkaProducer<byte[], byte[]> producer, String topic, DataInputStream in, long records)
            throws Exception {
        AtomicReference<Exception> failed = new AtomicReference<>();
        for (long sent = 0; sent < records; sent++) {
            producer.send(RecordFile.read(in, topic), (unused, failure) -> {
                if (failure != null) {
                    failed.compareAndSet(null, failure);
                }
            });
        }
        producer.flush();
        if (failed.get() != null) {
            throw failed.get();
        }
        return records;
    }

    /** Ends what was left open: "commit", "abort", or "abandon", which drops the producer and tells no one. */
    private static Object endTransaction(JsonNode request) {
        KafkaProducer<byte[], byte[]> producer = OPEN.remove(request.get("transactional_id").asText());
        switch (request.get("end").asText()) {
            case "commit" -> producer.commitTransaction();
            case "abort" -> producer.abortTransaction();
            default -> {
                producer.close(Duration.ZERO);
                return true;
            }
        }
        producer.close(Duration.ofSeconds(10));
        return true;
    }

    /**
     * Writes all records of "topics" that are there now to "file", each partition in its order, and answers how many.
     * "isolation" is read_committed (up to the last stable offset) or read_uncommitted (aborted records too).
     */
    private static Object read(JsonNode request) throws Exception {
        Properties properties = Judge.client(request);
        properties.put("isolation.level", request.get("isolation").asText());
        properties.put("max.poll.records", "20000");
        properties.put("fetch.max.bytes", "67108864");
        properties.put("max.partition.fetch.bytes", "8388608");
        properties.put("auto.offset.reset", "none");
        properties.put("client.id", "judge");
        Map<String, Integer> index = new HashMap<>();
        request.get("topics").forEach(topic -> index.put(topic.asText(), index.size()));
        long deadline = System.nanoTime() + request.get("timeout_ms").asLong() * 1_000_000L;
        var bytes = new ByteArrayDeserializer();
        try (var consumer = new KafkaConsumer<>(properties, bytes, bytes);
                DataOutputStream out = RecordFile.create(request.get("file").asText())) {
            List<TopicPartition> partitions = new ArrayList<>();
            for (String topic : index.keySet()) {
                consumer.partitionsFor(topic).forEach(at -> partitions.add(new TopicPartition(topic, at.partition())));
            }
            Map<TopicPartition, Long> begin = consumer.beginningOffsets(partitions);
            Map<TopicPartition, Long> left = consumer.endOffsets(partitions);
            left.entrySet().removeIf(end -> begin.get(end.getKey()) >= end.getValue());
            consumer.assign(left.keySet());
            left.keySet().forEach(at -> consumer.seek(at, begin.get(at)));
            return copy(consumer, left, index, out, deadline);
        }
    }

    private static long copy(KafkaConsumer<byte[], byte[]> consumer, Map<TopicPartition, Long> left,
            Map<String, Integer> index, DataOutputStream out, long deadline) throws IOException, TimeoutException {
        long count = 0;
        while (!left.isEmpty()) {
            if (System.nanoTime() > deadline) {
                throw new TimeoutException("not read to the end: " + left);
            }
            ConsumerRecords<byte[], byte[]> batch = consumer.poll(Duration.ofMillis(200));
            for (ConsumerRecord<byte[], byte[]> record : batch) {
                Long end = left.get(new TopicPartition(record.topic(), record.partition()));
                if (end != null && record.offset() < end) {
                    RecordFile.write(out, index.get(record.topic()), record);
                    count++;
                }
            }
            boolean ended = left.entrySet().removeIf(end -> consumer.position(end.getKey()) >= end.getValue());
            if (ended) {
                consumer.assign(left.keySet());
            }
        }
        return count;
    }
}
