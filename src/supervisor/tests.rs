//! The lifecycle by table and by property; the supervisor on work that does as it is told.

mod lifecycle;
mod live;
mod stall;
