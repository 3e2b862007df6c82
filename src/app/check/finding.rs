//! What a check finds: one line each, with the cure.

use std::fmt;

use serde::Serialize;

use super::policy::Policies;
use super::sample::Sample;

/// What a finding means for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As it should be.
    Ok,
    /// A run works, and somebody should look.
    Warning,
    /// A run does not work.
    Problem,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it means.
    pub level: Level,
    /// What it is about: `kinesis`, `cluster`, `templates`, `state`, `dead letters`, `sample`.
    pub about: &'static str,
    /// What was found.
    pub what: String,
    /// What to do; none when there is nothing to do.
    pub cure: Option<String>,
    /// Whether it is a permission that is missing, or that could not be tried.
    #[serde(skip)]
    pub right: bool,
}

impl Finding {
    /// As it should be.
    pub fn ok(about: &'static str, what: impl Into<String>) -> Self {
        Self { level: Level::Ok, about, what: what.into(), cure: None, right: false }
    }

    /// Somebody should look.
    pub fn warning(about: &'static str, what: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { level: Level::Warning, about, what: what.into(), cure: Some(cure.into()), right: false }
    }

    /// A run does not work.
    pub fn problem(about: &'static str, what: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { level: Level::Problem, ..Self::warning(about, what, cure) }
    }

    /// The same about a permission: the policies are shown.
    pub fn of_right(self) -> Self {
        Self { right: true, ..self }
    }
}

/// What trying a permission has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried {
    /// The call was let through.
    Granted,
    /// It was refused; the service's words.
    Denied(String),
    /// It could not be tried; why.
    Unknown(String),
}

/// A permission as a finding.
pub fn permission(about: &'static str, name: &str, why: &str, tried: Tried) -> Finding {
    match tried {
        Tried::Granted => Finding::ok(about, format!("{name}: granted")),
        Tried::Denied(said) => Finding::problem(
            about,
            format!("{name} is not granted, and a run needs it to {why}: {said}"),
            "grant it: the policies below name all of them",
        )
        .of_right(),
        Tried::Unknown(said) => Finding {
            cure: Some("the policies below name it".to_owned()),
            ..Finding::ok(about, format!("{name}: not tried, because {said}"))
        }
        .of_right(),
    }
}

/// A permission that a run works without, as a finding. `loss` says what is so then.
pub fn wish(about: &'static str, name: &str, loss: &str, tried: Tried) -> Finding {
    match tried {
        Tried::Denied(said) => Finding::warning(
            about,
            format!("{name} is not granted, and without it {loss}: {said}"),
            "grant it: the policies below name all of them",
        )
        .of_right(),
        other => permission(about, name, "", other),
    }
}

/// `essink check`
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whether a run would work.
    pub works: bool,
    /// Everything found, in the order it was looked at.
    pub findings: Vec<Finding>,
    /// What was read, and what becomes of it.
    pub sample: Sample,
    /// What to paste where a permission is missing.
    pub policies: Policies,
}

impl Report {
    /// Puts it together.
    pub fn new(findings: Vec<Finding>, sample: Sample, policies: Policies) -> Self {
        let works = findings.iter().all(|finding| finding.level != Level::Problem);
        Self { works, findings, sample, policies }
    }

    /// What is said after the findings, which people have seen as they came.
    pub fn rest(&self) -> Rest<'_> {
        Rest(self)
    }

    /// How many findings are of that level.
    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Problem => "PROBLEM",
        };
        let one_line = |text: &str| text.replace(['\n', '\r'], " ");
        write!(f, "{level:<8} {:<12}  {}", self.about, one_line(&self.what))?;
        match &self.cure {
            Some(cure) => write!(f, "  -> {}", one_line(cure)),
            None => Ok(()),
        }
    }
}

/// A report without its findings.
#[derive(Debug)]
pub struct Rest<'a>(&'a Report);

impl fmt::Display for Rest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(report) = self;
        write!(f, "{}", report.sample)?;
        if report.findings.iter().any(|finding| finding.right) {
            write!(f, "{}", report.policies)?;
        }
        let (problems, warnings) = (report.count(Level::Problem), report.count(Level::Warning));
        let verdict = if report.works { "a run would work" } else { "a run would not work" };
        writeln!(f, "\n{verdict}: {problems} problems, {warnings} warnings")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(findings: Vec<Finding>) -> Report {
        Report::new(findings, Sample::default(), Policies::default())
    }

    #[test]
    fn warnings_do_not_fail_and_problems_do() {
        let warned = report(vec![Finding::ok("kinesis", "fine"), Finding::warning("cluster", "full", "make room")]);
        assert!(warned.works);
        assert_eq!(warned.findings[1].to_string(), "warning  cluster       full  -> make room");
        assert!(warned.rest().to_string().ends_with("a run would work: 0 problems, 1 warnings\n"), "{warned:?}");
        let failed = report(vec![Finding::problem("state", "two\nlines", "mend it")]);
        assert_eq!(failed.findings[0].to_string(), "PROBLEM  state         two lines  -> mend it");
        assert!(!failed.works, "{failed:?}");
    }

    #[test]
    fn policies_are_shown_when_a_permission_is_missing_or_was_not_tried() {
        let shows = |tried| report(vec![permission("kinesis", "kinesis:GetRecords", "read", tried)]);
        assert!(!shows(Tried::Granted).rest().to_string().contains("policy"));
        let denied = shows(Tried::Denied("AccessDenied".to_owned()));
        assert!(!denied.works && denied.rest().to_string().contains("IAM policy"), "{denied:?}");
        let unknown = shows(Tried::Unknown("it would write".to_owned()));
        assert!(unknown.works && unknown.findings[0].what.contains("not tried, because it would write"), "{unknown:?}");
        assert!(unknown.rest().to_string().contains("IAM policy"));
    }
}
