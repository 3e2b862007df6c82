//! How much CPU a group of threads has used, so that a bench can tell essink's share from its servers'.

/// Clock ticks a second in `/proc`: USER_HZ, 100 on every Linux platform Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// CPU seconds, user and system, that the live threads of this process whose name begins with `prefix` have used.
/// `None` where there is no `/proc`. A thread's name is its first 15 bytes.
pub fn seconds_of_threads(prefix: &str) -> Option<f64> {
    let mut ticks = 0;
    for task in std::fs::read_dir("/proc/self/task").ok()?.flatten() {
        // A thread may end between the two reads: its time is then gone from the sum, as documented.
        let Ok(stat) = std::fs::read_to_string(task.path().join("stat")) else {
            continue;
        };
        ticks += ticks_of(&stat, prefix).unwrap_or(0);
    }
    #[expect(clippy::cast_precision_loss, reason = "2^53 ticks are three million years")]
    Some(ticks as f64 / TICKS_PER_SECOND)
}

/// utime + stime (fields 14 and 15) of one `stat` line, if the name in its parentheses begins with `prefix`.
fn ticks_of(stat: &str, prefix: &str) -> Option<u64> {
    let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
    if !name.starts_with(prefix) {
        return None;
    }
    // The first field after the name is the third of the line.
    let mut fields = rest.split_ascii_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_times_behind_an_awkward_name() {
        let line = "12 (null (a) b) S 1 1 1 0 -1 64 0 0 0 0 250 30 7 7 20 0 1 0";
        assert_eq!(ticks_of(line, "null"), Some(280));
        assert_eq!(ticks_of(line, "kinesis"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_busy_thread_is_seen_under_its_name_only() {
        let (tell, told) = std::sync::mpsc::channel::<()>();
        let busy = std::thread::Builder::new().name("burner-1".into());
        let thread = busy.spawn(move || {
            let start = std::time::Instant::now();
            while start.elapsed() < std::time::Duration::from_secs(5)
                && seconds_of_threads("burner-1").unwrap_or(0.0) < 0.03
            {}
            let used = seconds_of_threads("burner-1");
            told.recv().ok();
            used
        });
        let other = seconds_of_threads("no-such-thread");
        drop(tell);
        assert!(thread.unwrap().join().unwrap().unwrap() >= 0.03);
        assert_eq!(other, Some(0.0));
    }
}
