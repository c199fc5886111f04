/*
 * How long a record is on its way: from the moment at which it is given to a producer to the moment at which a
 * read_committed reader has it. Both ends are in this process and read one clock, so no clocks need to agree.
 *
 *   probe --bootstrap HOST:PORT --in TOPIC --out TOPIC [--out TOPIC] --rate RECORDS_PER_S --warm-s S --seconds S
 *
 * Records of 1 000 bytes go out evenly, in ticks of a millisecond; all of them must come back, each once. Says one line on stdout:
 *   records p50_us p99_us p99.9_us max_us late_ticks
 * where a late tick is one that the machine did not let begin within 5 ms of its time.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SIZE 1000
#define PARTITIONS 4
/* What is not back by then is lost. */
#define PATIENCE_S 20

static const char *bootstrap, *in_topic, *out_topics[2];
static int outs;
static long rate = 1000, warm_s = 2, seconds = 10, total, warm;
static int64_t *latency_us;
static unsigned char *seen;
static volatile long received;
static long late_ticks;

static void die(const char *what, const char *why) {
        fprintf(stderr, "%s: %s\n", what, why);
        exit(1);
}

static int64_t now_ns(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
        char text[512];
        if (rd_kafka_conf_set(conf, name, value, text, sizeof(text)) != RD_KAFKA_CONF_OK)
                die("property", text);
}

static rd_kafka_t *client(rd_kafka_type_t type, rd_kafka_conf_t *conf) {
        char text[512];
        set(conf, "bootstrap.servers", bootstrap);
        rd_kafka_t *rk = rd_kafka_new(type, conf, text, sizeof(text));
        if (!rk)
                die("client", text);
        return rk;
}

/* {"sent":"<ns>","n":"<index>", ... : fixed places, so that nothing is parsed. */
static void take(const rd_kafka_message_t *message) {
        const char *value = message->payload;
        if (message->err)
                die("consume", rd_kafka_message_errstr(message));
        if (message->len != SIZE)
                die("consume", "a record of another size");
        int64_t arrived = now_ns();
        long n = atol(value + 35);
        if (n < 0 || n >= total || seen[n]++)
                die("consume", "a record came twice, or was never sent");
        latency_us[n] = (arrived - atoll(value + 9)) / 1000;
        received++;
}

static void *read_all(void *unused) {
        (void)unused;
        rd_kafka_conf_t *conf = rd_kafka_conf_new();
        set(conf, "group.id", "probe");
        set(conf, "enable.auto.commit", "false");
        set(conf, "isolation.level", "read_committed");
        set(conf, "fetch.wait.max.ms", "10");
        set(conf, "fetch.queue.backoff.ms", "1");
        rd_kafka_t *rk = client(RD_KAFKA_CONSUMER, conf);
        rd_kafka_poll_set_consumer(rk);
        rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(8);
        for (int o = 0; o < outs; o++)
                for (int p = 0; p < PARTITIONS; p++)
                        rd_kafka_topic_partition_list_add(all, out_topics[o], p)->offset = RD_KAFKA_OFFSET_BEGINNING;
        if (rd_kafka_assign(rk, all))
                die("assign", "failed");
        while (received < total) {
                rd_kafka_message_t *message = rd_kafka_consumer_poll(rk, 100);
                if (!message)
                        continue;
                take(message);
                rd_kafka_message_destroy(message);
        }
        return NULL;
}

static void wait_until(int64_t at_ns) {
        struct timespec t = {at_ns / 1000000000, at_ns % 1000000000};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL))
                ;
}

static void write_all(void) {
        rd_kafka_conf_t *conf = rd_kafka_conf_new();
        set(conf, "linger.ms", "0.5");
        set(conf, "acks", "all");
        rd_kafka_t *rk = client(RD_KAFKA_PRODUCER, conf);
        rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, in_topic, NULL);
        char value[SIZE + 64], key[32];
        int64_t begin = now_ns() + 500000000;
        long sent = 0;
        for (long tick = 0; sent < total; tick++) {
                int64_t due = begin + tick * 1000000;
                wait_until(due);
                if (now_ns() - due > 5000000 && sent >= warm)
                        late_ticks++;
                for (long until = (tick + 1) * rate / 1000; sent < until && sent < total; sent++) {
                        int length = snprintf(value, sizeof(value),
                                              "{\"sent\":\"%019lld\",\"n\":\"%010ld\",\"event_type\":\"user.created\",\"country\":\"%s\",\"padding\":\"",
                                              (long long)now_ns(), sent, sent % 4 ? "US" : "DE");
                        memset(value + length, 'x', SIZE - length - 2);
                        memcpy(value + SIZE - 2, "\"}", 2);
                        int key_length = snprintf(key, sizeof(key), "us-%ld", sent % 1000);
                        while (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, value, SIZE, key, key_length, NULL))
                                rd_kafka_poll(rk, 1);
                }
                rd_kafka_poll(rk, 0);
        }
        if (rd_kafka_flush(rk, PATIENCE_S * 1000))
                die("produce", "not all was acknowledged");
}

static int by_size(const void *a, const void *b) {
        int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
        return x < y ? -1 : x > y;
}

int main(int argc, char **argv) {
        for (int i = 1; i + 1 < argc; i += 2) {
                char *option = argv[i], *value = argv[i + 1];
                if (!strcmp(option, "--bootstrap"))
                        bootstrap = value;
                else if (!strcmp(option, "--in"))
                        in_topic = value;
                else if (!strcmp(option, "--out") && outs < 2)
                        out_topics[outs++] = value;
                else if (!strcmp(option, "--rate"))
                        rate = atol(value);
                else if (!strcmp(option, "--warm-s"))
                        warm_s = atol(value);
                else if (!strcmp(option, "--seconds"))
                        seconds = atol(value);
                else
                        die("unknown option", option);
        }
        if (!bootstrap || !in_topic || !outs || rate <= 0)
                die("usage", "see probe.c");
        warm = rate * warm_s;
        total = warm + rate * seconds;
        latency_us = calloc(total, sizeof(*latency_us));
        seen = calloc(total, 1);
        pthread_t reader;
        pthread_create(&reader, NULL, read_all, NULL);
        write_all();
        int64_t end = now_ns() + PATIENCE_S * 1000000000LL;
        while (received < total && now_ns() < end)
                wait_until(now_ns() + 10000000);
        if (received < total)
                die("consume", "not all records came back");
        pthread_join(reader, NULL);
        long count = total - warm;
        qsort(latency_us + warm, count, sizeof(*latency_us), by_size);
        int64_t *sorted = latency_us + warm;
        printf("%ld %lld %lld %lld %lld %ld\n", count, (long long)sorted[count / 2], (long long)sorted[count * 99 / 100],
               (long long)sorted[count * 999 / 1000], (long long)sorted[count - 1], late_ticks);
        return 0;
}
