//! Arguments to `cli`, its outcome to an exit code. Nothing else.

fn main() {}
