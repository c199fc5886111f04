import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;

/**
 * How records travel between the tests and the judge: one after the other, big endian, a length of -1 is null.
 *
 * <pre>topic: i32 (index into the request's topics) | partition: i32 | offset: i64 | timestamp: i64
 * key: bytes | value: bytes | headers: i32 count, then for each: name bytes, value bytes      bytes: i32 length, content</pre>
 */
final class RecordFile {
    private RecordFile() {}

    static DataInputStream open(String path) throws IOException {
        return new DataInputStream(new BufferedInputStream(Files.newInputStream(Path.of(path)), 1 << 20));
    }

    static DataOutputStream create(String path) throws IOException {
        return new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(Path.of(path)), 1 << 20));
    }

    /** A record to be sent; partition and timestamp below zero are left to the producer. */
    static ProducerRecord<byte[], byte[]> read(DataInputStream in, String topic) throws IOException {
        in.readInt();
        int partition = in.readInt();
        in.readLong();
        long timestamp = in.readLong();
        byte[] key = bytes(in);
        byte[] value = bytes(in);
        var record = new ProducerRecord<>(
                topic, partition < 0 ? null : partition, timestamp < 0 ? null : timestamp, key, value);
        for (int left = in.readInt(); left > 0; left--) {
            record.headers().add(new RecordHeader(new String(bytes(in), StandardCharsets.UTF_8), bytes(in)));
        }
        return record;
    }

    static void write(DataOutputStream out, int topic, ConsumerRecord<byte[], byte[]> record) throws IOException {
        out.writeInt(topic);
        out.writeInt(record.partition());
        out.writeLong(record.offset());
        out.writeLong(record.timestamp());
        bytes(out, record.key());
        bytes(out, record.value());
        Header[] headers = record.headers().toArray();
        out.writeInt(headers.length);
        for (Header header : headers) {
            bytes(out, name(header));
            bytes(out, header.value());
        }
    }

    private static byte[] bytes(DataInputStream in) throws IOException {
        int length = in.readInt();
        return length < 0 ? null : in.readNBytes(length);
    }

    private static void bytes(DataOutputStream out, byte[] bytes) throws IOException {
        out.writeInt(bytes == null ? -1 : bytes.length);
        if (bytes != null) {
            out.write(bytes);
        }
    }

    private static final Field RAW_NAME = rawName();

    private static Field rawName() {
        try {
            Field field = RecordHeader.class.getDeclaredField("keyBuffer");
            field.setAccessible(true);
            return field;
        } catch (NoSuchFieldException gone) {
            throw new IllegalStateException("RecordHeader keeps its name elsewhere in this version of Kafka", gone);
        }
    }

    /** A header's name as it stands in the record: `Header.key()` would replace what is not UTF-8. */
    private static byte[] name(Header header) {
        try {
            ByteBuffer raw = (ByteBuffer) RAW_NAME.get(header);
            if (raw == null) {
                return header.key().getBytes(StandardCharsets.UTF_8);
            }
            byte[] name = new byte[raw.remaining()];
            raw.duplicate().get(name);
            return name;
        } catch (IllegalAccessException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
