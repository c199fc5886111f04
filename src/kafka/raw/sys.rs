//! The C interface, declared again where the bindings' types would be unsound: error codes as integers.
//!
//! Source: `rdkafka.h` of librdkafka 2.12.1, which the crate rdkafka-sys 4.10 builds.

use std::ffi::{c_char, c_int, c_void};

pub(super) use rdkafka::bindings::{
    rd_kafka_AdminOptions_t as AdminOptionsT, rd_kafka_ConfigEntry_t as ConfigEntryT,
    rd_kafka_ConfigResource_t as ConfigResourceT, rd_kafka_Node_t as NodeT,
    rd_kafka_TopicCollection_t as TopicCollectionT,
    rd_kafka_TopicDescription_t as TopicDescriptionT,
    rd_kafka_TopicPartitionInfo_t as TopicPartitionInfoT, rd_kafka_conf_t as ConfT,
    rd_kafka_consumer_group_metadata_t as GroupMetadataT, rd_kafka_error_t as ErrorT,
    rd_kafka_event_t as EventT, rd_kafka_headers_t as HeadersT, rd_kafka_queue_t as QueueT,
    rd_kafka_t as Rk, rd_kafka_topic_conf_t as TopicConfT, rd_kafka_topic_t as TopicT,
};

/// `rd_kafka_message_t`
#[repr(C)]
pub(super) struct Msg {
    pub(super) err: c_int,
    pub(super) rkt: *mut TopicT,
    pub(super) partition: i32,
    pub(super) payload: *mut c_void,
    pub(super) len: usize,
    pub(super) key: *mut c_void,
    pub(super) key_len: usize,
    pub(super) offset: i64,
    pub(super) private: *mut c_void,
}

/// `rd_kafka_topic_partition_t`
#[repr(C)]
pub(super) struct Tp {
    pub(super) topic: *mut c_char,
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) metadata: *mut c_void,
    pub(super) metadata_size: usize,
    pub(super) opaque: *mut c_void,
    pub(super) err: c_int,
    private: *mut c_void,
}

/// `rd_kafka_topic_partition_list_t`
#[repr(C)]
pub(super) struct Tpl {
    pub(super) cnt: c_int,
    size: c_int,
    pub(super) elems: *mut Tp,
}

/// `rd_kafka_metadata_partition_t`
#[repr(C)]
pub(super) struct MetaPartition {
    pub(super) id: i32,
    pub(super) err: c_int,
    leader: i32,
    pub(super) replica_cnt: c_int,
    pub(super) replicas: *mut i32,
    isr_cnt: c_int,
    isrs: *mut i32,
}

/// `rd_kafka_metadata_topic_t`
#[repr(C)]
pub(super) struct MetaTopic {
    pub(super) topic: *mut c_char,
    pub(super) partition_cnt: c_int,
    pub(super) partitions: *mut MetaPartition,
    pub(super) err: c_int,
}

/// `rd_kafka_metadata_t`
#[repr(C)]
pub(super) struct Meta {
    pub(super) broker_cnt: c_int,
    brokers: *mut c_void,
    pub(super) topic_cnt: c_int,
    pub(super) topics: *mut MetaTopic,
    pub(super) orig_broker_id: i32,
    orig_broker_name: *mut c_char,
}

/// `rd_kafka_vu_t`, an argument of `rd_kafka_produceva`.
#[repr(C)]
pub(super) struct Vu {
    pub(super) vtype: c_int,
    pub(super) u: VuValue,
}

/// The union in `rd_kafka_vu_t`, 64 bytes by its padding.
#[repr(C)]
pub(super) union VuValue {
    pub(super) rkt: *mut TopicT,
    pub(super) i: c_int,
    pub(super) i32_: i32,
    pub(super) i64_: i64,
    pub(super) mem: VuMem,
    pub(super) headers: *mut HeadersT,
    pub(super) ptr: *mut c_void,
    pad: [u8; 64],
}

/// Pointer and size in [`VuValue`].
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct VuMem {
    pub(super) ptr: *mut c_void,
    pub(super) size: usize,
}

pub(super) const VTYPE_RKT: c_int = 2;
pub(super) const VTYPE_PARTITION: c_int = 3;
pub(super) const VTYPE_VALUE: c_int = 4;
pub(super) const VTYPE_KEY: c_int = 5;
pub(super) const VTYPE_OPAQUE: c_int = 6;
pub(super) const VTYPE_MSGFLAGS: c_int = 7;
pub(super) const VTYPE_TIMESTAMP: c_int = 8;
pub(super) const VTYPE_HEADERS: c_int = 10;
pub(super) const MSG_F_COPY: c_int = 2;
/// `rd_kafka_msg_status_t`: the record was never sent.
pub(super) const MSG_STATUS_NOT_PERSISTED: c_int = 0;
pub(super) const PURGE_F_QUEUE: c_int = 1;
pub(super) const DESTROY_F_NO_CONSUMER_CLOSE: c_int = 8;

pub(super) type CommitCb = extern "C" fn(*mut Rk, c_int, *mut Tpl, *mut c_void);
pub(super) type RebalanceCb = extern "C" fn(*mut Rk, c_int, *mut Tpl, *mut c_void);
pub(super) type ErrorCb = extern "C" fn(*mut Rk, c_int, *const c_char, *mut c_void);
pub(super) type LogCb = extern "C" fn(*const Rk, c_int, *const c_char, *const c_char);
pub(super) type DeliveryCb = extern "C" fn(*mut Rk, *const Msg, *mut c_void);
pub(super) type OnNew =
    extern "C" fn(*mut Rk, *const ConfT, *mut c_void, *mut c_char, usize) -> c_int;
pub(super) type OnRequest =
    extern "C" fn(*mut Rk, c_int, *const c_char, i32, i16, i16, i32, usize, *mut c_void) -> c_int;
pub(super) type OnResponse = extern "C" fn(
    *mut Rk,
    c_int,
    *const c_char,
    i32,
    i16,
    i16,
    i32,
    usize,
    i64,
    c_int,
    *mut c_void,
) -> c_int;

unsafe extern "C" {
    pub(super) fn rd_kafka_err2str(e: c_int) -> *const c_char;
    pub(super) fn rd_kafka_last_error() -> c_int;
    pub(super) fn rd_kafka_error_code(e: *const ErrorT) -> c_int;
    pub(super) fn rd_kafka_error_string(e: *const ErrorT) -> *const c_char;
    pub(super) fn rd_kafka_error_is_fatal(e: *const ErrorT) -> c_int;
    pub(super) fn rd_kafka_error_is_retriable(e: *const ErrorT) -> c_int;
    pub(super) fn rd_kafka_error_txn_requires_abort(e: *const ErrorT) -> c_int;
    pub(super) fn rd_kafka_error_destroy(e: *mut ErrorT);
    pub(super) fn rd_kafka_fatal_error(rk: *mut Rk, text: *mut c_char, size: usize) -> c_int;

    pub(super) fn rd_kafka_conf_new() -> *mut ConfT;
    pub(super) fn rd_kafka_conf_destroy(c: *mut ConfT);
    pub(super) fn rd_kafka_conf_set(
        c: *mut ConfT,
        name: *const c_char,
        value: *const c_char,
        text: *mut c_char,
        size: usize,
    ) -> c_int;
    #[cfg(test)]
    pub(super) fn rd_kafka_conf(rk: *mut Rk) -> *const ConfT;
    #[cfg(test)]
    pub(super) fn rd_kafka_conf_get(
        c: *const ConfT,
        name: *const c_char,
        text: *mut c_char,
        size: *mut usize,
    ) -> c_int;
    pub(super) fn rd_kafka_conf_set_opaque(c: *mut ConfT, opaque: *mut c_void);
    pub(super) fn rd_kafka_conf_set_rebalance_cb(c: *mut ConfT, f: RebalanceCb);
    pub(super) fn rd_kafka_conf_set_error_cb(c: *mut ConfT, f: ErrorCb);
    pub(super) fn rd_kafka_conf_set_log_cb(c: *mut ConfT, f: LogCb);
    pub(super) fn rd_kafka_conf_set_dr_msg_cb(c: *mut ConfT, f: DeliveryCb);
    pub(super) fn rd_kafka_conf_interceptor_add_on_new(
        c: *mut ConfT,
        name: *const c_char,
        f: OnNew,
        opaque: *mut c_void,
    ) -> c_int;
    pub(super) fn rd_kafka_interceptor_add_on_request_sent(
        rk: *mut Rk,
        name: *const c_char,
        f: OnRequest,
        opaque: *mut c_void,
    ) -> c_int;
    pub(super) fn rd_kafka_interceptor_add_on_response_received(
        rk: *mut Rk,
        name: *const c_char,
        f: OnResponse,
        opaque: *mut c_void,
    ) -> c_int;
    pub(super) fn rd_kafka_topic_conf_new() -> *mut TopicConfT;
    pub(super) fn rd_kafka_default_topic_conf_dup(rk: *mut Rk) -> *mut TopicConfT;
    pub(super) fn rd_kafka_topic_conf_destroy(c: *mut TopicConfT);
    pub(super) fn rd_kafka_topic_conf_set(
        c: *mut TopicConfT,
        name: *const c_char,
        value: *const c_char,
        text: *mut c_char,
        size: usize,
    ) -> c_int;

    pub(super) fn rd_kafka_new(
        kind: c_int,
        c: *mut ConfT,
        text: *mut c_char,
        size: usize,
    ) -> *mut Rk;
    pub(super) fn rd_kafka_destroy(rk: *mut Rk);
    pub(super) fn rd_kafka_destroy_flags(rk: *mut Rk, flags: c_int);
    pub(super) fn rd_kafka_poll(rk: *mut Rk, ms: c_int) -> c_int;
    pub(super) fn rd_kafka_topic_new(
        rk: *mut Rk,
        name: *const c_char,
        c: *mut TopicConfT,
    ) -> *mut TopicT;
    pub(super) fn rd_kafka_topic_destroy(t: *mut TopicT);
    pub(super) fn rd_kafka_topic_name(t: *const TopicT) -> *const c_char;

    pub(super) fn rd_kafka_topic_partition_list_new(size: c_int) -> *mut Tpl;
    pub(super) fn rd_kafka_topic_partition_list_copy(l: *const Tpl) -> *mut Tpl;
    pub(super) fn rd_kafka_topic_partition_list_destroy(l: *mut Tpl);
    pub(super) fn rd_kafka_topic_partition_list_add(
        l: *mut Tpl,
        topic: *const c_char,
        partition: i32,
    ) -> *mut Tp;

    pub(super) fn rd_kafka_metadata(
        rk: *mut Rk,
        all: c_int,
        only: *mut TopicT,
        meta: *mut *const Meta,
        ms: c_int,
    ) -> c_int;
    pub(super) fn rd_kafka_metadata_destroy(m: *const Meta);

    pub(super) fn rd_kafka_poll_set_consumer(rk: *mut Rk) -> c_int;
    pub(super) fn rd_kafka_queue_get_consumer(rk: *mut Rk) -> *mut QueueT;
    pub(super) fn rd_kafka_queue_new(rk: *mut Rk) -> *mut QueueT;
    pub(super) fn rd_kafka_queue_destroy(q: *mut QueueT);
    pub(super) fn rd_kafka_consume_batch_queue(
        q: *mut QueueT,
        ms: c_int,
        messages: *mut *mut Msg,
        size: usize,
    ) -> isize;
    pub(super) fn rd_kafka_subscribe(rk: *mut Rk, l: *const Tpl) -> c_int;
    pub(super) fn rd_kafka_assignment(rk: *mut Rk, l: *mut *mut Tpl) -> c_int;
    pub(super) fn rd_kafka_assignment_lost(rk: *mut Rk) -> c_int;
    pub(super) fn rd_kafka_assign(rk: *mut Rk, l: *const Tpl) -> c_int;
    pub(super) fn rd_kafka_incremental_assign(rk: *mut Rk, l: *const Tpl) -> *mut ErrorT;
    pub(super) fn rd_kafka_incremental_unassign(rk: *mut Rk, l: *const Tpl) -> *mut ErrorT;
    pub(super) fn rd_kafka_committed(rk: *mut Rk, l: *mut Tpl, ms: c_int) -> c_int;
    pub(super) fn rd_kafka_pause_partitions(rk: *mut Rk, l: *mut Tpl) -> c_int;
    pub(super) fn rd_kafka_resume_partitions(rk: *mut Rk, l: *mut Tpl) -> c_int;
    pub(super) fn rd_kafka_commit_queue(
        rk: *mut Rk,
        l: *const Tpl,
        q: *mut QueueT,
        f: Option<CommitCb>,
        opaque: *mut c_void,
    ) -> c_int;
    pub(super) fn rd_kafka_queue_poll(q: *mut QueueT, ms: c_int) -> *mut EventT;
    pub(super) fn rd_kafka_event_error(e: *mut EventT) -> c_int;
    pub(super) fn rd_kafka_event_topic_partition_list(e: *mut EventT) -> *mut Tpl;
    pub(super) fn rd_kafka_event_destroy(e: *mut EventT);
    pub(super) fn rd_kafka_position(rk: *mut Rk, l: *mut Tpl) -> c_int;
    pub(super) fn rd_kafka_seek_partitions(rk: *mut Rk, l: *mut Tpl, ms: c_int) -> *mut ErrorT;
    pub(super) fn rd_kafka_offsets_for_times(rk: *mut Rk, l: *mut Tpl, ms: c_int) -> c_int;
    pub(super) fn rd_kafka_query_watermark_offsets(
        rk: *mut Rk,
        topic: *const c_char,
        partition: i32,
        low: *mut i64,
        high: *mut i64,
        ms: c_int,
    ) -> c_int;
    pub(super) fn rd_kafka_get_watermark_offsets(
        rk: *mut Rk,
        topic: *const c_char,
        partition: i32,
        low: *mut i64,
        high: *mut i64,
    ) -> c_int;
    pub(super) fn rd_kafka_consumer_close_queue(rk: *mut Rk, q: *mut QueueT) -> *mut ErrorT;
    pub(super) fn rd_kafka_consumer_closed(rk: *mut Rk) -> c_int;
    pub(super) fn rd_kafka_consumer_group_metadata(rk: *mut Rk) -> *mut GroupMetadataT;
    pub(super) fn rd_kafka_consumer_group_metadata_generation_id(g: *const GroupMetadataT) -> i32;
    pub(super) fn rd_kafka_consumer_group_metadata_member_id(
        g: *const GroupMetadataT,
    ) -> *const c_char;
    pub(super) fn rd_kafka_consumer_group_metadata_destroy(g: *mut GroupMetadataT);

    pub(super) fn rd_kafka_message_destroy(m: *mut Msg);
    pub(super) fn rd_kafka_message_status(m: *const Msg) -> c_int;
    pub(super) fn rd_kafka_message_errstr(m: *const Msg) -> *const c_char;
    pub(super) fn rd_kafka_message_timestamp(m: *const Msg, kind: *mut c_int) -> i64;
    pub(super) fn rd_kafka_message_headers(m: *const Msg, h: *mut *mut HeadersT) -> c_int;
    pub(super) fn rd_kafka_message_detach_headers(m: *mut Msg, h: *mut *mut HeadersT) -> c_int;
    pub(super) fn rd_kafka_headers_new(count: usize) -> *mut HeadersT;
    pub(super) fn rd_kafka_headers_copy(h: *const HeadersT) -> *mut HeadersT;
    pub(super) fn rd_kafka_headers_destroy(h: *mut HeadersT);
    pub(super) fn rd_kafka_header_cnt(h: *const HeadersT) -> usize;
    pub(super) fn rd_kafka_header_add(
        h: *mut HeadersT,
        name: *const c_char,
        name_size: isize,
        value: *const c_void,
        value_size: isize,
    ) -> c_int;
    pub(super) fn rd_kafka_header_remove(h: *mut HeadersT, name: *const c_char) -> c_int;
    pub(super) fn rd_kafka_header_get_all(
        h: *const HeadersT,
        index: usize,
        name: *mut *const c_char,
        value: *mut *const c_void,
        size: *mut usize,
    ) -> c_int;

    pub(super) fn rd_kafka_produceva(rk: *mut Rk, vus: *const Vu, count: usize) -> *mut ErrorT;
    pub(super) fn rd_kafka_outq_len(rk: *mut Rk) -> c_int;
    pub(super) fn rd_kafka_flush(rk: *mut Rk, ms: c_int) -> c_int;
    pub(super) fn rd_kafka_purge(rk: *mut Rk, flags: c_int) -> c_int;
    pub(super) fn rd_kafka_init_transactions(rk: *mut Rk, ms: c_int) -> *mut ErrorT;
    pub(super) fn rd_kafka_begin_transaction(rk: *mut Rk) -> *mut ErrorT;
    pub(super) fn rd_kafka_send_offsets_to_transaction(
        rk: *mut Rk,
        offsets: *const Tpl,
        group: *const GroupMetadataT,
        ms: c_int,
    ) -> *mut ErrorT;
    pub(super) fn rd_kafka_commit_transaction(rk: *mut Rk, ms: c_int) -> *mut ErrorT;
    pub(super) fn rd_kafka_abort_transaction(rk: *mut Rk, ms: c_int) -> *mut ErrorT;

    pub(super) fn rd_kafka_opaque(rk: *const Rk) -> *mut c_void;
    pub(super) fn rd_kafka_AdminOptions_new(rk: *mut Rk, request: c_int) -> *mut AdminOptionsT;
    pub(super) fn rd_kafka_AdminOptions_destroy(o: *mut AdminOptionsT);
    pub(super) fn rd_kafka_AdminOptions_set_request_timeout(
        o: *mut AdminOptionsT,
        ms: c_int,
        text: *mut c_char,
        size: usize,
    ) -> c_int;
    pub(super) fn rd_kafka_AdminOptions_set_include_authorized_operations(
        o: *mut AdminOptionsT,
        include: c_int,
    ) -> *mut ErrorT;
    pub(super) fn rd_kafka_TopicCollection_of_topic_names(
        names: *mut *const c_char,
        count: usize,
    ) -> *mut TopicCollectionT;
    pub(super) fn rd_kafka_TopicCollection_destroy(c: *mut TopicCollectionT);
    pub(super) fn rd_kafka_DescribeTopics(
        rk: *mut Rk,
        topics: *const TopicCollectionT,
        o: *const AdminOptionsT,
        q: *mut QueueT,
    );
    pub(super) fn rd_kafka_event_DescribeTopics_result(e: *mut EventT) -> *const EventT;
    pub(super) fn rd_kafka_DescribeTopics_result_topics(
        result: *const EventT,
        count: *mut usize,
    ) -> *mut *const TopicDescriptionT;
    pub(super) fn rd_kafka_TopicDescription_name(t: *const TopicDescriptionT) -> *const c_char;
    pub(super) fn rd_kafka_TopicDescription_error(t: *const TopicDescriptionT) -> *const ErrorT;
    pub(super) fn rd_kafka_TopicDescription_partitions(
        t: *const TopicDescriptionT,
        count: *mut usize,
    ) -> *mut *const TopicPartitionInfoT;
    pub(super) fn rd_kafka_TopicDescription_authorized_operations(
        t: *const TopicDescriptionT,
        count: *mut usize,
    ) -> *const c_int;
    pub(super) fn rd_kafka_TopicPartitionInfo_partition(p: *const TopicPartitionInfoT) -> c_int;
    pub(super) fn rd_kafka_TopicPartitionInfo_leader(p: *const TopicPartitionInfoT)
    -> *const NodeT;
    pub(super) fn rd_kafka_TopicPartitionInfo_isr(
        p: *const TopicPartitionInfoT,
        count: *mut usize,
    ) -> *mut *const NodeT;
    pub(super) fn rd_kafka_TopicPartitionInfo_replicas(
        p: *const TopicPartitionInfoT,
        count: *mut usize,
    ) -> *mut *const NodeT;
    pub(super) fn rd_kafka_Node_id(node: *const NodeT) -> c_int;
    pub(super) fn rd_kafka_ConfigResource_new(
        kind: c_int,
        name: *const c_char,
    ) -> *mut ConfigResourceT;
    pub(super) fn rd_kafka_ConfigResource_destroy(c: *mut ConfigResourceT);
    pub(super) fn rd_kafka_ConfigResource_name(c: *const ConfigResourceT) -> *const c_char;
    pub(super) fn rd_kafka_ConfigResource_error(c: *const ConfigResourceT) -> c_int;
    pub(super) fn rd_kafka_ConfigResource_configs(
        c: *const ConfigResourceT,
        count: *mut usize,
    ) -> *mut *const ConfigEntryT;
    pub(super) fn rd_kafka_ConfigEntry_name(e: *const ConfigEntryT) -> *const c_char;
    pub(super) fn rd_kafka_ConfigEntry_value(e: *const ConfigEntryT) -> *const c_char;
    pub(super) fn rd_kafka_DescribeConfigs(
        rk: *mut Rk,
        resources: *mut *mut ConfigResourceT,
        count: usize,
        o: *const AdminOptionsT,
        q: *mut QueueT,
    );
    pub(super) fn rd_kafka_event_DescribeConfigs_result(e: *mut EventT) -> *const EventT;
    pub(super) fn rd_kafka_DescribeConfigs_result_resources(
        result: *const EventT,
        count: *mut usize,
    ) -> *mut *const ConfigResourceT;
    pub(super) fn rd_kafka_event_error_string(e: *mut EventT) -> *const c_char;
}

/// `malloc.h` of glibc.
#[cfg(target_env = "gnu")]
pub(super) const M_TRIM_THRESHOLD: c_int = -1;
#[cfg(target_env = "gnu")]
pub(super) const M_MMAP_THRESHOLD: c_int = -3;
#[cfg(target_env = "gnu")]
pub(super) const M_ARENA_MAX: c_int = -8;

#[cfg(target_env = "gnu")]
unsafe extern "C" {
    pub(super) fn mallopt(parameter: c_int, value: c_int) -> c_int;
}
