//! Tables for terminals.

use std::time::Duration;

/// Rows of cells, each column as wide as its widest cell; a line a row.
pub fn columns<const N: usize>(rows: impl IntoIterator<Item = [String; N]>) -> String {
    let rows: Vec<[String; N]> = rows.into_iter().collect();
    let width = |at: usize| rows.iter().map(|cells| cells[at].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for cells in &rows {
        let padded: Vec<String> = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(padded.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// An age, to the second.
pub fn age_of(ms: u64) -> String {
    humantime::format_duration(Duration::from_secs(ms / 1_000)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_as_wide_as_its_widest_cell_and_lines_end_without_blanks() {
        let rows = [["a", "bb", ""], ["ccc", "ä", "x"]].map(|row| row.map(str::to_owned));
        assert_eq!(columns(rows), "a    bb\nccc  ä   x\n");
        assert_eq!(age_of(61_999), "1m 1s");
    }
}
