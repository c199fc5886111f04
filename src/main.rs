//! Arguments to `cli`, its outcome to an exit code. Nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(krouted::cli::run(std::env::args_os()).code())
}
