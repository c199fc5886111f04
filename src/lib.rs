//! krouted moves records between Kafka topics as YAML files tell it to. Modules stand in layer order: lower ones never
//! import upper ones.

pub mod model;

pub mod json;

pub mod expression;

pub mod pipeline;

pub mod config;

pub mod cli;
