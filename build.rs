//! What the program holds packed, and how it is linked.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzEncoder;

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script about its build in the environment")]
fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=assets");
    println!("cargo::rerun-if-changed=dashboards");
    println!("cargo::rerun-if-changed=templates");
    let said = |name| std::env::var(name).unwrap_or_default();
    let out = PathBuf::from(said("OUT_DIR"));
    pack(Path::new("assets"), &out.join("assets"))?;
    pack(Path::new("dashboards"), &out.join("dashboards"))?;
    squeeze(Path::new("templates"), &out.join("templates"))?;
    if said("PROFILE") == "release" && said("TARGET") == "x86_64-unknown-linux-gnu" {
        link_small();
    }
    Ok(())
}

/// The page's files as browsers take them, and the definitions of panels: a third and a quarter of their size.
fn pack(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        if path.is_dir() {
            pack(&path, &to.join(name))?;
            continue;
        }
        // What the program makes is not what it holds: `dashboards/essink.ndjson`.
        if path.extension().is_some_and(|extension| extension == "ndjson") {
            continue;
        }
        let mut packed = GzEncoder::new(BufReader::new(File::open(path)?), Compression::best());
        let mut name = name;
        name.push(".gz");
        io::copy(&mut packed, &mut File::create(to.join(name))?)?;
    }
    Ok(())
}

/// Templates without the space that people read them by: half of their bytes.
fn squeeze(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (mut quoted, mut escaped) = (false, false);
        let mut text = fs::read_to_string(entry.path())?;
        text.retain(|c| {
            let kept = quoted || !c.is_ascii_whitespace();
            quoted ^= c == '"' && !escaped;
            escaped = quoted && c == '\\' && !escaped;
            kept
        });
        fs::write(to.join(entry.file_name()), text)?;
    }
    Ok(())
}

/// The program is position independent, and each of some 30,000 pointers in its data has a relocation of 24 bytes; packed
/// (`DT_RELR`, glibc 2.36 and later, Debian 12) they take a bit each. Functions that came out the same are kept once, which
/// needs lld, Rust's own linker on this platform: nothing here compares functions by address.
fn link_small() {
    println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    println!("cargo::rustc-link-arg-bins=-Wl,--icf=all");
}
