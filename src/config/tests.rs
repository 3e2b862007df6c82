use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::*;
use crate::event::family::{Family, Prefixes};
use crate::event::time::Millis;
use options::{Kind, table};

mod help;
mod looking;
mod man;
mod put;
mod refusals;
mod sources;
mod webhook;

/// What is typed after `essink`, separated by single spaces, where nothing else says anything.
pub(crate) fn typed(words: &str) -> Command {
    World::typed(words).invocation().command
}

/// `essink run` with these arguments.
pub(crate) fn run(words: &str) -> RunOptions {
    World::typed(format!("run --stream s {words}").trim_end()).run()
}

/// A command line, an environment and files that exist nowhere else.
#[derive(Default)]
struct World {
    args: Vec<String>,
    env: Vec<(String, String)>,
    files: BTreeMap<String, String>,
}

impl World {
    /// `args` as they are typed after `essink`, separated by single spaces.
    fn typed(args: &str) -> Self {
        let args = args.split(' ').map(str::to_owned).collect();
        Self { args, ..Self::default() }
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    fn file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.to_owned(), text.to_owned());
        self
    }

    /// A configuration file, and the variable that names it.
    fn toml(self, text: &str) -> Self {
        self.env("ESSINK_CONFIG", "essink.toml").file("essink.toml", text)
    }

    fn load(&self) -> Result<Loaded, Refusal> {
        let args = ["essink".to_owned()].into_iter().chain(self.args.clone()).map(OsString::from);
        let read = |path: &Path| {
            let text = self.files.get(&path.display().to_string());
            text.cloned().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
        };
        load(args, self.env.clone().into_iter(), &read)
    }

    fn invocation(&self) -> Invocation {
        match self.load() {
            Ok(Loaded::Invocation(invocation)) => invocation,
            Ok(Loaded::Text { text, .. }) => panic!("a text came: {text}"),
            Err(refusal) => panic!("{refusal}"),
        }
    }

    fn run(&self) -> RunOptions {
        match self.invocation().command {
            Command::Run(run) => *run,
            other => panic!("{other:?}"),
        }
    }

    fn prune(&self) -> PruneOptions {
        match self.invocation().command {
            Command::Prune(prune) => *prune,
            other => panic!("{other:?}"),
        }
    }

    fn text(&self) -> String {
        match self.load() {
            Ok(Loaded::Text { text, .. }) => text,
            Ok(other) => panic!("{other:?}"),
            Err(refusal) => panic!("{refusal}"),
        }
    }

    fn refusal(&self) -> String {
        let refusal = self.load().expect_err("it was taken");
        assert_eq!(refusal.exit_code(), 64, "{refusal}");
        refusal.to_string()
    }
}

#[test]
fn the_defaults_are_what_the_documentation_says() {
    let run = World::typed("run --stream clicks").run();
    assert_eq!((run.stream.stream.name.as_str(), run.stream.group.as_str()), ("clicks", "essink"));
    assert_eq!(run.stream.start, Start::TrimHorizon);
    assert!(!run.stream.until_caught_up);
    assert_eq!((run.batch.memory, run.batch.flush_bytes, run.batch.flush_count), (268_435_456, 5_000_000, 5_000));
    assert_eq!((run.batch.in_flight, run.batch.gzip), (8, None));
    assert_eq!(run.batch.flush_interval, Duration::from_secs(1));
    assert_eq!(run.grace, Duration::from_secs(30));
    assert_eq!(run.events.max_clock_lag, Duration::from_secs(7 * 86_400));
    assert_eq!(run.events.max_clock_lead, Duration::from_secs(3_600));
    assert_eq!((run.events.max_days, run.events.max_inflated), (400, 33_554_432));
    assert_eq!(run.cluster.urls, ["http://127.0.0.1:9200"]);
    assert_eq!((run.cluster.auth, run.cluster.timeout), (Auth::None, Duration::from_secs(60)));
    assert_eq!(run.state, StateOptions::Index("essink-state".to_owned()));
    assert_eq!(run.dead_letters, DeadLetterOptions::Index);
    assert_eq!(run.names.families, Prefixes::default());
    assert_eq!(run.retention, None);
    assert!(run.templates.is_some_and(|t| t.keyword_twins));
    assert_eq!(run.http.listen, Some("127.0.0.1:9464".parse().unwrap()));
    assert!(!run.http.chosen && !run.http.events && run.http.token.is_none());
}

#[test]
fn what_is_given_arrives() {
    let run = World::typed(
        "run --stream arn:aws:kinesis:eu-west-1:123456789012:stream/clicks --start 2026-11-21T08:00:00Z --gzip --keep 30d \
         --state file:/var/lib/essink.json --dead-letters dir:dead --http-listen 0.0.0.0:9464 --no-init-templates",
    )
    .run();
    assert_eq!(run.stream.region.as_deref(), Some("eu-west-1"));
    assert_eq!(run.stream.start, Start::At(Millis(1_795_248_000_000)));
    assert_eq!(run.batch.gzip, Some(1));
    assert_eq!(run.retention.map(|r| (r.keep.days(), r.max_delete, r.keep_dead_letters)), Some((30, 100, None)));
    assert_eq!(run.state, StateOptions::File("/var/lib/essink.json".into()));
    assert_eq!(run.dead_letters, DeadLetterOptions::Directory("dead".into()));
    assert!(run.http.chosen && run.templates.is_none());
    assert_eq!(World::typed("run --stream x --gzip 6").run().batch.gzip, Some(6));
    let stream = "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks";
    let table =
        |more: &str| World::typed(&format!("run --stream {stream} --state dynamodb:Logstash.1{more}")).run().state;
    let expected = |endpoint_url: Option<&str>| {
        let region = Some("eu-west-1".to_owned());
        let (name, endpoint_url) = ("Logstash.1".to_owned(), endpoint_url.map(str::to_owned));
        StateOptions::Table(TableOptions { name, region, endpoint_url })
    };
    assert_eq!(table(""), expected(None));
    assert_eq!(table(" --dynamodb-endpoint-url http://127.0.0.1:8000"), expected(Some("http://127.0.0.1:8000")));
}

#[test]
fn prune_knows_families_and_rotations_once_each() {
    let prune = World::typed("prune --keep 30d").prune();
    assert_eq!((prune.retention.families, prune.retention.rotations), (Family::ALL.to_vec(), vec![Rotation::Day]));
    let prune =
        World::typed("prune --keep 30d --family pinpoint,all --rotation month --rotation day,month --yes").prune();
    assert_eq!(prune.retention.families, Family::ALL);
    assert_eq!(prune.retention.rotations, [Rotation::Day, Rotation::Month]);
    assert!(prune.yes && !prune.dry_run);
    let prune = World::typed("prune --keep 30d --family pinpoint").prune();
    assert_eq!(prune.retention.families, [Family::Pinpoint]);
}

#[test]
fn each_family_can_be_called_otherwise_and_pruned_alone() {
    for family in Family::ALL {
        let name = family.name();
        let prune = World::typed(&format!("prune --keep 30d --{name}-prefix new- --family {name}")).prune();
        assert_eq!(prune.names.families, Prefixes::default().with(family, "new-"));
        assert_eq!(prune.retention.families, [family]);
    }
    let prune = World::typed("prune --keep 30d --family ses --family eum,ses").prune();
    assert_eq!(prune.retention.families, [Family::Eum, Family::Ses]);
}

#[test]
fn a_worker_prunes_what_it_writes_whatever_prune_is_told() {
    let run = World::typed("run --stream x --keep 7d").toml("family = \"pinpoint\"\nrotation = [\"none\"]").run();
    let retention = run.retention.unwrap();
    assert_eq!((retention.families, retention.rotations), (Family::ALL.to_vec(), vec![Rotation::Day]));
}

#[test]
fn dashboards_do_one_thing() {
    let action = |args| match World::typed(args).invocation().command {
        Command::Dashboards(options) => options.action,
        other => panic!("{other:?}"),
    };
    assert!(matches!(action("dashboards --export out"), DashboardsAction::Export(dir) if dir == Path::new("out")));
    let DashboardsAction::Install(server) = action("dashboards --install --dashboards-space ops") else {
        panic!("nothing to install");
    };
    assert_eq!((server.url.as_str(), server.space.as_deref()), ("http://127.0.0.1:5601", Some("ops")));
}

#[test]
fn authentication_follows_what_is_given() {
    let auth = |world: World| world.run().cluster.auth;
    let run = |more: &str| World::typed(&format!("run --stream x{more}"));
    let basic = Auth::Basic { user: "essink".to_owned(), password: Secret::new("hunter2".to_owned()) };
    assert_eq!(auth(run(" --opensearch-user essink").env("ESSINK_OPENSEARCH_PASSWORD", "hunter2")), basic);
    let from_file = run(" --opensearch-user essink --opensearch-password-file pw");
    assert_eq!(auth(from_file.file("pw", "hunter2\r\n")), basic);
    assert_eq!(auth(run("").env("ESSINK_OPENSEARCH_API_KEY", "a2V5")), Auth::ApiKey(Secret::new("a2V5".to_owned())));
    let signed = |service, region: &str| Auth::SigV4 { service, region: Some(region.to_owned()) };
    assert_eq!(auth(run(" --opensearch-auth sigv4-es --aws-region eu-west-1")), signed("es", "eu-west-1"));
    let serverless = run(" --state file:s --aws-region us-east-1")
        .env("ESSINK_OPENSEARCH_URL", "https://abc.us-east-1.aoss.amazonaws.com");
    assert_eq!(auth(serverless), signed("aoss", "us-east-1"));
}
