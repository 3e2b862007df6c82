use super::*;

fn flush_count(world: World) -> usize {
    world.run().batch.flush_count
}

#[test]
fn a_flag_wins_over_a_variable_over_the_file_over_the_default() {
    let run = || World::typed("run --stream x");
    let flagged = || World::typed("run --stream x --flush-count 1");
    let (variable, in_file) = (("ESSINK_FLUSH_COUNT", "2"), "flush-count = 3");

    assert_eq!(flush_count(run()), 5_000);
    assert_eq!(flush_count(run().toml(in_file)), 3, "file over default");
    assert_eq!(flush_count(run().env(variable.0, variable.1)), 2, "environment over default");
    assert_eq!(flush_count(flagged()), 1, "flag over default");
    assert_eq!(flush_count(run().env(variable.0, variable.1).toml(in_file)), 2, "environment over file");
    assert_eq!(flush_count(flagged().toml(in_file)), 1, "flag over file");
    assert_eq!(flush_count(flagged().env(variable.0, variable.1)), 1, "flag over environment");
    assert_eq!(flush_count(flagged().env(variable.0, variable.1).toml(in_file)), 1, "flag over all");
}

#[test]
fn a_switch_can_be_taken_back() {
    let world = |args| World::typed(args).env("ESSINK_DRY_RUN", "true");
    assert!(world("prune --keep 1d").prune().dry_run);
    assert!(!world("prune --keep 1d --dry-run=false").prune().dry_run);
    assert!(!World::typed("prune --keep 1d").toml("dry-run = true").env("ESSINK_DRY_RUN", "no").prune().dry_run);
}

#[test]
fn a_required_option_may_come_from_anywhere() {
    assert_eq!(World::typed("run").env("ESSINK_STREAM", "clicks").run().stream.stream.name, "clicks");
    assert_eq!(World::typed("run").toml("stream = \"clicks\"").run().stream.stream.name, "clicks");
}

/// A value that the option takes and that is not its default.
fn other_value(row: &options::Row) -> &'static str {
    let values = [
        "other-",
        "true",
        "7",
        "8d",
        "8s",
        "8MiB",
        "133MiB",
        "latest",
        "file:other",
        "dir:other",
        "none",
        "https://other",
        "info,a=warn",
        "70%",
        "2026-11-21",
        "phones=drop",
    ];
    let words = if let Kind::Choice(words) = row.kind { words } else { &[] };
    let mut candidates = words.iter().chain(&values);
    let fits = |value: &&&str| Some(**value) != row.default && (row.check)(value).is_ok();
    candidates.find(fits).unwrap_or_else(|| panic!("no value fits {}", row.name))
}

#[test]
fn every_option_changes_what_its_commands_are_told() {
    let base = |args: &str| {
        World::typed(args)
            .env("ESSINK_OPENSEARCH_USER", "u")
            .env("ESSINK_OPENSEARCH_PASSWORD", "p")
            .env("ESSINK_OPENSEARCH_CLIENT_CERT", "cert.pem")
            .env("ESSINK_OPENSEARCH_CLIENT_KEY", "key.pem")
            // So that one size fits --memory and --flush-bytes, each beside the default of the other.
            .env("ESSINK_IN_FLIGHT", "1")
    };
    for (verb, args) in [
        (Verb::Run, "run --aws-region a --stream x --keep 30d --dead-letters s3://bucket/a"),
        (Verb::InitTemplates, "init-templates --opensearch-auth sigv4-es"),
        (Verb::Prune, "prune --opensearch-auth sigv4-es --keep 30d"),
        (Verb::Dashboards, "dashboards --install --opensearch-auth sigv4-es"),
        (Verb::DeadLettersList, "dead-letters list --aws-region a --dead-letters s3://bucket/a"),
        (Verb::DeadLettersShow, "dead-letters show ID --aws-region a --dead-letters s3://bucket/a"),
        (Verb::DeadLettersRedrive, "dead-letters redrive --aws-region a --dead-letters s3://bucket/a"),
        (Verb::DeadLettersExport, "dead-letters export --aws-region a --dead-letters s3://bucket/a"),
        (Verb::DeadLettersImport, "dead-letters import FILE --aws-region a --dead-letters s3://bucket/a"),
        (Verb::Replay, "replay --from s3://bucket/b --aws-region a --dead-letters s3://bucket/a"),
    ] {
        let before = format!("{:?}", base(args).invocation());
        for row in table().filter(|row| row.on.contains(&verb)) {
            // Secrets, who they belong to, and what only a table has, have tests of their own; the file and the action are no
            // settings.
            let own_test = row.is_secret()
                || row.name.ends_with("-file")
                || matches!(row.name, "opensearch-user" | "dynamodb-endpoint-url");
            if own_test || matches!(row.name, "config" | "install" | "export" | "opensearch-auth") {
                continue;
            }
            let flag = format!("--{}={}", row.name, other_value(row));
            let mut words: Vec<String> = args.split(' ').map(str::to_owned).collect();
            if let Some(at) = words.iter().position(|word| *word == row.flag()) {
                words.drain(at..at + 2);
            }
            words.push(flag.clone());
            let after = format!("{:?}", World { args: words, ..base(args) }.invocation());
            assert_ne!(before, after, "{} {flag}", verb.name());
        }
    }
}

#[test]
fn an_empty_variable_is_none() {
    assert_eq!(flush_count(World::typed("run --stream x").env("ESSINK_FLUSH_COUNT", "")), 5_000);
    assert_eq!(World::typed("run --stream x").env("ESSINK_KEEP", "").run().retention, None);
    assert_eq!(flush_count(World::typed("run --stream x").env("ESSINK_FLUSH_COUNT", "").toml("flush-count = 3")), 3);
}

#[test]
fn lists_replace_one_another_and_do_not_add_up() {
    let urls = |world: World| world.run().cluster.urls;
    let two = ["https://a:9200", "https://b:9200"];
    let run = || World::typed("run --stream x");
    assert_eq!(
        urls(World::typed("run --stream x --opensearch-url https://a:9200 --opensearch-url https://b:9200/")),
        two
    );
    assert_eq!(urls(run().env("ESSINK_OPENSEARCH_URL", "https://a:9200, https://b:9200,")), two);
    assert_eq!(urls(run().toml("opensearch-url = [\"https://a:9200\", \"https://b:9200\"]")), two);
    assert_eq!(
        urls(run().toml("opensearch-url = \"https://c:9200\"").env("ESSINK_OPENSEARCH_URL", "https://a:9200")),
        ["https://a:9200"]
    );
}

#[test]
fn toml_takes_natural_types() {
    let run = World::typed("run --stream x").toml(
        "flush-bytes = 1000000\nmemory = \"64MiB\"\nin-flight = 2\ngzip = 3\nuntil-caught-up = true\ngrace = \"5s\"",
    );
    let run = run.run();
    assert_eq!((run.batch.flush_bytes, run.batch.memory, run.batch.in_flight), (1_000_000, 67_108_864, 2));
    assert_eq!((run.batch.gzip, run.stream.until_caught_up, run.grace), (Some(3), true, Duration::from_secs(5)));
}

#[test]
fn the_file_is_read_only_when_it_is_named() {
    let lying_around = || World::typed("run --stream x").file("essink.toml", "flush-count = 3");
    assert_eq!(flush_count(lying_around()), 5_000);
    assert_eq!(
        flush_count(World { args: World::typed("run --stream x --config essink.toml").args, ..lying_around() }),
        3
    );
    assert_eq!(
        flush_count(World { args: World::typed("--config essink.toml run --stream x").args, ..lying_around() }),
        3
    );
    let two = lying_around().env("ESSINK_CONFIG", "other.toml").file("other.toml", "flush-count = 4");
    assert_eq!(flush_count(two), 4);
}

#[test]
fn options_of_other_commands_do_not_disturb() {
    World::typed("prune --keep 1d").env("ESSINK_FLUSH_BYTES", "nonsense").toml("group = \"a b\"").prune();
}

#[test]
fn a_path_makes_no_line_of_its_own() {
    let refusal = World::typed("run --stream x").env("ESSINK_CONFIG", "a\n\u{1b}b").load().unwrap_err().to_string();
    assert_eq!(refusal.lines().count(), 2, "{refusal:?}");
    assert!(refusal.contains("a\u{fffd}\u{fffd}b cannot be read"), "{refusal:?}");
    let world = World::typed("run").env("ESSINK_CONFIG", "a\nb").file("a\nb", "stream = \"x\"\nkeep = \"y\"");
    let refusal = world.load().unwrap_err().to_string();
    assert!(refusal.lines().count() == 2 && refusal.contains("from a\u{fffd}b"), "{refusal:?}");
}

#[test]
fn unknown_variables_are_named_and_ignored() {
    let warnings = |name| World::typed("run --stream x").env(name, "1").invocation().warnings;
    assert_eq!(
        warnings("ESSINK_FLUSH_COUNTS"),
        ["ESSINK_FLUSH_COUNTS is no option of essink and is ignored; did you mean ESSINK_FLUSH_COUNT?"]
    );
    assert_eq!(warnings("ESSINK_ZZZ"), ["ESSINK_ZZZ is no option of essink and is ignored"]);
    assert_eq!(warnings("ESSINK_Z\n\u{1b}"), ["ESSINK_Z\\n\\u{1b} is no option of essink and is ignored"], "one line");
    for injected in ["ESSINK_SERVICE_HOST", "ESSINK_SERVICE_PORT_HTTP", "ESSINK_PORT", "ESSINK_PORT_9464_TCP_ADDR"] {
        assert!(warnings(injected).is_empty(), "{injected}");
    }
    assert!(warnings("HOME").is_empty());
}

#[test]
fn odd_but_legal_is_a_warning() {
    let warnings = |world: World| world.invocation().warnings.join("\n");
    assert!(warnings(World::typed("run --stream x --pinpoint-prefix pinpoint")).contains("pinpoint2026-01-31"));
    let key = |url: &str| {
        let world = World::typed("run --stream x").env("ESSINK_OPENSEARCH_URL", url);
        warnings(world.env("ESSINK_OPENSEARCH_API_KEY", "a2V5"))
    };
    assert!(key("http://search.example.org:9200").contains("unencrypted"));
    assert_eq!(key("https://search.example.org:9200"), "");
    assert_eq!(key("http://127.0.0.1:9200"), "");
}

#[test]
fn a_page_that_the_network_reaches_without_a_token_is_a_warning() {
    let warnings =
        |typed: &str| World::typed(typed).file("token", "correct horse battery\n").invocation().warnings.join("\n");
    for open in ["0.0.0.0:9464", "[::]:9464", "10.1.2.3:9464"] {
        let said = warnings(&format!("run --stream x --http-listen {open}"));
        assert!(said.contains(open) && said.contains("--http-token-file"), "{open}: {said}");
    }
    for near in ["127.0.0.1:9464", "[::1]:9464", "none", "0.0.0.0:9464 --http-token-file token"] {
        assert_eq!(warnings(&format!("run --stream x --http-listen {near}")), "", "{near}");
    }
    let elsewhere = World::typed("prune --keep 30d").env("ESSINK_HTTP_LISTEN", "0.0.0.0:9464");
    assert_eq!(elsewhere.invocation().warnings.join("\n"), "", "prune has no page");
    let run = World::typed("run --stream x --http-token-file token --page-events")
        .file("token", "correct horse battery\n")
        .run();
    assert_eq!(run.http.token.as_ref().map(|token| token.expose()), Some("correct horse battery"));
    assert!(run.http.events);
}

#[test]
fn a_secret_comes_from_the_stronger_origin() {
    let password = |world: World| match world.run().cluster.auth {
        Auth::Basic { password, .. } => password.expose().to_owned(),
        other => panic!("{other:?}"),
    };
    let run = || World::typed("run --stream x --opensearch-user u").file("pw", "from file\n");
    let toml = "opensearch-password-file = \"pw\"";
    assert_eq!(password(run().toml(toml)), "from file");
    assert_eq!(password(run().toml(toml).env("ESSINK_OPENSEARCH_PASSWORD", "from env")), "from env");
    let flagged =
        World::typed("run --stream x --opensearch-user u --opensearch-password-file pw").file("pw", "from file");
    assert_eq!(password(flagged.env("ESSINK_OPENSEARCH_PASSWORD", "from env")), "from file");
}

#[test]
fn config_shows_each_value_with_its_origin() {
    let world = World::typed("config --keep 14d").env("ESSINK_GROUP", "replay").toml("stream = \"clicks\"");
    let text = world.text();
    let line = |name: &str| {
        let line = text.lines().find(|line| line.split(' ').next() == Some(name)).unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("keep"), "keep 14d flag --keep");
    assert_eq!(line("group"), "group replay environment ESSINK_GROUP");
    assert_eq!(line("stream"), "stream clicks file essink.toml");
    assert_eq!(line("flush-bytes"), "flush-bytes 5MB default");
    assert_eq!(line("aws-region"), "aws-region (not set) -");
    assert_eq!(text.lines().count(), table().count());
}

#[test]
fn config_as_json_says_the_same() {
    let world = World::typed("config --json --opensearch-url https://a,https://b").env("ESSINK_GROUP", "replay");
    let rows: Vec<serde_json::Value> = serde_json::from_str(&world.text()).unwrap();
    let row = |name: &str| rows.iter().find(|row| row["name"] == name).unwrap().clone();
    assert_eq!(rows.len(), table().count());
    assert_eq!(
        row("group"),
        serde_json::json!({"name": "group", "value": "replay", "origin": "environment", "from": "ESSINK_GROUP"})
    );
    assert_eq!(row("opensearch-url")["value"], serde_json::json!(["https://a", "https://b"]));
    assert_eq!((&row("memory")["origin"], &row("memory")["from"]), (&"default".into(), &serde_json::Value::Null));
    assert!(row("keep")["value"].is_null());
}
