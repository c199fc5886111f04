//! The lifecycle by table and by law; the supervisor on work that does as it is told.

mod bench;
mod heartbeat;
mod laws;
mod life;
mod lifecycle;
mod live;
mod measures;
mod report;
mod stall;
