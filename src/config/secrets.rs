//! Secrets come from the environment or from a file that an option names.

use std::path::Path;

use super::file::ReadFile;
use super::options::{Row, table};
use super::problem::Problem;
use super::settings::Settings;

/// Reads the files that `NAME-file` options name into the settings of their secrets.
///
/// The stronger origin wins, as everywhere; two from the same place are a question only the operator can answer.
pub fn read(settings: &mut Settings, read_file: ReadFile<'_>) -> Vec<Problem> {
    let verb = settings.verb();
    let secrets = table().filter(|row| row.is_secret() && row.is_taken_by(verb));
    secrets.filter_map(|row| resolve(settings, row, read_file).err()).collect()
}

fn resolve(settings: &mut Settings, row: &'static Row, read_file: ReadFile<'_>) -> Result<(), Problem> {
    let file_name = format!("{}-file", row.name);
    let Some(file_row) = table().find(|candidate| candidate.name == file_name) else {
        return Ok(());
    };
    let Some(file) = settings.setting(file_row).cloned() else {
        return Ok(());
    };
    if let Some(direct) = settings.setting(row) {
        if direct.origin == file.origin {
            return Err(Problem::general(format!(
                "{}: both {} and {} are set; give one of them",
                row.name,
                row.env(),
                file.origin.of(file_row)
            )));
        }
        if direct.origin > file.origin {
            return Ok(());
        }
    }
    let path = file.values.first().map(String::as_str).unwrap_or_default();
    let refuse = |why: String| Problem::value(file_row, path, &file.origin, &why);
    let text = read_file(Path::new(path)).map_err(|error| refuse(format!("cannot be read: {error}")))?;
    let secret = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    (row.check)(secret).map_err(|why| refuse(format!("holds no usable secret: it {why}")))?;
    settings.put(row, vec![secret.to_owned()], file.origin);
    Ok(())
}
