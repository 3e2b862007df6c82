//! Whom messages go to, from where, and by which carrier. All of it made up.

use super::book::{mix, uuid};

/// A country, and what a text to it costs.
#[derive(Debug)]
pub(super) struct Country {
    pub(super) code: &'static str,
    /// Of numbers, with three digits to come: ranges of fiction where a country has one.
    prefix: &'static str,
    /// Name, mobile country code, network code, and both codes together.
    pub(super) carriers: [[&'static str; 4]; 2],
    /// Price and carrier fee of a part, in millionths of a dollar.
    pub(super) price: (i64, i64),
    /// Whether its handsets say what they received.
    pub(super) receipts: bool,
}

static COUNTRIES: [Country; 8] = [
    Country {
        code: "US",
        prefix: "+12025550",
        carriers: [["T-Mobile USA, Inc.", "310", "800", "310800"], ["Verizon Wireless", "311", "480", "311480"]],
        price: (5_810, 3_000),
        receipts: true,
    },
    Country {
        code: "GB",
        prefix: "+447700900",
        carriers: [["Vodafone UK", "234", "15", "23415"], ["O2 UK", "234", "10", "23410"]],
        price: (41_250, 0),
        receipts: true,
    },
    Country {
        code: "DE",
        prefix: "+49155550",
        carriers: [["Telekom", "262", "01", "26201"], ["O2 Germany", "262", "03", "26203"]],
        price: (97_040, 0),
        receipts: true,
    },
    Country {
        code: "KR",
        prefix: "+821055500",
        carriers: [["SK Telecom", "450", "05", "45005"], ["KT", "450", "08", "45008"]],
        price: (33_400, 0),
        receipts: false,
    },
    Country {
        code: "FR",
        prefix: "+33639980",
        carriers: [["Orange", "208", "01", "20801"], ["SFR", "208", "10", "20810"]],
        price: (65_190, 0),
        receipts: true,
    },
    Country {
        code: "BR",
        prefix: "+551155500",
        carriers: [["Vivo", "724", "10", "72410"], ["Claro", "724", "05", "72405"]],
        price: (24_220, 1_000),
        receipts: false,
    },
    Country {
        code: "AU",
        prefix: "+61491570",
        carriers: [["Telstra", "505", "01", "50501"], ["Optus", "505", "02", "50502"]],
        price: (34_360, 0),
        receipts: true,
    },
    Country {
        code: "ES",
        prefix: "+34600000",
        carriers: [["Movistar", "214", "05", "21405"], ["Orange", "214", "03", "21403"]],
        price: (60_870, 0),
        receipts: false,
    },
];

/// Which of twenty people live where.
const LIVE: [usize; 20] = [0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 5, 5, 6, 7];

/// A mailbox provider and many that are none.
const DOMAINS: [&str; 18] = [
    "quickmail.example",
    "quickmail.example",
    "quickmail.example",
    "quickmail.example",
    "quickmail.example",
    "yonder.example",
    "yonder.example",
    "yonder.example",
    "outpost.example",
    "outpost.example",
    "icloudy.example",
    "icloudy.example",
    "naverland.example",
    "gmxx.example",
    "orangepost.example",
    "uni-seoul.example",
    "acme.example",
    "bigpost.example",
];

/// Make, model, platform, its version, locale.
const DEVICES: [[&str; 5]; 6] = [
    ["Apple", "iPhone17,1", "iOS", "19.1", "en_US"],
    ["Samsung", "SM-S931B", "Android", "16", "ko_KR"],
    ["Google", "Pixel 10", "Android", "16", "de_DE"],
    ["Apple", "iPad16,3", "iPadOS", "19.0", "en_GB"],
    ["Xiaomi", "25010PN30G", "Android", "15", "pt_BR"],
    ["Apple", "iPhone15,4", "iOS", "18.6", "fr_FR"],
];

/// Of the app; not everybody updates.
const VERSIONS: [&str; 4] = ["5.1.0", "5.1.0", "5.0.2", "4.9.3"];

const NAMES: [&str; 12] = ["ann", "bob", "chae", "dora", "emil", "fay", "gil", "hana", "ida", "jon", "kim", "lea"];

/// Somebody, a function of a number.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) email: String,
    pub(super) domain: &'static str,
    pub(super) phone: String,
    pub(super) country: &'static Country,
    pub(super) carrier: [&'static str; 4],
    pub(super) client: String,
    pub(super) user: String,
    pub(super) device: [&'static str; 5],
    pub(super) version: &'static str,
    pub(super) token: String,
}

impl Person {
    pub(super) fn new(seed: u64, number: u64) -> Self {
        let of = |salt: u64| mix(mix(seed ^ salt) ^ number);
        let pick = |salt: u64, len: usize| (of(salt) % len as u64) as usize;
        let country = &COUNTRIES[LIVE[pick(1, LIVE.len())]];
        let domain = DOMAINS[pick(2, DOMAINS.len())];
        Self {
            email: format!("{}.{number}@{domain}", NAMES[pick(3, NAMES.len())]),
            domain,
            phone: format!("{}{:03}", country.prefix, number % 1000),
            country,
            carrier: country.carriers[pick(4, 2)],
            client: uuid(seed ^ 5, number),
            user: format!("user-{number:05}"),
            device: DEVICES[pick(6, DEVICES.len())],
            version: VERSIONS[pick(9, VERSIONS.len())],
            token: format!("{:016x}{:016x}", of(7), of(8)),
        }
    }
}
