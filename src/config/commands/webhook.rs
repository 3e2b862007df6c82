//! The words of the command that receives.

use super::Words;

pub const WEBHOOK: Words = Words {
    about: "Receive what providers post, and put it into a Kinesis stream before answering 200",
    long: "Listens for Vonage (/vonage), Bird (/bird), Firehose HTTP endpoints (/firehose), SNS (/sns) and other JSON (/json/NAME), \
           checks who posts, and puts every event into the stream. Only when all events of a request are durable is it answered \
           200; else the provider is asked to come again. `essink run` then reads the stream. A provider is on when it has \
           credentials.",
    examples: &[
        (
            "essink webhook --stream my-events --bird-token-file bird.token",
            "Bird, behind a load balancer on this machine",
        ),
        (
            "essink webhook --stream my-events --webhook-listen 0.0.0.0:8443 --webhook-tls-cert tls.crt --webhook-tls-key \
             tls.key --vonage-secret-file /run/secrets/vonage",
            "Vonage, with a certificate",
        ),
        (
            "essink webhook --stream my-events --sns-topic arn:aws:sns:eu-west-1:123456789012:ses-events",
            "an SNS topic; its subscription is confirmed",
        ),
        ("essink webhook --stream my-events --allow-unauthenticated json", "anybody's JSON, for trying things"),
    ],
};
