//! Saved objects for Kibana and OpenSearch Dashboards.

use std::path::PathBuf;

use super::{Kind, Opt, Row, Verb};
use crate::config::{names, units};

options! {
    "Dashboards";
    INSTALL: bool = units::flag, {
        name: "install",
        kind: Kind::Flag,
        bare: Some("true"),
        default: Some("false"),
        on: &[Verb::Dashboards],
        help: "Post the index patterns and the dashboards to --dashboards-url; those of an earlier version are replaced.",
    }
    EXPORT: PathBuf = units::path, {
        name: "export",
        kind: Kind::Path,
        value: "DIR",
        on: &[Verb::Dashboards],
        help: "Write the saved objects as an NDJSON file into this directory instead.",
    }
    DASHBOARDS_URL: String = super::cluster::url, {
        name: "dashboards-url",
        value: "URL",
        default: Some("http://127.0.0.1:5601"),
        on: &[Verb::Dashboards],
        help: "The OpenSearch Dashboards or Kibana to install into, with its base path if it has one.",
    }
    DASHBOARDS_SPACE: String = |text| names::plain(text, 128), {
        name: "dashboards-space",
        value: "ID",
        on: &[Verb::Dashboards],
        help: "The Kibana space to install into; the default space without it.",
    }
    DASHBOARDS_TENANT: String = |text| names::plain(text, 128), {
        name: "dashboards-tenant",
        value: "NAME",
        on: &[Verb::Dashboards],
        help: "The tenant of OpenSearch Dashboards' security plugin to install into; the user's default without it.",
    }
}
