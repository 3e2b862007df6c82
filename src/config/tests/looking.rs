use super::*;

#[test]
fn check_takes_the_command_line_of_run() {
    let line = "--stream clicks --memory 512MiB --flush-bytes 5MB --in-flight 8 --http-listen none --until-caught-up --grace 5s \
                --keep 30d --no-init-templates --state file:/x --max-delete 7";
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    let run = World::typed(&format!("run {line}")).run();
    let Command::Check(check) = World::typed(&format!("check {line} --sample 7 --no-write")).invocation().command
    else {
        panic!("another command");
    };
    assert_eq!(format!("{:?}", check.run), format!("{run:?}"));
    assert_eq!((check.sample, check.write, check.show_events, check.json), (7, false, false, false));
    World::typed("check --stream s --sample 1001").refusal();
    World::typed("run --stream s --sample 5").refusal();
}

#[test]
fn status_watches_every_five_seconds_when_no_number_is_given() {
    let status = |args: &str| match World::typed(&format!("status --stream clicks{args}")).invocation().command {
        Command::Status(status) => *status,
        other => panic!("{other:?}"),
    };
    assert_eq!(status("").watch, None);
    assert_eq!(status(" --watch").watch, Some(Duration::from_secs(5)));
    assert_eq!(status(" --watch 30 --json").watch, Some(Duration::from_secs(30)));
    assert_eq!(status(" --worker-url http://a:1,http://b:2/").worker_urls, ["http://a:1", "http://b:2"]);
    assert!(status("").http.listen.is_some() && !status("").http.chosen);
    World::typed("status --stream s --watch 0").refusal();
}
