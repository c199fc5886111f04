#![doc = include_str!("ARCHITECTURE.md")]

pub mod model;

pub mod json;

pub mod expression;

pub mod pipeline;

pub mod program;

pub mod case;

pub mod config;

pub mod worker;

pub mod kafka;

pub mod supervisor;

pub mod state;

pub mod watch;

pub mod telemetry;

pub mod admin;

pub mod systemd;

pub mod cli;
