//! Configuration objects.

use std::ffi::{CString, c_int};
use std::ptr;
use std::sync::Arc;

use super::error::TextBuffer;
use super::hooks::{self, Hooks};
use super::sys;

const CONF_OK: c_int = 0;
const PRODUCER: c_int = 0;
const CONSUMER: c_int = 1;

/// A client's configuration before the client exists.
pub(in crate::kafka) struct Conf(*mut sys::ConfT);

impl Drop for Conf {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: made by `rd_kafka_conf_new` and not given to a client, which would have nulled it here.
            unsafe { sys::rd_kafka_conf_destroy(self.0) }
        }
    }
}

impl Conf {
    /// librdkafka's defaults.
    pub(in crate::kafka) fn new() -> Self {
        // SAFETY: takes nothing, allocates.
        Self(unsafe { sys::rd_kafka_conf_new() })
    }

    /// Sets one property; the error is librdkafka's own sentence.
    pub(in crate::kafka) fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let (name, value) = (c_string(name)?, c_string(value)?);
        let mut text = TextBuffer::new();
        // SAFETY: a live configuration, two NUL-terminated strings, a buffer of the stated size.
        let answer = unsafe {
            sys::rd_kafka_conf_set(
                self.0,
                name.as_ptr(),
                value.as_ptr(),
                text.pointer(),
                text.size(),
            )
        };
        if answer == CONF_OK { Ok(()) } else { Err(text.text()) }
    }

    /// What the property is now; empty where it was never set and has no default.
    #[cfg(test)]
    pub(in crate::kafka) fn get(&self, name: &str) -> String {
        get(self.0, name)
    }

    pub(super) fn consumer(self, hooks: &Arc<Hooks>) -> Result<*mut sys::Rk, String> {
        // SAFETY: a live configuration; the callback is a plain function that reads the opaque, set in `create`.
        unsafe { sys::rd_kafka_conf_set_rebalance_cb(self.0, hooks::on_rebalance) };
        self.create(CONSUMER, hooks)
    }

    pub(super) fn producer(self, hooks: &Arc<Hooks>) -> Result<*mut sys::Rk, String> {
        let opaque = Arc::as_ptr(hooks).cast_mut().cast();
        // SAFETY: a live configuration; the hooks outlive the client, whose wrapper holds them until it is destroyed.
        unsafe {
            sys::rd_kafka_conf_set_dr_msg_cb(self.0, hooks::on_delivery);
            let name = c"krouted".as_ptr();
            sys::rd_kafka_conf_interceptor_add_on_new(self.0, name, hooks::on_new, opaque);
        }
        self.create(PRODUCER, hooks)
    }

    fn create(mut self, kind: c_int, hooks: &Arc<Hooks>) -> Result<*mut sys::Rk, String> {
        let mut text = TextBuffer::new();
        // SAFETY: a live configuration; the opaque outlives the client (see `producer`); on success the client takes the
        // configuration over, so it is forgotten here, on failure it stays ours.
        unsafe {
            sys::rd_kafka_conf_set_opaque(self.0, Arc::as_ptr(hooks).cast_mut().cast());
            sys::rd_kafka_conf_set_error_cb(self.0, hooks::on_error);
            sys::rd_kafka_conf_set_log_cb(self.0, hooks::on_log);
            let rk = sys::rd_kafka_new(kind, self.0, text.pointer(), text.size());
            if rk.is_null() {
                return Err(text.text());
            }
            self.0 = ptr::null_mut();
            Ok(rk)
        }
    }
}

/// What a property is in a live configuration.
#[cfg(test)]
pub(super) fn get(conf: *const sys::ConfT, name: &str) -> String {
    let (name, mut text) = (c_string(name).unwrap(), TextBuffer::new());
    let mut size = text.size();
    // SAFETY: a live configuration, a NUL-terminated name, a buffer of the stated size.
    let answer =
        unsafe { sys::rd_kafka_conf_get(conf, name.as_ptr(), text.pointer(), &raw mut size) };
    if answer == CONF_OK { text.text() } else { String::new() }
}

/// Properties of one topic of a producer.
pub(super) struct TopicConf(pub(super) *mut sys::TopicConfT);

impl Drop for TopicConf {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: made by `rd_kafka_topic_conf_new` and not given to a topic, which would have nulled it here.
            unsafe { sys::rd_kafka_topic_conf_destroy(self.0) }
        }
    }
}

impl TopicConf {
    pub(super) fn new() -> Self {
        // SAFETY: takes nothing, allocates.
        Self(unsafe { sys::rd_kafka_topic_conf_new() })
    }

    /// What the client's own configuration says of topics: partitioner, acks, timeouts. A topic that is given a new
    /// configuration inherits none of it.
    ///
    /// SAFETY: `rk` is a live client.
    pub(super) unsafe fn of_client(rk: *mut sys::Rk) -> Self {
        // SAFETY: see above; the copy is ours.
        Self(unsafe { sys::rd_kafka_default_topic_conf_dup(rk) })
    }

    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let (name, value) = (c_string(name)?, c_string(value)?);
        let mut text = TextBuffer::new();
        // SAFETY: as in `Conf::set`.
        let answer = unsafe {
            sys::rd_kafka_topic_conf_set(
                self.0,
                name.as_ptr(),
                value.as_ptr(),
                text.pointer(),
                text.size(),
            )
        };
        if answer == CONF_OK { Ok(()) } else { Err(text.text()) }
    }
}

/// Whether librdkafka knows the client property and takes the value; its own sentence where not.
pub(in crate::kafka) fn check_property(name: &str, value: &str) -> Result<(), String> {
    Conf::new().set(name, value)
}

/// Whether librdkafka knows the topic property and takes the value; its own sentence where not.
pub(in crate::kafka) fn check_topic_property(name: &str, value: &str) -> Result<(), String> {
    TopicConf::new().set(name, value)
}

pub(super) fn c_string(text: &str) -> Result<CString, String> {
    CString::new(text).map_err(|e| format!("a zero byte at {}", e.nul_position()))
}
