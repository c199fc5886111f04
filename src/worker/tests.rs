//! The loop without a broker: its pure parts by table and by property, the shell on a model cluster that fails as scripted.

mod at_most_once;
mod baton;
mod breakdown;
mod cluster;
mod faults;
mod fences;
mod isolation;
mod machine;
mod offsets;
mod port;
mod refusals;
mod requests;
mod rig;
mod schedules;
mod window;
