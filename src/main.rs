//! The program `essink`.

use std::process::ExitCode;

fn main() -> ExitCode {
    essink::app::program::main(std::env::args_os())
}
