//! How the program is linked.

use std::env;

/// The program is position independent, and each of some 30,000 pointers in its data has a relocation of 24 bytes; packed
/// (`DT_RELR`, glibc 2.36 and later, Debian 12) they take a bit each. Functions that came out the same are kept once, which
/// needs lld, Rust's own linker where it ships one: nothing here compares functions by address.
#[expect(clippy::disallowed_methods, reason = "cargo tells a build script about its build in the environment")]
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = env::var("TARGET").unwrap_or_default();
    let release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    if release && target == "x86_64-unknown-linux-gnu" {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
        println!("cargo::rustc-link-arg-bins=-Wl,--icf=all");
    }
}
