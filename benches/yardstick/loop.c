/*
 * The yardstick: what a bare C program over the same librdkafka needs for the work that krouted does.
 *
 * It consumes a batch, produces each record to one of two topics (or to none), moves the consumed message's headers into
 * the produced one, and after every interval sends the offsets and commits. It checks no JSON, isolates nothing, and
 * ends at the first error. What it shares with krouted are librdkafka and, by -X, every client property.
 *
 *   loop MODE --bootstrap HOST:PORT --group G --in TOPIC --out TOPIC [--out TOPIC] --records N --interval-ms MS
 *        [--transactional-id ID] [-X c.NAME=VALUE] [-X p.NAME=VALUE]
 *
 * MODE: copy    every record to the first topic
 *       value   by two substring searches: created, deleted, updated; then DE and FR to the first, others to the second
 *       key     by the key's first bytes: `eu-` to the first, `us-` to the second, others to none
 *       header  by the header `region`: `eu` to the first, `us` to the second, others to none
 *
 * Without --transactional-id: at least once (flush, then commit the group's offsets).
 * When N records are committed it says `done` on stderr and waits to be ended, so that who measures can look at it.
 */
#define _GNU_SOURCE
#include <rdkafka.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BATCH 2000
#define PARTITIONS_MAX 1024
#define IDLE_MS 10
#define WAIT_MS 100

static rd_kafka_t *consumer, *producer;
static rd_kafka_topic_t *out[2];
static int outs;
/* Next to read, -1 where nothing of the window is. */
static int64_t next_offset[PARTITIONS_MAX];
static const char *in_topic;
static int transactional;
static long undelivered;

static void die(const char *format, ...) {
        va_list arguments;
        va_start(arguments, format);
        vfprintf(stderr, format, arguments);
        va_end(arguments);
        fputc('\n', stderr);
        exit(1);
}

static void check(const char *what, rd_kafka_error_t *error) {
        if (error)
                die("%s: %s", what, rd_kafka_error_string(error));
}

static int64_t now_ms(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
        char text[512];
        if (rd_kafka_conf_set(conf, name, value, text, sizeof(text)) != RD_KAFKA_CONF_OK)
                die("%s", text);
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque) {
        (void)rk, (void)opaque;
        if (message->err)
                undelivered++;
}

enum mode { COPY, VALUE, KEY, HEADER };

static int starts(const void *bytes, size_t size, const char *with) {
        size_t length = strlen(with);
        return bytes && size >= length && !memcmp(bytes, with, length);
}

/* What follows a text in the value; at least 8 more bytes are there. */
static const char *behind(const rd_kafka_message_t *message, const char *text, size_t length) {
        const char *found = memmem(message->payload, message->len, text, length);
        if (!found || found + length + 8 > (const char *)message->payload + message->len)
                return NULL;
        return found + length;
}

#define BEHIND(message, text) behind(message, text, sizeof(text) - 1)

/* Index of the topic, -1 for none. */
static int route(enum mode mode, rd_kafka_message_t *message) {
        const char *found;
        rd_kafka_headers_t *headers;
        const void *value;
        size_t size;
        switch (mode) {
        case COPY:
                return 0;
        case VALUE:
                found = BEHIND(message, "\"event_type\":\"user.");
                if (!found || (memcmp(found, "created\"", 8) && memcmp(found, "deleted\"", 8) && memcmp(found, "updated\"", 8)))
                        return -1;
                found = BEHIND(message, "\"country\":\"");
                if (!found)
                        return -1;
                return memcmp(found, "DE\"", 3) && memcmp(found, "FR\"", 3) ? 1 : 0;
        case KEY:
                if (starts(message->key, message->key_len, "eu-"))
                        return 0;
                return starts(message->key, message->key_len, "us-") ? 1 : -1;
        case HEADER:
                if (rd_kafka_message_headers(message, &headers) || rd_kafka_header_get_last(headers, "region", &value, &size))
                        return -1;
                if (size == 2 && !memcmp(value, "eu", 2))
                        return 0;
                return size == 2 && !memcmp(value, "us", 2) ? 1 : -1;
        }
        return -1;
}

static void produce(rd_kafka_topic_t *topic, rd_kafka_message_t *message) {
        rd_kafka_headers_t *headers = NULL;
        rd_kafka_timestamp_type_t kind;
        int64_t timestamp = rd_kafka_message_timestamp(message, &kind);
        rd_kafka_message_detach_headers(message, &headers);
        rd_kafka_vu_t vu[] = {
            {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = topic},
            {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = RD_KAFKA_PARTITION_UA},
            {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {message->payload, message->len}},
            {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {message->key, message->key_len}},
            {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = timestamp},
            {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
            {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
        };
        for (;;) {
                rd_kafka_error_t *error = rd_kafka_produceva(producer, vu, headers ? 7 : 6);
                if (!error)
                        return;
                if (rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__QUEUE_FULL)
                        die("produce: %s", rd_kafka_error_string(error));
                rd_kafka_error_destroy(error);
                rd_kafka_poll(producer, 5);
        }
}

static void commit(void) {
        rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(16);
        for (int p = 0; p < PARTITIONS_MAX; p++) {
                if (next_offset[p] >= 0)
                        rd_kafka_topic_partition_list_add(offsets, in_topic, p)->offset = next_offset[p];
                next_offset[p] = -1;
        }
        if (transactional) {
                rd_kafka_consumer_group_metadata_t *group = rd_kafka_consumer_group_metadata(consumer);
                check("send offsets", rd_kafka_send_offsets_to_transaction(producer, offsets, group, -1));
                rd_kafka_consumer_group_metadata_destroy(group);
                check("commit", rd_kafka_commit_transaction(producer, -1));
        } else {
                if (rd_kafka_flush(producer, 120000))
                        die("flush: not within 120 s");
                rd_kafka_resp_err_t err = rd_kafka_commit(consumer, offsets, 0);
                if (err)
                        die("commit: %s", rd_kafka_err2str(err));
        }
        if (undelivered)
                die("%ld records were not delivered", undelivered);
        rd_kafka_topic_partition_list_destroy(offsets);
}

static void work(enum mode mode, long records, int interval_ms) {
        static rd_kafka_message_t *batch[BATCH];
        rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(consumer);
        long consumed = 0;
        int64_t opened = -1, last = 0;
        while (opened >= 0 || consumed < records) {
                rd_kafka_poll(producer, 0);
                int64_t left = opened < 0 ? WAIT_MS : opened + interval_ms - now_ms();
                if (opened >= 0 && left > IDLE_MS)
                        left = IDLE_MS;
                /* It returns when it is full or its time is over: first for one, then for what is there. */
                ssize_t count = rd_kafka_consume_batch_queue(queue, left < 0 ? 0 : (int)left, batch, 1);
                if (count == 1) {
                        ssize_t more = rd_kafka_consume_batch_queue(queue, 0, batch + 1, BATCH - 1);
                        count += more > 0 ? more : 0;
                }
                for (ssize_t i = 0; i < count; i++) {
                        rd_kafka_message_t *message = batch[i];
                        if (message->err)
                                die("consume: %s", rd_kafka_message_errstr(message));
                        if (opened < 0) {
                                if (transactional)
                                        check("begin", rd_kafka_begin_transaction(producer));
                                opened = now_ms();
                        }
                        int to = route(mode, message);
                        if (to >= 0)
                                produce(out[to], message);
                        next_offset[message->partition] = message->offset + 1;
                        consumed++;
                        rd_kafka_message_destroy(message);
                }
                int64_t now = now_ms();
                if (count > 0)
                        last = now;
                if (opened >= 0 && (now - opened >= interval_ms || now - last >= IDLE_MS || consumed >= records)) {
                        commit();
                        opened = -1;
                }
        }
        rd_kafka_queue_destroy(queue);
}

static rd_kafka_t *client(rd_kafka_type_t type, rd_kafka_conf_t *conf) {
        char text[512];
        rd_kafka_t *rk = rd_kafka_new(type, conf, text, sizeof(text));
        if (!rk)
                die("%s", text);
        return rk;
}

int main(int argc, char **argv) {
        static const char *modes[] = {"copy", "value", "key", "header"};
        const char *names[2] = {NULL, NULL};
        long records = 0;
        int interval_ms = 100, mode = -1;
        rd_kafka_conf_t *cc = rd_kafka_conf_new(), *pc = rd_kafka_conf_new();
        for (int m = 0; m < 4; m++)
                if (argc > 1 && !strcmp(argv[1], modes[m]))
                        mode = m;
        if (argc == 2 && !strcmp(argv[1], "version"))
                return puts(rd_kafka_version_str()) < 0;
        if (mode < 0)
                die("usage: loop copy|value|key|header OPTIONS (see loop.c)");
        for (int i = 2; i + 1 < argc; i += 2) {
                char *option = argv[i], *value = argv[i + 1];
                if (!strcmp(option, "--bootstrap")) {
                        set(cc, "bootstrap.servers", value);
                        set(pc, "bootstrap.servers", value);
                } else if (!strcmp(option, "--group"))
                        set(cc, "group.id", value);
                else if (!strcmp(option, "--transactional-id")) {
                        set(pc, "transactional.id", value);
                        transactional = 1;
                } else if (!strcmp(option, "--in"))
                        in_topic = value;
                else if (!strcmp(option, "--out") && outs < 2)
                        names[outs++] = value;
                else if (!strcmp(option, "--records"))
                        records = atol(value);
                else if (!strcmp(option, "--interval-ms"))
                        interval_ms = atoi(value);
                else if (!strcmp(option, "-X") && strlen(value) > 2 && strchr(value, '=')) {
                        char *equals = strchr(value, '=');
                        *equals = 0;
                        set(*value == 'c' ? cc : pc, value + 2, equals + 1);
                } else
                        die("unknown option %s", option);
        }
        if (!in_topic || records <= 0 || outs < (mode == COPY ? 1 : 2))
                die("--in, --records or --out is missing");
        rd_kafka_conf_set_dr_msg_cb(pc, on_delivery);
        consumer = client(RD_KAFKA_CONSUMER, cc);
        rd_kafka_poll_set_consumer(consumer);
        producer = client(RD_KAFKA_PRODUCER, pc);
        for (int o = 0; o < outs; o++)
                if (!(out[o] = rd_kafka_topic_new(producer, names[o], NULL)))
                        die("%s: %s", names[o], rd_kafka_err2str(rd_kafka_last_error()));
        memset(next_offset, -1, sizeof(next_offset));
        if (transactional)
                check("init transactions", rd_kafka_init_transactions(producer, 60000));
        rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
        rd_kafka_topic_partition_list_add(topics, in_topic, RD_KAFKA_PARTITION_UA);
        if (rd_kafka_subscribe(consumer, topics))
                die("subscribe");
        work((enum mode)mode, records, interval_ms);
        fputs("done\n", stderr);
        for (;;)
                pause();
}
