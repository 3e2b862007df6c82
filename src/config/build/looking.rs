//! For the commands that look.

use super::{Built, cluster, dead_letters, http, names, run, state};
use crate::config::concerns::{CheckOptions, StatusOptions};
use crate::config::options::cluster::AWS_REGION;
use crate::config::options::general::JSON;
use crate::config::options::looking::{NO_WRITE, SAMPLE, SHOW_EVENTS, WATCH, WORKER_URL};
use crate::config::options::retention::{KEEP, KEEP_DEAD_LETTERS};
use crate::config::options::stream::{GROUP, KINESIS_ENDPOINT_URL, LEASE_TIMEOUT, STREAM};
use crate::config::settings::Settings;

/// For `essink check`.
pub fn check(s: &Settings) -> Built<CheckOptions> {
    Ok(CheckOptions {
        run: run(s)?,
        sample: s.get(&SAMPLE)?,
        write: !s.get(&NO_WRITE)?,
        show_events: s.get(&SHOW_EVENTS)?,
        json: s.get(&JSON)?,
    })
}

/// For `essink status`.
pub fn status(s: &Settings) -> Built<StatusOptions> {
    let (stream, region) = (s.get(&STREAM)?, s.optional(&AWS_REGION)?);
    let region = region.or_else(|| stream.region.clone());
    Ok(StatusOptions {
        stream,
        endpoint_url: s.optional(&KINESIS_ENDPOINT_URL)?,
        group: s.get(&GROUP)?,
        state: state(s, region.clone())?,
        region,
        cluster: cluster(s)?,
        dead_letters: dead_letters(s)?,
        names: names(s)?,
        keep: s.optional(&KEEP)?,
        keep_dead_letters: s.optional(&KEEP_DEAD_LETTERS)?,
        lease_timeout: s.get(&LEASE_TIMEOUT)?,
        http: http(s, false)?,
        worker_urls: s.each(&WORKER_URL)?,
        watch: s.optional(&WATCH)?,
        json: s.get(&JSON)?,
    })
}
