//! From settings to what each concern is told. Called once every value is known to be readable.

use std::collections::BTreeSet;

use super::concerns::*;
use super::options::Verb;
use super::options::cluster::*;
use super::options::dashboards::*;
use super::options::delivery::*;
use super::options::events::*;
use super::options::general::*;
use super::options::indices::*;
use super::options::leases::*;
use super::options::letters::*;
use super::options::put::*;
use super::options::retention::*;
use super::options::state::*;
use super::options::stream::*;
use super::problem::Problem;
use super::settings::Settings;
use crate::event::family::{Family, Prefixes};

pub mod webhook;

type Built<T> = Result<T, Problem>;

/// For `essink run`.
pub fn run(s: &Settings) -> Built<RunOptions> {
    let stream = stream(s)?;
    Ok(RunOptions {
        state: state(s, stream.region.clone())?,
        stream,
        events: events(s)?,
        batch: batch(s)?,
        cluster: cluster(s)?,
        names: names(s)?,
        templates: if s.get(&NO_INIT_TEMPLATES)? { None } else { Some(templates(s)?) },
        retention: if s.is_chosen(&KEEP.row) { Some(own_retention(s)?) } else { None },
        dead_letters: dead_letters(s)?,
        http: http(s, s.get(&PAGE_EVENTS)?)?,
        checkpoint_interval: s.get(&CHECKPOINT_INTERVAL)?,
        lease_timeout: s.get(&LEASE_TIMEOUT)?,
        grace: s.get(&GRACE)?,
    })
}

fn http(s: &Settings, events: bool) -> Built<HttpOptions> {
    Ok(HttpOptions {
        listen: s.get(&HTTP_LISTEN)?,
        chosen: s.is_chosen(&HTTP_LISTEN.row),
        token: s.optional(&HTTP_TOKEN)?,
        events,
    })
}

/// For `essink init-templates`.
pub fn init_templates(s: &Settings) -> Built<InitTemplatesOptions> {
    Ok(InitTemplatesOptions {
        cluster: cluster(s)?,
        names: names(s)?,
        templates: templates(s)?,
        state: state(s, s.optional(&AWS_REGION)?)?,
        dry_run: s.get(&DRY_RUN)?,
        json: s.get(&JSON)?,
    })
}

/// For `essink prune`.
pub fn prune(s: &Settings) -> Built<PruneOptions> {
    Ok(PruneOptions {
        cluster: cluster(s)?,
        names: names(s)?,
        retention: retention(s)?,
        dry_run: s.get(&DRY_RUN)?,
        yes: s.get(&YES)?,
        json: s.get(&JSON)?,
    })
}

/// For `essink dashboards`.
pub fn dashboards(s: &Settings) -> Built<DashboardsOptions> {
    let action = match s.optional(&EXPORT)? {
        Some(directory) => DashboardsAction::Export(directory),
        None => DashboardsAction::Install(DashboardsServer {
            url: s.get(&DASHBOARDS_URL)?,
            space: s.optional(&DASHBOARDS_SPACE)?,
            tenant: s.optional(&DASHBOARDS_TENANT)?,
            auth: auth(s)?,
            tls: tls(s)?,
            timeout: s.get(&OPENSEARCH_TIMEOUT)?,
        }),
    };
    Ok(DashboardsOptions { action, names: names(s)?, dry_run: s.get(&DRY_RUN)? })
}

/// For `essink dead-letters …`; `operand` is what stands behind the command.
pub fn dead_letters_command(s: &Settings, operand: Option<String>) -> Built<DeadLettersOptions> {
    let action = match s.verb() {
        Verb::DeadLettersShow => DeadLettersAction::Show(operand.unwrap_or_default()),
        Verb::DeadLettersRedrive => DeadLettersAction::Redrive(Box::new(RedriveOptions {
            filter: letter_filter(s)?,
            limit: s.optional(&LIMIT)?,
            dry_run: s.get(&DRY_RUN)?,
            drive: drive(s)?,
        })),
        Verb::DeadLettersExport => DeadLettersAction::Export(letter_filter(s)?),
        Verb::DeadLettersImport => DeadLettersAction::Import(operand.filter(|file| file != "-").map(Into::into)),
        _ => DeadLettersAction::List(letter_filter(s)?),
    };
    let letters = LetterOptions { place: dead_letters(s)?, cluster: cluster(s)?, names: names(s)? };
    Ok(DeadLettersOptions { letters, action, json: s.get(&JSON)? })
}

/// For `essink replay`.
pub fn replay(s: &Settings) -> Built<ReplayOptions> {
    Ok(ReplayOptions {
        from: s.get(&FROM)?,
        region: s.optional(&AWS_REGION)?,
        s3_endpoint_url: s.optional(&S3_ENDPOINT_URL)?,
        drive: drive(s)?,
        dead_letters: dead_letters(s)?,
        progress: s.optional(&PROGRESS)?,
        fetches: s.get(&FETCHES)?,
        dry_run: s.get(&DRY_RUN)?,
        json: s.get(&JSON)?,
    })
}

/// For `essink put`; `files` stand behind the command.
pub fn put(s: &Settings, files: Vec<String>) -> Built<PutOptions> {
    let stream = s.get(&STREAM)?;
    let input = |file: String| if file == "-" { PutInput::Standard } else { PutInput::File(file.into()) };
    Ok(PutOptions {
        region: s.optional(&AWS_REGION)?.or_else(|| stream.region.clone()),
        stream,
        endpoint_url: s.optional(&KINESIS_ENDPOINT_URL)?,
        inputs: files.into_iter().map(input).collect(),
        partition_key: s.optional(&PARTITION_KEY)?,
        timeout: s.get(&PUT_TIMEOUT)?,
        memory: s.get(&PUT_MEMORY)?,
        grace: s.get(&GRACE)?,
        // What is said of a value is what a worker without further options makes of it.
        events: events(&Settings::new(Verb::Put))?,
        dry_run: s.get(&DRY_RUN)?,
        json: s.get(&JSON)?,
    })
}

/// For `essink leases …`.
pub fn leases(s: &Settings) -> Built<LeasesOptions> {
    let (stream, region) = (s.get(&STREAM)?, s.optional(&AWS_REGION)?);
    let region = region.or_else(|| stream.region.clone());
    let group = s.get(&GROUP)?;
    let action = match s.verb() {
        Verb::LeasesReset => LeasesAction::Reset { to: s.get(&TO)?, force: s.get(&FORCE)?, dry_run: s.get(&DRY_RUN)? },
        Verb::LeasesMove => LeasesAction::Move {
            to: place(s, s.get(&TO_STATE)?, region.clone())?,
            group: s.optional(&TO_GROUP)?.unwrap_or_else(|| group.clone()),
            force: s.get(&FORCE)?,
            dry_run: s.get(&DRY_RUN)?,
        },
        _ => LeasesAction::List,
    };
    Ok(LeasesOptions {
        stream,
        endpoint_url: s.optional(&KINESIS_ENDPOINT_URL)?,
        group,
        state: state(s, region.clone())?,
        region,
        cluster: cluster(s)?,
        lease_timeout: s.get(&LEASE_TIMEOUT)?,
        shards: s.each(&SHARD)?,
        action,
        json: s.get(&JSON)?,
    })
}

/// For every command.
pub fn log(s: &Settings) -> Built<LogOptions> {
    Ok(LogOptions { format: s.get(&LOG_FORMAT)?, level: s.get(&LOG_LEVEL)? })
}

/// `--opensearch-auth` with `auto` resolved; `None` when a value it depends on cannot be read.
pub fn auth_method(s: &Settings) -> Option<AuthMethod> {
    let named = s.get(&OPENSEARCH_AUTH).ok()?;
    if named != AuthMethod::Auto {
        return Some(named);
    }
    let urls = s.each(&OPENSEARCH_URL).ok()?;
    let serverless = |url: &String| {
        url.parse::<http::Uri>().ok().and_then(|uri| uri.host().map(|h| h.ends_with(".aoss.amazonaws.com")))
            == Some(true)
    };
    Some(if s.is_chosen(&OPENSEARCH_USER.row) {
        AuthMethod::Basic
    } else if s.is_chosen(&OPENSEARCH_API_KEY.row) {
        AuthMethod::ApiKey
    } else if urls.iter().any(serverless) {
        AuthMethod::SigV4Aoss
    } else {
        AuthMethod::None
    })
}

fn stream(s: &Settings) -> Built<StreamOptions> {
    let stream = s.get(&STREAM)?;
    let region = s.optional(&AWS_REGION)?.or_else(|| stream.region.clone());
    Ok(StreamOptions {
        stream,
        group: s.get(&GROUP)?,
        start: s.get(&START)?,
        until_caught_up: s.get(&UNTIL_CAUGHT_UP)?,
        fetches: s.get(&FETCHES)?,
        poll_interval: s.get(&POLL_INTERVAL)?,
        region,
        endpoint_url: s.optional(&KINESIS_ENDPOINT_URL)?,
    })
}

fn events(s: &Settings) -> Built<EventOptions> {
    Ok(EventOptions {
        max_clock_lag: s.get(&MAX_CLOCK_LAG)?,
        max_clock_lead: s.get(&MAX_CLOCK_LEAD)?,
        max_days: s.get(&MAX_DAYS)?,
        max_depth: s.get(&MAX_DEPTH)?,
        max_inflated: s.get(&MAX_INFLATED)?,
        redact: s.each(&REDACT)?,
        redact_key: s.optional(&REDACT_KEY)?,
    })
}

fn drive(s: &Settings) -> Built<DriveOptions> {
    Ok(DriveOptions {
        events: events(s)?,
        batch: batch(s)?,
        cluster: cluster(s)?,
        names: names(s)?,
        templates: if s.get(&NO_INIT_TEMPLATES)? { None } else { Some(templates(s)?) },
        keep: s.optional(&KEEP)?,
        checkpoint_interval: s.get(&CHECKPOINT_INTERVAL)?,
        grace: s.get(&GRACE)?,
    })
}

fn letter_filter(s: &Settings) -> Built<LetterFilter> {
    Ok(LetterFilter { reasons: s.each(&REASON)?, index: s.optional(&INDEX)?, since: s.optional(&SINCE)? })
}

fn batch(s: &Settings) -> Built<BatchOptions> {
    Ok(BatchOptions {
        memory: s.get(&MEMORY)?,
        flush_bytes: s.get(&FLUSH_BYTES)?,
        flush_count: s.get(&FLUSH_COUNT)?,
        flush_interval: s.get(&FLUSH_INTERVAL)?,
        in_flight: s.get(&IN_FLIGHT)?,
        breaker_share: s.get(&BREAKER_SHARE)?,
        breaker_count: s.get(&BREAKER_COUNT)?,
        gzip: s.get(&GZIP)?,
    })
}

fn cluster(s: &Settings) -> Built<ClusterOptions> {
    Ok(ClusterOptions {
        urls: s.each(&OPENSEARCH_URL)?,
        auth: auth(s)?,
        tls: tls(s)?,
        timeout: s.get(&OPENSEARCH_TIMEOUT)?,
    })
}

fn auth(s: &Settings) -> Built<Auth> {
    let signed = |service| Ok(Auth::SigV4 { service, region: s.optional(&AWS_REGION)? });
    match auth_method(s) {
        Some(AuthMethod::Basic) => {
            Ok(Auth::Basic { user: s.get(&OPENSEARCH_USER)?, password: s.get(&OPENSEARCH_PASSWORD)? })
        }
        Some(AuthMethod::ApiKey) => Ok(Auth::ApiKey(s.get(&OPENSEARCH_API_KEY)?)),
        Some(AuthMethod::SigV4Es) => signed("es"),
        Some(AuthMethod::SigV4Aoss) => signed("aoss"),
        Some(AuthMethod::None | AuthMethod::Auto) | None => Ok(Auth::None),
    }
}

fn tls(s: &Settings) -> Built<TlsOptions> {
    let client = match (s.optional(&OPENSEARCH_CLIENT_CERT)?, s.optional(&OPENSEARCH_CLIENT_KEY)?) {
        (Some(cert), Some(key)) => Some(ClientCert { cert, key }),
        _ => None,
    };
    Ok(TlsOptions { ca: s.optional(&OPENSEARCH_CA)?, client })
}

fn names(s: &Settings) -> Built<NameOptions> {
    Ok(NameOptions {
        families: Prefixes::try_by(|family| s.get(prefix_of(family)))?,
        dead_letter_prefix: s.get(&DEAD_LETTER_PREFIX)?,
    })
}

fn templates(s: &Settings) -> Built<TemplateOptions> {
    Ok(TemplateOptions {
        shards: s.get(&SHARDS)?,
        replicas: s.get(&REPLICAS)?,
        refresh_interval: s.get(&REFRESH_INTERVAL)?,
        keyword_twins: !s.get(&NO_KEYWORD_TWINS)?,
    })
}

fn retention(s: &Settings) -> Built<RetentionOptions> {
    let families = s.each(&FAMILY)?.into_iter().flat_map(|one| one.map_or(Family::ALL.to_vec(), |f| vec![f]));
    let families: BTreeSet<Family> = families.collect();
    let rotations: BTreeSet<Rotation> = s.each(&ROTATION)?.into_iter().collect();
    Ok(RetentionOptions {
        families: families.into_iter().collect(),
        rotations: rotations.into_iter().collect(),
        ..own_retention(s)?
    })
}

/// What a running worker prunes: the indices that it writes itself.
fn own_retention(s: &Settings) -> Built<RetentionOptions> {
    Ok(RetentionOptions {
        keep: s.get(&KEEP)?,
        keep_dead_letters: s.optional(&KEEP_DEAD_LETTERS)?,
        families: Family::ALL.to_vec(),
        rotations: vec![Rotation::Day],
        max_delete: s.get(&MAX_DELETE)?,
    })
}

fn dead_letters(s: &Settings) -> Built<DeadLetterOptions> {
    Ok(match s.get(&DEAD_LETTERS)? {
        LetterPlace::Index => DeadLetterOptions::Index,
        LetterPlace::Directory(directory) => DeadLetterOptions::Directory(directory),
        LetterPlace::S3(url) => DeadLetterOptions::S3(S3Options {
            url,
            region: s.optional(&AWS_REGION)?,
            endpoint_url: s.optional(&S3_ENDPOINT_URL)?,
        }),
    })
}

fn state(s: &Settings, region: Option<String>) -> Built<StateOptions> {
    place(s, s.get(&STATE)?, region)
}

fn place(s: &Settings, leases: Leases, region: Option<String>) -> Built<StateOptions> {
    Ok(match leases {
        Leases::Index => StateOptions::Index(s.get(&STATE_INDEX)?),
        Leases::File(file) => StateOptions::File(file),
        Leases::Table(name) => {
            let endpoint_url = s.optional(&DYNAMODB_ENDPOINT_URL)?;
            StateOptions::Table(TableOptions { name, region, endpoint_url })
        }
    })
}
