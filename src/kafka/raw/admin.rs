//! What only admin requests tell: rights on topics, replicas, a topic's configuration. They change nothing.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char, c_int};
use std::time::Duration;

use super::consumer::Consumer;
use super::error::{Failed, TextBuffer, checked, checked_code, millis};
use super::metadata::array;
use super::sys;

/// `RD_KAFKA_ACL_OPERATION_*`
const OPERATION_READ: c_int = 3;
const OPERATION_WRITE: c_int = 4;
/// `RD_KAFKA_ADMIN_OP_*`
const OP_DESCRIBE_CONFIGS: c_int = 5;
const OP_DESCRIBE_TOPICS: c_int = 19;
/// `RD_KAFKA_RESOURCE_TOPIC`
const RESOURCE_TOPIC: c_int = 2;

/// One topic as an admin sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kafka) struct TopicDescription {
    pub(in crate::kafka) name: String,
    /// 0, or why the broker says nothing of it.
    pub(in crate::kafka) err: i32,
    /// In no order.
    pub(in crate::kafka) partitions: Vec<PartitionDescription>,
    pub(in crate::kafka) may_read: bool,
    pub(in crate::kafka) may_write: bool,
}

/// One partition as an admin sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kafka) struct PartitionDescription {
    pub(in crate::kafka) number: i32,
    /// The brokers that have it, or are to have it.
    pub(in crate::kafka) replicas: Vec<i32>,
    /// How many of them have all of it.
    pub(in crate::kafka) in_sync: usize,
    pub(in crate::kafka) has_leader: bool,
}

/// The configuration of a topic, or the code with which the broker refuses to show it.
pub(in crate::kafka) type Configs = Result<BTreeMap<String, String>, i32>;

impl Consumer {
    /// Describes topics, in no order; one that is not there, or may not be seen, has its code.
    pub(in crate::kafka) fn describe_topics(
        &mut self,
        names: &[&str],
        limit: Duration,
    ) -> Result<Vec<TopicDescription>, Failed> {
        let names: Vec<CString> =
            names.iter().filter_map(|name| CString::new(*name).ok()).collect();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
        let options = Options::new(self, OP_DESCRIBE_TOPICS, limit)?;
        // SAFETY: live options, made for this request; the answer is an error object or null.
        let rights =
            unsafe { sys::rd_kafka_AdminOptions_set_include_authorized_operations(options.0, 1) };
        checked("describe topics", rights)?;
        let answer = Answer::of(self, "describe topics", limit, |rk, queue| {
            // SAFETY: a live client and queue; the collection copies the names, and the request what it needs of it.
            unsafe {
                let topics = sys::rd_kafka_TopicCollection_of_topic_names(
                    pointers.as_mut_ptr(),
                    pointers.len(),
                );
                sys::rd_kafka_DescribeTopics(rk, topics, options.0, queue);
                sys::rd_kafka_TopicCollection_destroy(topics);
            }
        })?;
        let mut count = 0;
        // SAFETY: an event that is the answer to this request; its topics live as long as it.
        let topics = unsafe {
            let result = sys::rd_kafka_event_DescribeTopics_result(answer.0);
            if result.is_null() {
                return Err(Failed::from_code("describe topics", super::code::FAIL));
            }
            array(
                sys::rd_kafka_DescribeTopics_result_topics(result, &raw mut count).cast_const(),
                count,
            )
        };
        Ok(topics.iter().map(|topic| described(*topic)).collect())
    }

    /// The configuration of topics, by their names.
    pub(in crate::kafka) fn topic_configs(
        &mut self,
        names: &[&str],
        limit: Duration,
    ) -> Result<BTreeMap<String, Configs>, Failed> {
        let names: Vec<CString> =
            names.iter().filter_map(|name| CString::new(*name).ok()).collect();
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        let options = Options::new(self, OP_DESCRIBE_CONFIGS, limit)?;
        // SAFETY: NUL-terminated names, which are copied; each resource is destroyed below.
        let mut resources: Vec<_> = names
            .iter()
            .map(|name| unsafe { sys::rd_kafka_ConfigResource_new(RESOURCE_TOPIC, name.as_ptr()) })
            .collect();
        let answer = Answer::of(self, "describe configs", limit, |rk, queue| {
            // SAFETY: a live client and queue, and as many resources as are said, which the request copies.
            unsafe {
                let (resources, count) = (resources.as_mut_ptr(), resources.len());
                sys::rd_kafka_DescribeConfigs(rk, resources, count, options.0, queue);
            }
        });
        for resource in resources {
            // SAFETY: made above, destroyed once.
            unsafe { sys::rd_kafka_ConfigResource_destroy(resource) };
        }
        let answer = answer?;
        let mut count = 0;
        // SAFETY: an event that is the answer to this request; its resources live as long as it.
        let found = unsafe {
            let result = sys::rd_kafka_event_DescribeConfigs_result(answer.0);
            if result.is_null() {
                return Err(Failed::from_code("describe configs", super::code::FAIL));
            }
            let found = sys::rd_kafka_DescribeConfigs_result_resources(result, &raw mut count);
            array(found.cast_const(), count)
        };
        Ok(found.iter().map(|resource| configured(*resource)).collect())
    }
}

fn described(topic: *const sys::TopicDescriptionT) -> TopicDescription {
    let (mut partitions, mut operations) = (0, 0);
    // SAFETY: a description of a live answer; its name, error and arrays live as long, an error may be null, and so may an
    // array without elements.
    unsafe {
        let error = sys::rd_kafka_TopicDescription_error(topic);
        let found = sys::rd_kafka_TopicDescription_partitions(topic, &raw mut partitions);
        let partitions = array(found.cast_const(), partitions);
        let allowed =
            sys::rd_kafka_TopicDescription_authorized_operations(topic, &raw mut operations);
        let allowed = array(allowed, operations);
        TopicDescription {
            name: text(sys::rd_kafka_TopicDescription_name(topic)),
            err: if error.is_null() { 0 } else { sys::rd_kafka_error_code(error) },
            partitions: partitions
                .iter()
                .map(|partition| described_partition(*partition))
                .collect(),
            may_read: is_allowed(allowed, OPERATION_READ),
            may_write: is_allowed(allowed, OPERATION_WRITE),
        }
    }
}

fn described_partition(partition: *const sys::TopicPartitionInfoT) -> PartitionDescription {
    let (mut replicas, mut in_sync) = (0, 0);
    // SAFETY: a partition of a live answer; its arrays and their nodes live as long, and a leader may be null.
    unsafe {
        let nodes = sys::rd_kafka_TopicPartitionInfo_replicas(partition, &raw mut replicas);
        sys::rd_kafka_TopicPartitionInfo_isr(partition, &raw mut in_sync);
        let nodes = array(nodes.cast_const(), replicas);
        PartitionDescription {
            number: sys::rd_kafka_TopicPartitionInfo_partition(partition),
            replicas: nodes.iter().map(|node| sys::rd_kafka_Node_id(*node)).collect(),
            in_sync,
            has_leader: !sys::rd_kafka_TopicPartitionInfo_leader(partition).is_null(),
        }
    }
}

/// Whoever sees a topic may at least describe it: an answer without any right is one of a broker that does not tell.
fn is_allowed(allowed: &[c_int], operation: c_int) -> bool {
    allowed.is_empty() || allowed.contains(&operation)
}

fn configured(resource: *const sys::ConfigResourceT) -> (String, Configs) {
    let mut count = 0;
    // SAFETY: a resource of a live answer; its name and entries live as long, and an entry's value may be null.
    unsafe {
        let name = text(sys::rd_kafka_ConfigResource_name(resource));
        let err = sys::rd_kafka_ConfigResource_error(resource);
        if err != 0 {
            return (name, Err(err));
        }
        let entries = sys::rd_kafka_ConfigResource_configs(resource, &raw mut count);
        let entries = array(entries.cast_const(), count).iter().map(|entry| {
            let (name, value) =
                (sys::rd_kafka_ConfigEntry_name(*entry), sys::rd_kafka_ConfigEntry_value(*entry));
            (text(name), text(value))
        });
        (name, Ok(entries.collect()))
    }
}

/// SAFETY: null, or NUL-terminated and live for the call.
unsafe fn text(pointer: *const c_char) -> String {
    if pointer.is_null() {
        return String::new();
    }
    // SAFETY: see above.
    unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned()
}

/// How one request is made.
struct Options(*mut sys::AdminOptionsT);

impl Drop for Options {
    fn drop(&mut self) {
        // SAFETY: ours, destroyed once.
        unsafe { sys::rd_kafka_AdminOptions_destroy(self.0) }
    }
}

impl Options {
    fn new(client: &Consumer, request: c_int, limit: Duration) -> Result<Self, Failed> {
        let mut text = TextBuffer::new();
        // SAFETY: a live client, and a request that librdkafka has; the options are ours.
        let options = unsafe { Self(sys::rd_kafka_AdminOptions_new(client.rk, request)) };
        // SAFETY: live options, a buffer of the stated size.
        let answer = unsafe {
            sys::rd_kafka_AdminOptions_set_request_timeout(
                options.0,
                millis(limit),
                text.pointer(),
                text.size(),
            )
        };
        checked_code("request timeout", answer).map(|()| options)
    }
}

/// The event that answers a request.
struct Answer(*mut sys::EventT);

impl Drop for Answer {
    fn drop(&mut self) {
        // SAFETY: ours, destroyed once.
        unsafe { sys::rd_kafka_event_destroy(self.0) }
    }
}

impl Answer {
    /// Makes a request, and waits for its answer on a queue of its own.
    fn of(
        client: &mut Consumer,
        what: &'static str,
        limit: Duration,
        request: impl FnOnce(*mut sys::Rk, *mut sys::QueueT),
    ) -> Result<Self, Failed> {
        // SAFETY: a live client; the queue is ours, and an answer that comes when it is gone is dropped.
        let event = unsafe {
            let queue = sys::rd_kafka_queue_new(client.rk);
            request(client.rk, queue);
            let event = sys::rd_kafka_queue_poll(queue, millis(limit));
            sys::rd_kafka_queue_destroy(queue);
            event
        };
        if event.is_null() {
            return Err(Failed::from_code(what, super::code::TIMED_OUT));
        }
        let answer = Self(event);
        // SAFETY: a live event; its words live as long.
        let (code, words) = unsafe {
            (sys::rd_kafka_event_error(event), text(sys::rd_kafka_event_error_string(event)))
        };
        match checked_code(what, code) {
            Ok(()) => Ok(answer),
            Err(failed) => Err(Failed { text: words, ..failed }),
        }
    }
}
