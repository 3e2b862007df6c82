use super::*;

fn put(world: &World) -> PutOptions {
    match world.invocation().command {
        Command::Put(put) => *put,
        other => panic!("{other:?}"),
    }
}

#[test]
fn files_stand_behind_the_command_in_their_order() {
    let options = put(&World::typed("put --stream clicks b.json - a.json"));
    let file = |name: &str| PutInput::File(name.into());
    assert_eq!(options.inputs, [file("b.json"), PutInput::Standard, file("a.json")]);
    assert!(put(&World::typed("put --stream clicks")).inputs.is_empty());
    assert_eq!(options.stream.name, "clicks");
    assert_eq!((options.timeout, options.memory), (Duration::from_secs(120), 64 << 20));
    assert_eq!(options.partition_key, None);
}

#[test]
fn a_path_to_the_key_is_cut_at_its_dots() {
    let options = put(&World::typed("put --stream s --partition-key client.client_id x"));
    assert_eq!(options.partition_key, Some(vec!["client".to_owned(), "client_id".to_owned()]));
    assert!(World::typed("put --stream s --partition-key client. x").refusal().contains("names no member"));
}

#[test]
fn the_region_of_an_arn_is_where_the_stream_is() {
    let arn = "arn:aws:kinesis:eu-north-1:123456789012:stream/clicks";
    assert_eq!(put(&World::typed(&format!("put --stream {arn}"))).region.as_deref(), Some("eu-north-1"));
    let elsewhere = World::typed(&format!("put --stream {arn} --aws-region eu-west-1"));
    assert!(elsewhere.refusal().contains("eu-north-1"));
}

/// What a worker is told elsewhere is not asked here: its environment may hold what `put` cannot read.
#[test]
fn what_a_worker_is_told_does_not_matter() {
    let options =
        put(&World::typed("put --stream s x").env("ESSINK_MAX_DEPTH", "no number").env("ESSINK_REDACT", "phones=hash"));
    assert_eq!((options.events.max_depth, options.events.redact.len()), (100, 0));
}
