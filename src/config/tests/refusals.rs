use super::*;

/// `parts` all stand in the one problem that is reported.
fn check(world: World, parts: &[&str]) {
    let refusal = world.refusal();
    assert!(refusal.starts_with("essink: 1 problem with the configuration\n"), "{refusal}");
    for part in parts {
        assert!(refusal.contains(part), "no {part:?} in {refusal}");
    }
}

#[test]
fn bad_values_name_option_value_origin_and_cure() {
    check(World::typed("prune --keep 0d"), &["keep: \"0d\" from --keep", "at least 1d"]);
    check(World::typed("prune --keep 30x"), &["keep: \"30x\" from --keep", "unknown unit \"x\"", "as 30d"]);
    check(World::typed("prune").env("ESSINK_KEEP", "30"), &["keep: \"30\" from ESSINK_KEEP", "no unit"]);
    check(World::typed("prune").toml("keep = \"1.5d\""), &["keep: \"1.5d\" from essink.toml", "unknown unit"]);
    check(World::typed("prune --keep=-5d"), &["\"-5d\" from --keep", "not a duration"]);
    check(World::typed("prune --keep="), &["keep: \"\" from --keep", "is empty"]);
    check(World::typed("run --stream a/b"), &["stream: \"a/b\" from --stream", "'/'"]);
    check(World::typed("run --stream x --breaker-share 0"), &["breaker-share: \"0\"", "share from 1% to 100%"]);
    check(World::typed("run --stream x --gzip 11"), &["gzip: \"11\" from --gzip", "level from 1 to 9"]);
}

#[test]
fn a_token_that_could_be_guessed_is_refused() {
    let short = World::typed("run --stream x").env("ESSINK_HTTP_TOKEN", "fifteen letters");
    check(short, &["http-token", "fewer than 16", "random"]);
}

#[test]
fn what_is_missing_is_named_with_all_its_ways() {
    check(World::typed("run"), &["stream: not set", "--stream NAME", "ESSINK_STREAM", "stream = "]);
    check(World::typed("prune"), &["keep: not set", "--keep DAYS", "ESSINK_KEEP"]);
}

#[test]
fn all_problems_are_reported_together() {
    let world = World::typed("run --flush-bytes 5M --in-flight 0 --state-index pinpoint-state")
        .env("ESSINK_GROUP", "two words")
        .env("ESSINK_OPENSEARCH_PASSWORD", "hunter2")
        .toml("flush_count = 7\nkeep = 30\ngrace = \"1y\"");
    let refusal = world.refusal();
    for part in [
        "essink: 9 problems with the configuration\n",
        "\"flush_count\": essink.toml sets an option that essink does not have; did you mean flush-count?",
        "keep: essink.toml gives an integer; write a duration in quotes",
        "group: \"two words\" from ESSINK_GROUP",
        "flush-bytes: \"5M\" from --flush-bytes",
        "in-flight: \"0\" from --in-flight",
        "grace: \"1y\" from essink.toml",
        "stream: not set",
        "state-index: \"pinpoint-state\" would fall under pinpoint-prefix",
        "opensearch-auth: a password without a user",
    ] {
        assert!(refusal.contains(part), "no {part:?} in\n{refusal}");
    }
    assert_eq!(refusal.lines().count(), 10, "{refusal}");
    assert!(!refusal.contains("hunter2"), "{refusal}");
}

#[test]
fn a_hash_needs_a_key() {
    let run = || World::typed("run --stream x --redact users=hash --redact phones=drop");
    check(run(), &["redact: a hash without a key", "--redact-key-file", "ESSINK_REDACT_KEY"]);
    assert!(run().env("ESSINK_REDACT_KEY", "k").load().is_ok());
    assert!(run().toml("redact-key-file = \"k\"").file("k", "key\n").load().is_ok());
    assert!(World::typed("run --stream x --redact users=drop").load().is_ok());
}

#[test]
fn files_that_cannot_be_used() {
    let run = || World::typed("run");
    let missing = run().env("ESSINK_CONFIG", "nowhere.toml");
    check(missing, &["config: nowhere.toml cannot be read", "not found"]);
    check(run().toml("stream = \"x\"\nkeep = = 3"), &["config: essink.toml is not TOML: line 2"]);
    let run = || World::typed("run --stream x");
    check(run().toml("[opensearch]\nurl = \"https://a\""), &["\"opensearch\"", "table", "top-level keys"]);
    check(run().toml("config = \"b.toml\""), &["config: cannot be set in essink.toml", "--config"]);
    check(run().toml("until-caught-up = \"yes\""), &["until-caught-up: essink.toml gives a string", "without quotes"]);
    check(run().toml("group = 7"), &["group: essink.toml gives an integer", "string in quotes"]);
    check(run().toml("group = [\"a\"]"), &["group: essink.toml gives an array"]);
    check(run().toml("opensearch-url = [1]"), &["opensearch-url: essink.toml gives an integer", "array of strings"]);
    check(run().toml("start = 2026-11-21T08:00:00Z"), &["start: essink.toml gives a bare date", "in quotes"]);
    check(run().toml("qqqq = 1"), &["\"qqqq\": essink.toml sets an option that essink does not have\n"]);
}

#[test]
fn contradictions() {
    let run = |more: &str| World::typed(&format!("run --stream x {more}"));
    // 9 requests of 20 MB in flight and being filled are 180 MB, of events that take three times that.
    let words = ["memory: 539MB", "9 bulk requests of 20MB", "3 times", "at least 540MB"];
    check(run("--memory 539MB --flush-bytes 20MB"), &words);
    run("--memory 540MB --flush-bytes 20MB").run();
    World::typed("run --stream x").run();

    check(run("--pinpoint-prefix un"), &["pinpoint-prefix: \"un\" also begins", "unrecognized-prefix"]);
    check(run("--pinpoint-prefix same- --unrecognized-prefix same-"), &["also begins"]);
    check(run("--unrecognized-prefix pinpoint-other-"), &["pinpoint-prefix: \"pinpoint-\" also begins"]);
    check(run("--state-index unrecognized-state"), &["state-index", "unrecognized-prefix"]);
    for family in Family::ALL.map(Family::name) {
        for other in Family::ALL.map(Family::name).into_iter().filter(|other| *other != family) {
            let begins = format!("{other}-prefix: \"{other}-\" also begins the indices of {family}-prefix");
            check(run(&format!("--{family}-prefix {other}-x-")), &[&begins]);
        }
        let begins = format!("dead-letter-prefix: \"{family}\" also begins the indices of {family}-prefix");
        check(run(&format!("--dead-letter-prefix {family}")), &[&begins]);
        check(run(&format!("--state-index {family}-state")), &["state-index", &format!("{family}-prefix")]);
    }

    check(run("--opensearch-auth sigv4-aoss"), &["state: positions", "--state dynamodb:TABLE or file:PATH"]);
    run("--opensearch-auth sigv4-aoss --state file:positions").run();
    run("--opensearch-auth sigv4-aoss --state dynamodb:leases").run();
    check(run("--state dynamodb:ab"), &["state: ", "names a table that has 2 characters; 3 to 255"]);
    check(run("--state dynamodb:a/b"), &["state: ", "names a table that holds '/'"]);
    check(run("--state dynamo"), &["state: ", "neither index, dynamodb:TABLE nor file:PATH"]);

    check(run("--keep-dead-letters 90d"), &["keep-dead-letters", "--keep"]);
    check(run("--opensearch-client-cert a.pem"), &["--opensearch-client-key"]);
    check(run("--opensearch-client-key a.pem"), &["--opensearch-client-cert too"]);

    let arn = "run --stream arn:aws:kinesis:eu-west-1:123456789012:stream/x --aws-region";
    check(World::typed(&format!("{arn} us-east-1")), &["aws-region: \"us-east-1\"", "\"eu-west-1\""]);
    World::typed(&format!("{arn} eu-west-1")).run();

    check(World::typed("dashboards"), &["--install", "--export DIR"]);
    check(World::typed("dashboards --install --export out"), &["exclude each other"]);
}

#[test]
fn credentials_that_do_not_fit_together() {
    let run = |more: &str| World::typed(&format!("run --stream x{more}"));
    check(run(" --opensearch-user u"), &["a user without a password", "ESSINK_OPENSEARCH_PASSWORD"]);
    check(run(" --opensearch-auth basic"), &["basic needs --opensearch-user"]);
    check(run(" --opensearch-auth api-key"), &["api-key needs ESSINK_OPENSEARCH_API_KEY"]);
    let both = run(" --opensearch-user u").env("ESSINK_OPENSEARCH_PASSWORD", "p");
    check(both.env("ESSINK_OPENSEARCH_API_KEY", "k"), &["both a user and an API key"]);
    let twice = run(" --opensearch-user u").env("ESSINK_OPENSEARCH_PASSWORD", "p").file("pw", "q");
    check(twice.env("ESSINK_OPENSEARCH_PASSWORD_FILE", "pw"), &["both ESSINK_OPENSEARCH_PASSWORD and", "one of them"]);
    let file = run(" --opensearch-user u --opensearch-password-file pw");
    check(file, &["opensearch-password-file: \"pw\"", "cannot be read"]);
    let empty = run(" --opensearch-user u --opensearch-password-file pw").file("pw", "\n");
    check(empty, &["opensearch-password-file: \"pw\"", "holds no usable secret", "is empty"]);
}

#[test]
fn a_secret_is_never_repeated() {
    let secret = "hunter2-swordfish";
    let run = || World::typed("run --stream x");
    let url = format!("https://admin:{secret}@search.example.org:9200");
    let toml_password = format!("opensearch-password = \"{secret}\"");
    let refused = [
        World::typed(&format!("run --stream x --opensearch-password {secret}")),
        World::typed(&format!("run --stream x --opensearch-password={secret}")),
        World::typed(&format!("run --stream x --opensearch-url {url}")),
        World::typed(&format!("run --stream x --kinesis-endpoint-url {url}")),
        World::typed(&format!("dashboards --install --dashboards-url {url}")),
        run().env("ESSINK_OPENSEARCH_URL", &url),
        run().env("ESSINK_OPENSEARCH_URL", &format!("admin:{secret}@search.example.org")),
        run().env("ESSINK_OPENSEARCH_URL", &format!("https://admin:{secret}@1@search.example.org")),
        run().env("ESSINK_OPENSEARCH_PASSWORD", &format!("{secret}\n")),
        run().env("ESSINK_OPENSEARCH_PASSWORD", secret),
        run().toml(&toml_password),
        run().toml(&format!("{toml_password} and more")),
        run().toml(&format!("opensearch-pass = \"{secret}\"")),
    ];
    for world in refused {
        let refusal = world.refusal();
        assert!(!refusal.contains(secret), "{refusal}");
    }
    for verb in ["config", "config --json"] {
        let world = World::typed(&format!("{verb} --opensearch-user u")).env("ESSINK_OPENSEARCH_PASSWORD", secret);
        let text = world.text();
        assert!(text.contains("(set, hidden)") && !text.contains(secret), "{text}");
    }
    let world = World::typed("run --stream x --opensearch-user u").env("ESSINK_OPENSEARCH_PASSWORD", secret);
    let debug = format!("{:?}", world.invocation());
    assert!(debug.contains("(hidden)") && !debug.contains(secret), "{debug}");
}

#[test]
fn a_secret_as_a_flag_is_refused_with_the_cure() {
    let world = World::typed("run --stream x --opensearch-user u --opensearch-api-key k");
    let refusal = world.refusal();
    assert!(refusal.contains("a secret cannot be a flag; set ESSINK_OPENSEARCH_API_KEY"), "{refusal}");
    check(World::typed("run --stream x").toml("opensearch-api-key = \"k\""), &["opensearch-api-key-file"]);
}

#[test]
fn long_and_odd_values_are_shown_short_and_escaped() {
    let world = World::typed("run --stream x").env("ESSINK_GROUP", &format!("\u{1b}[31m{}", "x".repeat(500)));
    let refusal = world.refusal();
    assert!(!refusal.contains('\u{1b}') && refusal.len() < 400, "{refusal}");
}

/// One value that no option of these kinds can read.
#[test]
fn every_option_is_checked_by_the_commands_that_take_it() {
    for row in table().filter(|row| !matches!(row.kind, Kind::Path | Kind::Secret)) {
        if row.name == "opensearch-user" {
            continue; // any text is a user
        }
        let world = World::typed("config").env(&row.env(), "://\u{7} nothing");
        let refusal = world.refusal();
        assert!(refusal.contains(&format!("  {}: ", row.name)), "{}: {refusal}", row.name);
    }
}

#[test]
fn the_command_line_itself() {
    for (args, part) in [
        ("run --stream x --flush-bites 5MB", "--flush-bytes"),
        ("rum", "run"),
        ("run --stream x y", "unexpected argument 'y'"),
        ("prune --stream x", "unexpected argument '--stream'"),
        ("completions tcsh", "tcsh"),
        ("--log-level info", "subcommand"),
    ] {
        let refusal = World::typed(args).refusal();
        assert!(refusal.contains(part), "{args}: {refusal}");
    }
}
