//! From the text of definitions to panels that can be asked.

use std::collections::BTreeSet;

use super::measure::What;
use super::query::{self, Steps};
use super::split::By;
use super::{Chart, Dashboard, Panel};

/// What is wrong with a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// Which: `dashboard/panel`.
    pub place: String,
    /// Why.
    pub why: String,
}

/// Parses the dashboards and puts the named queries of `steps` where their names stand.
///
/// # Errors
/// The first thing that is no definition.
pub fn parse<S: AsRef<str>>(steps: &str, files: &[S]) -> Result<Vec<Dashboard>, Invalid> {
    let invalid = |place: &str, why: String| Invalid { place: place.to_owned(), why };
    let steps: Steps = toml::from_str(steps).map_err(|error| invalid("steps", error.to_string()))?;
    let mut all: Vec<Dashboard> = Vec::new();
    for file in files {
        let mut dashboard: Dashboard =
            toml::from_str(file.as_ref()).map_err(|error| invalid("file", error.to_string()))?;
        let mut seen = BTreeSet::new();
        for panel in &mut dashboard.panels {
            let place = format!("{}/{}", dashboard.id, panel.id);
            expand(panel, &steps).map_err(|name| invalid(&place, format!("{name} is no query of steps.toml")))?;
            check(panel).map_err(|why| invalid(&place, why.to_owned()))?;
            if !seen.insert(panel.id.clone()) {
                return Err(invalid(&place, "two panels of this id".into()));
            }
        }
        all.push(dashboard);
    }
    Ok(all)
}

fn expand(panel: &mut Panel, steps: &Steps) -> Result<(), String> {
    let mut queries = vec![&mut panel.query];
    for measure in &mut panel.measures {
        if let What::Rate { to, of, .. } = &mut measure.what {
            queries.extend([to, of]);
        }
    }
    for split in &mut panel.splits {
        if let By::Steps { steps } = &mut split.by {
            queries.extend(steps.iter_mut().map(|step| &mut step.query));
        }
    }
    for query in queries {
        *query = query::expand(query, steps)?;
    }
    Ok(())
}

/// What a chart can show.
fn check(panel: &Panel) -> Result<(), &'static str> {
    let (measures, splits) = (panel.measures.len(), panel.splits.len());
    let in_vega = panel.measures.iter().any(|measure| !measure.what.is_classic());
    let steps = panel.splits.iter().any(|split| matches!(split.by, By::Steps { .. }));
    match panel.chart {
        Chart::Events if measures + splits > 0 => Err("events have neither measures nor splits"),
        Chart::Events if panel.show.is_empty() => Err("events show nothing"),
        Chart::Events => Ok(()),
        _ if measures == 0 => Err("no measure"),
        _ if !panel.show.is_empty() => Err("only events show members"),
        Chart::Number if splits > 0 => Err("a number is not split"),
        Chart::Bar if splits == 0 || splits > 2 => Err("bars are split once or twice"),
        Chart::Line if !panel.is_over_time() || splits > 2 => Err("a line is over time, and split once more at most"),
        Chart::Table if splits == 0 => Err("a table has rows"),
        _ if in_vega && (splits > 1 || steps) => Err("a rate and money are split once, and not by steps"),
        _ if splits == 2 && measures > 1 && panel.chart != Chart::Table => Err("two splits have one measure"),
        _ => Ok(()),
    }
}
