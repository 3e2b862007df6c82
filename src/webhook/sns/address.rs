//! Which addresses are those of SNS. Whoever posts chooses them, so they are read strictly, as text: no other host is
//! ever asked for anything.

use crate::webhook::form;

/// What stands behind the host of an address of SNS.
fn behind_host(url: &str) -> Option<&str> {
    let (host, rest) = url.strip_prefix("https://")?.split_once('/')?;
    let region = host.strip_prefix("sns.")?;
    let (region, china) = match region.strip_suffix(".amazonaws.com.cn") {
        Some(region) => (region, true),
        None => (region.strip_suffix(".amazonaws.com")?, false),
    };
    let label = (1..=32).contains(&region.len())
        && region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && region.starts_with(|c: char| c.is_ascii_lowercase())
        && !region.ends_with('-');
    (label && china == region.starts_with("cn-")).then_some(rest)
}

/// Whether it is that of a certificate.
pub fn is_certificate(url: &str) -> bool {
    let name = behind_host(url).and_then(|path| path.strip_prefix("SimpleNotificationService-")?.strip_suffix(".pem"));
    name.is_some_and(|name| (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// Whether it confirms a subscription to this topic, and does nothing else.
pub fn confirms(url: &str, topic: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:=&%".contains(&b);
    let Some(query) = behind_host(url).and_then(|rest| rest.strip_prefix('?')) else { return false };
    if query.len() > 2_048 || !query.bytes().all(plain) {
        return false;
    }
    let Ok(pairs) = form::parse(query.as_bytes()) else { return false };
    let of = |name: &str| {
        let mut values = pairs.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str());
        values.next().filter(|_| values.next().is_none())
    };
    of("Action") == Some("ConfirmSubscription") && of("TopicArn") == Some(topic) && of("Token").is_some()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:ses-events";

    #[test]
    fn certificates_come_from_sns_and_nobody_else() {
        for good in [
            "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-6aad65c2f9911b05cd53efda11f913f9.pem",
            "https://sns.us-gov-west-1.amazonaws.com/SimpleNotificationService-a.pem",
            "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-a.pem",
        ] {
            assert!(is_certificate(good), "{good}");
        }
        for bad in [
            "",
            "http://sns.us-east-1.amazonaws.com/SimpleNotificationService-a.pem",
            "HTTPS://sns.us-east-1.amazonaws.com/SimpleNotificationService-a.pem",
            "https://sns.us-east-1.amazonaws.com:443/SimpleNotificationService-a.pem",
            "https://sns.us-east-1.amazonaws.com.evil.org/SimpleNotificationService-a.pem",
            "https://sns.us-east-1.amazonaws.com@evil.org/SimpleNotificationService-a.pem",
            "https://evil.org/sns.us-east-1.amazonaws.com/SimpleNotificationService-a.pem",
            "https://evil.org#.amazonaws.com/SimpleNotificationService-a.pem",
            "https://sns.us-east-1.amazonaws.com\\@evil.org/SimpleNotificationService-a.pem",
            "https://sns.evil.org?.amazonaws.com/SimpleNotificationService-a.pem",
            "https://sns.a.b.amazonaws.com/SimpleNotificationService-a.pem",
            "https://sns..amazonaws.com/SimpleNotificationService-a.pem",
            "https://sns.amazonaws.com/SimpleNotificationService-a.pem",
            "https://sns.us-east-1.amazonaws.com.cn/SimpleNotificationService-a.pem",
            "https://sns.cn-north-1.amazonaws.com/SimpleNotificationService-a.pem",
            "https://sns.US-EAST-1.amazonaws.com/SimpleNotificationService-a.pem",
            "https://sns.us-east-1.amazonaws.cn/SimpleNotificationService-a.pem",
            "https://xsns.us-east-1.amazonaws.com/SimpleNotificationService-a.pem",
            "https://s3.us-east-1.amazonaws.com/SimpleNotificationService-a.pem",
            "https://sns.us-east-1.amazonaws.com/a.pem",
            "https://sns.us-east-1.amazonaws.com/x/SimpleNotificationService-a.pem",
            "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-../x.pem",
            "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-a.pem?x=.pem",
            "https://sns.us-east-1.amazonaws.com/?Action=Publish&x=.pem",
        ] {
            assert!(!is_certificate(bad), "{bad}");
        }
    }

    #[test]
    fn a_confirmation_is_of_its_topic_and_does_nothing_else() {
        let host = "https://sns.eu-west-1.amazonaws.com";
        let good = format!("{host}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37fb68");
        assert!(confirms(&good, TOPIC));
        assert!(confirms(&good.replace(':', "%3A").replace("https%3A", "https:"), TOPIC));
        for bad in [
            good.replace("https", "http"),
            good.replace("amazonaws.com", "example.com"),
            good.replace("ConfirmSubscription", "Unsubscribe"),
            good.replace("ses-events", "other"),
            good.replace("/?", "/x?"),
            good.replace("&Token=2336412f37fb68", ""),
            format!("{good}&Action=Publish"),
            format!("{good}&TopicArn=x"),
            format!("{good}#x"),
            format!("{good} x"),
            format!("{good}\r\nx: y"),
            format!("{good}&x=%0d%0aé"),
        ] {
            assert!(!confirms(&bad, TOPIC), "{bad}");
        }
        assert!(!confirms(&good, "arn:aws:sns:eu-west-1:123456789012:other"));
    }

    proptest! {
        #[test]
        fn an_ordinary_parser_sees_the_same_host(text in "https://sns\\.[a-z0-9.@:/#?\\\\-]{0,24}(\\.amazonaws\\.com)?/SimpleNotificationService-[a-z0-9./?#]{1,4}\\.pem") {
            if is_certificate(&text) {
                let url = reqwest::Url::parse(&text).expect("a URL");
                let host = url.host_str().expect("a host");
                prop_assert!(host.starts_with("sns.") && host.ends_with(".amazonaws.com"), "{host}");
                prop_assert_eq!((url.scheme(), url.port(), url.query(), url.username()), ("https", None, None, ""));
            }
        }
    }
}
