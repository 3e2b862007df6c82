//! Where Chromium is, and how it comes to be there.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

/// What it may be called.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// What installs it.
const INSTALL: &str = "apt-get update && apt-get install -y --no-install-recommends chromium";

/// What is known of a machine.
#[derive(Debug)]
pub struct Machine {
    /// What `CHROMIUM` names.
    pub chosen: Option<PathBuf>,
    /// Where programs are.
    pub path: Vec<PathBuf>,
    /// Whether this process may install something.
    pub root: bool,
    /// Where the lock between processes and the log of the installation go.
    pub scratch: PathBuf,
}

impl Machine {
    /// This one.
    pub fn this() -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut path: Vec<PathBuf> = std::env::split_paths(&path).collect();
        path.push("/usr/bin".into());
        Self {
            chosen: std::env::var_os("CHROMIUM").filter(|name| !name.is_empty()).map(PathBuf::from),
            path,
            root: is_root(),
            scratch: std::env::temp_dir(),
        }
    }

    /// The program; installed first where it is missing and this process may. One process does it, the others wait.
    pub fn find_or_install(&self) -> anyhow::Result<PathBuf> {
        let lock_path = self.scratch.join("testkit-chromium.lock");
        if let Ok(lock) = File::open(&lock_path) {
            // Somebody has installed it, or is just about it: half of it may be there.
            lock.lock_shared().with_context(|| format!("cannot lock {}", lock_path.display()))?;
        }
        if let Some(program) = self.find()? {
            return Ok(program);
        }
        let may_install = self.root && self.program("apt-get").is_some();
        if !may_install {
            bail!(
                "no Chromium here, which the tests of the page need: as root, run {INSTALL}; or name one in CHROMIUM"
            );
        }
        let lock = File::create(&lock_path).with_context(|| format!("cannot write {}", lock_path.display()))?;
        // Let go when the file is closed, however this process ends.
        lock.lock().with_context(|| format!("cannot lock {}", lock_path.display()))?;
        if let Some(program) = self.find()? {
            return Ok(program);
        }
        self.install()?;
        self.find()?.with_context(|| format!("no Chromium here, although this went well: {INSTALL}"))
    }

    fn find(&self) -> anyhow::Result<Option<PathBuf>> {
        match &self.chosen {
            Some(chosen) if chosen.is_file() => Ok(Some(chosen.clone())),
            Some(chosen) => bail!("CHROMIUM names {}, which is no file", chosen.display()),
            None => Ok(NAMES.iter().find_map(|name| self.program(name))),
        }
    }

    fn program(&self, name: &str) -> Option<PathBuf> {
        self.path.iter().map(|dir| dir.join(name)).find(|path| path.is_file())
    }

    fn install(&self) -> anyhow::Result<()> {
        let log_path = self.scratch.join("testkit-chromium.log");
        let log = File::create(&log_path).with_context(|| format!("cannot write {}", log_path.display()))?;
        eprintln!("no Chromium here: {INSTALL} (its output is in {})", log_path.display());
        let mut command = Command::new("/bin/sh");
        command.args(["-c", INSTALL]).stdin(std::process::Stdio::null());
        command.env("PATH", std::env::join_paths(&self.path)?).env("DEBIAN_FRONTEND", "noninteractive");
        let status = command.stdout(log.try_clone()?).stderr(log).status().context("cannot start sh")?;
        if !status.success() {
            let said = std::fs::read_to_string(&log_path).unwrap_or_default();
            let last: Vec<_> = said.lines().rev().take(10).collect();
            let last = last.into_iter().rev().collect::<Vec<_>>().join("\n");
            bail!("no Chromium here, and it cannot be installed: {INSTALL} ended with {status}:\n{last}");
        }
        Ok(())
    }
}

/// Whether the process belongs to root, by the owner of its own entry.
fn is_root() -> bool {
    #[cfg(unix)]
    return std::fs::metadata(Path::new("/proc/self"))
        .is_ok_and(|entry| std::os::unix::fs::MetadataExt::uid(&entry) == 0);
    #[cfg(not(unix))]
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine whose only programs are `programs`, scripts of sh, and those that scripts need.
    fn machine(dir: &Path, programs: &[(&str, &str)]) -> Machine {
        let bin = dir.join("bin");
        std::fs::create_dir(&bin).unwrap();
        for (name, script) in programs {
            std::fs::write(bin.join(name), format!("#!/bin/sh\n{script}\n")).unwrap();
            Command::new("chmod").arg("+x").arg(bin.join(name)).status().unwrap();
        }
        Machine { chosen: None, path: vec![bin], root: true, scratch: dir.to_owned() }
    }

    /// Writes down what it was asked for; `install` makes a Chromium where it stands.
    const APT_GET: &str = r#"here=${0%/*}; echo "$*" >> "$here/asked"
        case $1 in install) echo > "$here/chromium"; esac"#;

    fn asked(dir: &Path) -> Vec<String> {
        let asked = std::fs::read_to_string(dir.join("bin/asked")).unwrap_or_default();
        asked.lines().map(str::to_owned).collect()
    }

    #[test]
    fn where_it_is_missing_it_is_installed_once_however_many_ask() {
        let dir = tempfile::tempdir().unwrap();
        let machine = machine(dir.path(), &[("apt-get", APT_GET)]);
        let found: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| machine.find_or_install())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap().unwrap()).collect()
        });
        assert_eq!(found, vec![dir.path().join("bin/chromium"); 4]);
        assert_eq!(asked(dir.path()), ["update", "install -y --no-install-recommends chromium"]);
    }

    #[test]
    fn who_may_not_install_is_told_the_command() {
        let dir = tempfile::tempdir().unwrap();
        let of_a_user = Machine { root: false, ..machine(dir.path(), &[("apt-get", APT_GET)]) };
        let error = of_a_user.find_or_install().unwrap_err().to_string();
        assert!(error.contains("apt-get update && apt-get install -y --no-install-recommends chromium"), "{error}");
        assert_eq!(asked(dir.path()), Vec::<String>::new());
        let without_apt = Machine { path: Vec::new(), root: true, ..of_a_user };
        assert!(without_apt.find_or_install().unwrap_err().to_string().contains("CHROMIUM"));
    }

    #[test]
    fn an_installation_that_fails_shows_what_it_said() {
        let dir = tempfile::tempdir().unwrap();
        let machine = machine(dir.path(), &[("apt-get", "echo E: no route to the mirror; exit 100")]);
        let error = machine.find_or_install().unwrap_err().to_string();
        assert!(error.contains("no route to the mirror") && error.contains("100"), "{error}");
        let silent = Machine { path: vec![dir.path().join("none")], ..machine };
        assert!(silent.find_or_install().is_err());
    }

    #[test]
    fn what_is_there_is_taken_and_what_is_chosen_first() {
        let dir = tempfile::tempdir().unwrap();
        let programs = [("google-chrome", ""), ("chromium-browser", ""), ("mine", ""), ("apt-get", APT_GET)];
        let machine = machine(dir.path(), &programs);
        assert_eq!(machine.find_or_install().unwrap(), dir.path().join("bin/chromium-browser"));
        let chosen = Machine { chosen: Some(dir.path().join("bin/mine")), ..machine };
        assert_eq!(chosen.find_or_install().unwrap(), dir.path().join("bin/mine"));
        let gone = Machine { chosen: Some(dir.path().join("bin/gone")), ..chosen };
        assert!(gone.find_or_install().unwrap_err().to_string().contains("bin/gone, which is no file"));
        assert_eq!(asked(dir.path()), Vec::<String>::new());
    }
}
