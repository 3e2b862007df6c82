//! Who and what the events are about: functions of a number, so that nothing needs to be kept.

use super::json::{Json, mix};

pub(super) const APP_ID: &str = "7f79ec844d644e669ac818fecbc156dc";
/// Leading zeros: a reader that makes it a number is wrong.
pub(super) const ACCOUNT: &str = "001234567890";
const POOL: &str = "ap-northeast-2:4e815606-ddf2-4bc1-bbc5-74141b826dfc";

const DEVICES: [[&str; 5]; 5] = [
    ["Samsung", "SM-S921N", "Android", "14", "ko_KR"],
    ["Apple", "iPhone16,2", "iOS", "18.1", "en_US"],
    ["Google", "Pixel 9", "Android", "15", "de_DE"],
    ["Apple", "iPad14,3", "iPadOS", "18.0", "ja_JP"],
    ["Xiaomi", "23049PCD8G", "Android", "13", "pt_BR"],
];
const PLACES: [[&str; 5]; 5] = [
    ["Seoul", "KOR", "04524", "37.566", "126.978"],
    ["Portland", "USA", "97035", "45.523", "-122.676"],
    ["Köln", "DEU", "50667", "50.938", "6.96"],
    ["Osaka", "JPN", "530-0001", "34.693", "135.502"],
    ["São Paulo", "BRA", "01310-100", "-23.55", "-46.633"],
];

/// Signed 32-bit, as seen on Pinpoint's streams.
pub(super) fn partition_key(person: u64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "any 32 bits of a mixed number do")]
    let key = mix(person) as i32;
    key.to_string()
}

pub(super) fn make(person: u64) -> &'static str {
    device(person)[0]
}

pub(super) fn device(person: u64) -> [&'static str; 5] {
    pick(&DEVICES, person)
}

pub(super) fn pick<T: Copy>(from: &[T], number: u64) -> T {
    from[(number % from.len() as u64) as usize]
}

/// A push channel by device.
pub(super) fn push_channel(person: u64) -> &'static str {
    if make(person) == "Apple" { "APNS" } else { "GCM" }
}

impl Json<'_> {
    pub(super) fn client_id(&mut self, person: u64) -> &mut Self {
        self.uuid(person)
    }

    pub(super) fn address(&mut self, person: u64) -> &mut Self {
        self.raw("person").digits(person, 5).raw("@example.com")
    }

    /// Of the range that is reserved for fiction.
    pub(super) fn phone(&mut self, person: u64) -> &mut Self {
        self.raw("+1").digits(200 + person % 700, 3).raw("5550").digits(person % 1000, 3)
    }

    /// `"application": {...}, "client": {...}, "device": {...}` of an app.
    pub(super) fn app_and_device(&mut self, person: u64) -> &mut Self {
        let [make, model, platform, version, locale] = device(person);
        self.raw(r#""application":{"app_id":""#).raw(APP_ID).raw(r#"","cognito_identity_pool_id":""#).raw(POOL);
        self.raw(r#"","package_name":"com.example.shop","sdk":{"name":"aws-sdk-"#);
        self.raw(if make == "Apple" { "ios" } else { "android" }).raw(r#"","version":"2.33.0"},"title":"Shop","#);
        self.raw(r#""version_name":"4."#).number((person % 9).cast_signed()).raw(r#".0","version_code":"04"#);
        self.digits(person % 9, 1).raw(r#"0"},"client":{"client_id":""#).client_id(person);
        self.raw(r#"","cognito_id":"ap-northeast-2:"#).uuid(!person).raw(r#""},"device":{"locale":{"code":""#);
        self.raw(locale).raw(r#"","country":""#).raw(&locale[3..]).raw(r#"","language":""#).raw(&locale[..2]);
        self.raw(r#""},"make":""#).raw(make).raw(r#"","model":""#).raw(model).raw(r#"","platform":{"name":""#);
        self.raw(platform).raw(r#"","version":""#).raw(version).raw(r#""}}"#)
    }

    /// `"endpoint": {...}`: the object that app events carry.
    pub(super) fn endpoint(&mut self, person: u64, request: u64, ms: i64) -> &mut Self {
        let [make, model, platform, version, locale] = device(person);
        let [city, country, postal, latitude, longitude] = pick(&PLACES, person / 5);
        self.raw(r#""endpoint":{"ChannelType":""#).raw(push_channel(person)).raw(r#"","Address":""#);
        self.hex(mix(person ^ 7), 16).hex(mix(person ^ 8), 16).raw(r#"","EndpointStatus":"ACTIVE","OptOut":""#);
        self.raw(if person.is_multiple_of(11) { "ALL" } else { "NONE" }).raw(r#"","RequestId":""#).uuid(request);
        self.raw(r#"","Location":{"Latitude":"#).raw(latitude).raw(r#","Longitude":"#).raw(longitude);
        self.raw(r#","PostalCode":""#).raw(postal).raw(r#"","City":""#).raw(city).raw(r#"","Country":""#).raw(country);
        self.raw(r#""},"Demographic":{"Make":""#).raw(make).raw(r#"","Model":""#).raw(model);
        self.raw(r#"","Timezone":"Asia/Seoul","Locale":""#).raw(locale).raw(r#"","AppVersion":"4.2.0","Platform":""#);
        self.raw(platform).raw(r#"","PlatformVersion":""#).raw(version).raw(r#""},"EffectiveDate":""#).iso(ms);
        self.raw(r#"","Attributes":{"interests":["#).raw(pick(&[r#""music""#, r#""sport","news""#], person));
        self.raw(r#"]},"Metrics":{"visits":"#)
            .number((person % 40).cast_signed())
            .raw(r#".0},"User":{"UserId":"user-"#);
        self.digits(person, 5).raw(r#"","UserAttributes":{"plan":["free"]}},"ApplicationId":""#).raw(APP_ID);
        self.raw(r#"","Id":""#).client_id(person).raw(r#"","CohortId":""#).number((person % 100).cast_signed());
        self.raw(r#"","CreationDate":"2025-"#).digits(1 + person % 12, 2).raw("-").digits(1 + person % 28, 2);
        self.raw(r#"T08:00:00.000Z"}"#)
    }
}
