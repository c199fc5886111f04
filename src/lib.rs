//! krouted moves records between Kafka topics as YAML files tell it to. Modules stand in layer order: lower ones never
//! import upper ones.

pub mod model;

pub mod json;

pub mod expression;

pub mod pipeline;

pub mod program;

pub mod config;

pub mod worker;

pub mod kafka;

pub mod supervisor;

pub mod telemetry;

pub mod systemd;

pub mod cli;
