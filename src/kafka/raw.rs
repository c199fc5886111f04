//! librdkafka as we use it: the only module with `unsafe`, each block with its reason. Above it everything is safe.
//!
//! The crate's own clients are not used for records: they allocate per message, poll inside `flush` and hide the group
//! metadata. Error codes are plain integers here: the bindings' enum lacks codes that brokers send (120
//! `TRANSACTION_ABORTABLE` for one), and an enum that holds such a value is undefined behaviour.
#![expect(unsafe_code, reason = "the one place where librdkafka's C interface is called")]

mod admin;
mod admission;
mod allocator;
mod conf;
mod consumer;
mod error;
mod hooks;
mod list;
mod message;
mod metadata;
mod producer;
mod sys;

pub(super) use admin::{Configs, PartitionDescription, TopicDescription};
pub(super) use admission::Admission;
pub(super) use allocator::keep_freed_memory;
pub(super) use conf::{Conf, check_property, check_topic_property};
pub(super) use consumer::Consumer;
pub(super) use error::{Failed, code, error_text};
pub(super) use hooks::{ClientError, Delivered, Protocol, Rebalance, Undelivered};
pub(super) use list::{PartitionList, PartitionOffset, logical};
pub(super) use message::{Messages, TakenHeaders};
pub(super) use metadata::TopicMetadata;
pub(super) use producer::{GroupMetadata, Outgoing, Producer, TopicHandle};
