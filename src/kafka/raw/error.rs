//! What a call answers when it fails.

use std::ffi::{CStr, c_int};

use super::sys;

/// Codes that decisions look at. Source: `rdkafka.h`, `rd_kafka_resp_err_t`.
pub(in crate::kafka) mod code {
    pub(in crate::kafka) const FAIL: i32 = -196;
    pub(in crate::kafka) const TRANSPORT: i32 = -195;
    pub(in crate::kafka) const RESOLVE: i32 = -193;
    pub(in crate::kafka) const MSG_TIMED_OUT: i32 = -192;
    pub(in crate::kafka) const UNKNOWN_PARTITION: i32 = -190;
    pub(in crate::kafka) const UNKNOWN_TOPIC_LOCAL: i32 = -188;
    pub(in crate::kafka) const ALL_BROKERS_DOWN: i32 = -187;
    pub(in crate::kafka) const INVALID_ARG: i32 = -186;
    pub(in crate::kafka) const TIMED_OUT: i32 = -185;
    pub(in crate::kafka) const QUEUE_FULL: i32 = -184;
    pub(in crate::kafka) const SSL: i32 = -181;
    pub(in crate::kafka) const WAIT_COORDINATOR: i32 = -180;
    pub(in crate::kafka) const ASSIGN_PARTITIONS: i32 = -175;
    pub(in crate::kafka) const STATE: i32 = -172;
    pub(in crate::kafka) const AUTHENTICATION: i32 = -169;
    pub(in crate::kafka) const UNSUPPORTED_FEATURE: i32 = -165;
    pub(in crate::kafka) const PURGE_QUEUE: i32 = -152;
    pub(in crate::kafka) const PURGE_INFLIGHT: i32 = -151;
    pub(in crate::kafka) const FATAL: i32 = -150;
    pub(in crate::kafka) const MAX_POLL_EXCEEDED: i32 = -147;
    pub(in crate::kafka) const FENCED: i32 = -144;
    pub(in crate::kafka) const INVALID_PRODUCER_EPOCH: i32 = 47;
    pub(in crate::kafka) const PRODUCER_FENCED: i32 = 90;
    pub(in crate::kafka) const AUTO_OFFSET_RESET: i32 = -140;
    pub(in crate::kafka) const OFFSET_OUT_OF_RANGE: i32 = 1;
    pub(in crate::kafka) const UNKNOWN_TOPIC_OR_PART: i32 = 3;
    pub(in crate::kafka) const LEADER_NOT_AVAILABLE: i32 = 5;
    pub(in crate::kafka) const NOT_LEADER: i32 = 6;
    pub(in crate::kafka) const REQUEST_TIMED_OUT: i32 = 7;
    pub(in crate::kafka) const COORDINATOR_LOADS: i32 = 14;
    pub(in crate::kafka) const COORDINATOR_NOT_AVAILABLE: i32 = 15;
    pub(in crate::kafka) const NOT_COORDINATOR: i32 = 16;
    pub(in crate::kafka) const MSG_SIZE_TOO_LARGE: i32 = 10;
    pub(in crate::kafka) const TOPIC_EXCEPTION: i32 = 17;
    pub(in crate::kafka) const RECORD_LIST_TOO_LARGE: i32 = 18;
    pub(in crate::kafka) const INCONSISTENT_GROUP_PROTOCOL: i32 = 23;
    pub(in crate::kafka) const INVALID_GROUP_ID: i32 = 24;
    pub(in crate::kafka) const UNKNOWN_MEMBER_ID: i32 = 25;
    pub(in crate::kafka) const INVALID_SESSION_TIMEOUT: i32 = 26;
    pub(in crate::kafka) const GROUP_MAX_SIZE_REACHED: i32 = 81;
    pub(in crate::kafka) const TOPIC_AUTHORIZATION_FAILED: i32 = 29;
    pub(in crate::kafka) const GROUP_AUTHORIZATION_FAILED: i32 = 30;
    pub(in crate::kafka) const CLUSTER_AUTHORIZATION_FAILED: i32 = 31;
    pub(in crate::kafka) const INVALID_TIMESTAMP: i32 = 32;
    pub(in crate::kafka) const UNSUPPORTED_VERSION: i32 = 35;
    pub(in crate::kafka) const INVALID_TRANSACTION_TIMEOUT: i32 = 50;
    pub(in crate::kafka) const TRANSACTIONAL_ID_AUTHORIZATION_FAILED: i32 = 53;
    pub(in crate::kafka) const SASL_AUTHENTICATION_FAILED: i32 = 58;
    pub(in crate::kafka) const FENCED_INSTANCE_ID: i32 = 82;
    pub(in crate::kafka) const UNSUPPORTED_FOR_MESSAGE_FORMAT: i32 = 43;
    pub(in crate::kafka) const INVALID_RECORD: i32 = 87;
    pub(in crate::kafka) const ILLEGAL_GENERATION: i32 = 22;
    pub(in crate::kafka) const REBALANCE_IN_PROGRESS: i32 = 27;
}

/// One failed call: its code, librdkafka's words, and what librdkafka says may be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "librdkafka's own three flags, one each")]
pub(in crate::kafka) struct Failed {
    /// Which call, for messages: `commit`, `send offsets`.
    pub(in crate::kafka) what: &'static str,
    pub(in crate::kafka) code: i32,
    pub(in crate::kafka) text: String,
    /// The client is dead.
    pub(in crate::kafka) fatal: bool,
    /// The same call may be made again.
    pub(in crate::kafka) retriable: bool,
    /// The transaction must be aborted.
    pub(in crate::kafka) abort: bool,
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.what, self.text)
    }
}

impl Failed {
    /// The same, said of something with a name.
    pub(in crate::kafka) fn about(self, name: &str) -> Self {
        Self { text: format!("{name}: {}", self.text), ..self }
    }

    /// A bare code, without librdkafka's flags.
    pub(in crate::kafka) fn from_code(what: &'static str, code: i32) -> Self {
        let text = error_text(code);
        Self { what, code, text, fatal: code == code::FATAL, retriable: false, abort: false }
    }
}

/// librdkafka's words for a code.
pub(in crate::kafka) fn error_text(code: c_int) -> String {
    // SAFETY: the function answers every integer with a static, NUL-terminated string.
    unsafe { CStr::from_ptr(sys::rd_kafka_err2str(code)) }.to_string_lossy().into_owned()
}

/// A bare code as a result.
pub(super) fn checked_code(what: &'static str, code: c_int) -> Result<(), Failed> {
    if code == 0 { Ok(()) } else { Err(Failed::from_code(what, code)) }
}

/// Takes the error object over.
pub(super) fn checked(what: &'static str, error: *mut sys::ErrorT) -> Result<(), Failed> {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: not null, so it is an error object that the caller was given to own; read, then destroyed once.
    unsafe {
        let failed = Failed {
            what,
            code: sys::rd_kafka_error_code(error),
            text: CStr::from_ptr(sys::rd_kafka_error_string(error)).to_string_lossy().into_owned(),
            fatal: sys::rd_kafka_error_is_fatal(error) != 0,
            retriable: sys::rd_kafka_error_is_retriable(error) != 0,
            abort: sys::rd_kafka_error_txn_requires_abort(error) != 0,
        };
        sys::rd_kafka_error_destroy(error);
        Err(failed)
    }
}

/// Milliseconds for a call's limit; librdkafka takes an `int`.
pub(super) fn millis(limit: std::time::Duration) -> c_int {
    c_int::try_from(limit.as_millis()).unwrap_or(c_int::MAX)
}

/// A buffer for the words of calls that fill one.
pub(super) struct TextBuffer([std::ffi::c_char; 512]);

impl TextBuffer {
    pub(super) fn new() -> Self {
        Self([0; 512])
    }
    pub(super) fn pointer(&mut self) -> *mut std::ffi::c_char {
        self.0.as_mut_ptr()
    }
    pub(super) fn size(&self) -> usize {
        self.0.len()
    }
    pub(super) fn text(&self) -> String {
        // SAFETY: the array began as zeros and librdkafka writes at most `size` bytes with a NUL at their end.
        unsafe { CStr::from_ptr(self.0.as_ptr()) }.to_string_lossy().into_owned()
    }
}
