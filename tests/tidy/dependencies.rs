//! One TLS stack (rustls with ring) and one HTTP stack (hyper 1, reqwest) in what ships. deny.toml says the same.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use crate::{bites, none, tree};

/// Crates that would be a second stack. A stray default feature is enough to bring one in.
const FORBIDDEN: [(&str, &str); 17] = [
    ("aws-lc-fips-sys", "TLS"),
    ("aws-lc-rs", "TLS"),
    ("aws-lc-sys", "TLS"),
    ("boring", "TLS"),
    ("boring-sys", "TLS"),
    ("gnutls", "TLS"),
    ("native-tls", "TLS"),
    ("openssl", "TLS"),
    ("openssl-sys", "TLS"),
    ("s2n-tls", "TLS"),
    ("s2n-tls-sys", "TLS"),
    ("attohttpc", "HTTP"),
    ("aws-smithy-http-client", "HTTP"),
    ("curl-sys", "HTTP"),
    ("h2", "HTTP"),
    ("isahc", "HTTP"),
    ("ureq", "HTTP"),
];

/// Crates that make up the stacks, and the version each must have.
const ONCE: [(&str, &str); 6] = [
    ("http", "1."),
    ("hyper", "1."),
    ("hyper-rustls", "0."),
    ("reqwest", "0.13."),
    ("ring", "0."),
    ("rustls", "0.23."),
];

type Versions = BTreeMap<String, BTreeSet<String>>;

/// Lines `name vX.Y.Z …` of `cargo tree`.
fn versions(tree: &str) -> Versions {
    let mut versions = Versions::new();
    for line in tree.lines() {
        let mut words = line.split_whitespace();
        if let (Some(name), Some(version)) = (words.next(), words.next().and_then(|word| word.strip_prefix('v'))) {
            versions.entry(name.to_owned()).or_default().insert(version.to_owned());
        }
    }
    versions
}

fn second_stacks(versions: &Versions) -> Vec<String> {
    let mut bad = Vec::new();
    for (name, stack) in FORBIDDEN.iter().filter(|(name, _)| versions.contains_key(*name)) {
        bad.push(format!(
            "{name} is a second {stack} stack: `cargo tree -i {name}` shows who wants it; turn that feature off"
        ));
    }
    for (name, begins) in ONCE {
        let found: Vec<_> = versions.get(name).into_iter().flatten().map(String::as_str).collect();
        if found.len() != 1 || !found[0].starts_with(begins) {
            bad.push(format!("{name} is there as {found:?}: exactly one {begins}x is wanted; `cargo tree -i {name}`"));
        }
    }
    bad
}

/// What ships, on every platform. Packages of other platforms are fetched where the network is; else this platform's must do.
fn shipped() -> Versions {
    let tries: [&[&str]; 3] = [&["--offline", "--target", "all"], &["--target", "all"], &["--offline"]];
    let mut said = String::new();
    for more in tries {
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .current_dir(tree::top())
            .args("tree --locked -e normal -p essink --prefix none --format {p}".split(' '))
            .args(more);
        let output = cargo.output().unwrap();
        if output.status.success() {
            return versions(&String::from_utf8(output.stdout).unwrap());
        }
        said += &String::from_utf8_lossy(&output.stderr);
    }
    panic!("cargo tree fails: is Cargo.lock up to date?\n{said}");
}

#[test]
fn one_tls_stack_and_one_http_stack() {
    none(&second_stacks(&shipped()));
}

#[test]
fn the_rule_bites() {
    let good = "http v1.5.0\nhyper v1.12.0 (*)\nhyper v1.12.0\nhyper-rustls v0.27.1\nreqwest v0.13.5\nring v0.17.0\nrustls v0.23.1\n";
    assert_eq!(second_stacks(&versions(good)), Vec::<String>::new());
    bites(&second_stacks(&versions(&format!("{good}hyper v0.14.32\n"))), "hyper is there as [\"0.14.32\", \"1.12.0\"]");
    bites(&second_stacks(&versions(&format!("{good}aws-lc-sys v0.30.0\n"))), "aws-lc-sys is a second TLS stack");
    bites(&second_stacks(&versions(&format!("{good}reqwest v0.12.28\n"))), "reqwest is there as");
    bites(&second_stacks(&versions("")), "rustls is there as []");
}
