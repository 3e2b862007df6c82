use super::*;
use crate::telemetry::metrics::Provider;

const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:ses";

fn webhook(more: &str) -> World {
    World::typed(format!("webhook --stream clicks {more}").trim())
}

fn options(world: &World) -> WebhookOptions {
    match world.invocation().command {
        Command::Webhook(options) => *options,
        other => panic!("{other:?}"),
    }
}

/// Which of the five are on.
fn on(world: &World) -> [bool; 5] {
    let all = options(world).providers;
    [all.vonage.is_some(), all.bird.is_some(), all.firehose.is_some(), all.sns.is_some(), all.json.is_some()]
}

#[test]
fn a_provider_is_on_when_it_has_credentials() {
    for (provider, world) in [
        (Provider::Vonage, webhook("").env("ESSINK_VONAGE_SECRET", "x")),
        (Provider::Bird, webhook("--bird-user b").env("ESSINK_BIRD_PASSWORD", "x")),
        (Provider::Bird, webhook("").env("ESSINK_BIRD_TOKEN", "x")),
        (Provider::Bird, webhook("--bird-client-id b").env("ESSINK_BIRD_CLIENT_SECRET", &"x".repeat(16))),
        (Provider::Firehose, webhook("--firehose-access-key-file key").file("key", "x\n")),
        (Provider::Sns, webhook(&format!("--sns-topic {TOPIC},{TOPIC}.fifo"))),
        (Provider::Json, webhook("--json-user j --json-password-file pw").file("pw", "x")),
        (Provider::Json, webhook("").env("ESSINK_JSON_TOKEN", "x")),
        (Provider::Json, webhook("").env("ESSINK_JSON_HMAC_SECRET", "x")),
    ] {
        let all = [Provider::Vonage, Provider::Bird, Provider::Firehose, Provider::Sns, Provider::Json];
        assert_eq!(on(&world), all.map(|one| one == provider), "{provider:?}");
        assert!(world.invocation().warnings.is_empty(), "{provider:?}");
    }
}

#[test]
fn nobody_is_let_in_unless_somebody_says_so() {
    for name in ["vonage", "bird", "firehose", "sns", "json"] {
        let refusal = webhook(&format!("--provider {name}")).refusal();
        assert!(refusal.contains(name) && refusal.contains("--allow-unauthenticated"), "{refusal}");
        let allowed = webhook(&format!("--allow-unauthenticated {name}"));
        assert_eq!(on(&allowed).iter().filter(|on| **on).count(), 1);
        let warnings = allowed.invocation().warnings;
        assert!(warnings.len() == 1 && warnings[0].contains(name), "{warnings:?}");
    }
    // Credentials of one do not open another.
    let refusal = webhook("--provider json,bird").env("ESSINK_BIRD_TOKEN", "x").refusal();
    assert!(refusal.contains("json has no credentials"), "{refusal}");
    let refusal = webhook("").refusal();
    assert!(refusal.contains("none is on"), "{refusal}");
    // Whoever is allowed to have none may still have some.
    let both = webhook("--allow-unauthenticated vonage").env("ESSINK_VONAGE_SECRET", "x");
    assert!(options(&both).providers.vonage.is_some_and(|vonage| vonage.secret.is_some()));
    assert!(both.invocation().warnings.is_empty());
}

#[test]
fn what_belongs_together_comes_together() {
    for (world, part) in [
        (webhook("--bird-user b"), "--bird-password-file"),
        (webhook("").env("ESSINK_BIRD_PASSWORD", "x"), "--bird-user"),
        (webhook("--bird-client-id b").env("ESSINK_BIRD_TOKEN", "x"), "--bird-client-secret-file"),
        (webhook("").env("ESSINK_JSON_PASSWORD", "x"), "--json-user"),
        (webhook("--webhook-tls-cert c").env("ESSINK_BIRD_TOKEN", "x"), "--webhook-tls-key"),
        (webhook("--webhook-tls-key c").env("ESSINK_BIRD_TOKEN", "x"), "--webhook-tls-cert"),
        (webhook("--bird-client-id b").env("ESSINK_BIRD_CLIENT_SECRET", "short"), "fewer than 16"),
        (webhook("--webhook-memory 100MiB").env("ESSINK_BIRD_TOKEN", "x"), "webhook-memory"),
        (webhook("--sns-topic ses"), "arn:aws:sns"),
        (webhook("--sns-topic arn:aws:sqs:eu-west-1:123456789012:ses"), "arn:aws:sns"),
        (webhook("--provider nexmo"), "vonage"),
        (webhook("--webhook-listen none"), "no address"),
    ] {
        let refusal = world.refusal();
        assert!(refusal.contains(part), "{part}: {refusal}");
    }
}

#[test]
fn the_defaults_are_those_of_the_providers() {
    let found = options(&webhook("").env("ESSINK_VONAGE_SECRET", "x"));
    assert_eq!((found.listen, found.tls), ("127.0.0.1:8080".parse().unwrap(), None));
    let vonage = found.providers.vonage.unwrap();
    assert_eq!((vonage.signature, vonage.window), (VonageSignature::Md5, Duration::from_secs(73 * 3_600)));
    let limits = found.limits;
    assert_eq!((limits.max_body, limits.memory, limits.connections, limits.rate), (64 << 20, 256 << 20, 1_000, 5_000));
    let seconds = [limits.head_timeout, limits.body_timeout, limits.idle_timeout].map(|time| time.as_secs());
    assert_eq!((seconds, found.grace.as_secs()), ([10, 30, 75], 30));
    let signer = options(&webhook("").env("ESSINK_JSON_HMAC_SECRET", "x")).providers.json.unwrap().signer;
    assert_eq!(signer.map(|(_, window)| window.as_secs()), Some(300));
}

#[test]
fn showing_the_configuration_asks_for_no_provider() {
    let text = World::typed("config").env("ESSINK_BIRD_TOKEN", "hunter2").text();
    assert!(text.contains("bird-token") && !text.contains("hunter2"), "{text}");
}
