//! Where panels are on a dashboard: 48 columns, from left to right and then down.

use crate::panel::{Chart, Panel};

/// Columns of a dashboard.
const COLUMNS: u32 = 48;

/// How large a panel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Columns.
    pub w: u32,
    /// Rows of about 20 pixels.
    pub h: u32,
}

/// One of two beside each other.
const HALF: Size = Size { w: 24, h: 16 };
/// From side to side.
pub const WHOLE: Size = Size { w: COLUMNS, h: 20 };

/// Where a panel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Columns to its left.
    pub x: u32,
    /// Rows above it.
    pub y: u32,
    /// Columns.
    pub w: u32,
    /// Rows.
    pub h: u32,
}

/// How large it should be.
pub fn size(panel: &Panel) -> Size {
    match panel.chart {
        // One below the other: as many as these are as tall as a chart.
        Chart::Number if panel.measures.len() > 4 => HALF,
        Chart::Number if panel.measures.len() > 1 => Size { w: 24, h: 10 },
        Chart::Number => Size { w: 12, h: 10 },
        Chart::Events => WHOLE,
        // Several numbers a row below each other, where no table can have them.
        Chart::Table if columns(panel) > 4 && panel.measures.iter().any(|m| !m.what.is_classic()) => {
            Size { w: COLUMNS, h: 30 }
        }
        // As the page has it.
        Chart::Table if columns(panel) > 4 => WHOLE,
        Chart::Bar | Chart::Line | Chart::Table => HALF,
    }
}

/// Of the page's table: a share has one more, of what it is.
fn columns(panel: &Panel) -> usize {
    let shares = panel.measures.iter().filter(|measure| measure.what.base().is_some());
    panel.splits.len() + panel.measures.len() + shares.count()
}

/// Fills row by row; what has no room any more begins a new row. A row has no holes: all in it are as tall as the tallest,
/// and the last takes what is left.
pub fn places(sizes: impl Iterator<Item = Size>) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    let (mut first, mut y) = (0, 0);
    for Size { w, h } in sizes {
        let x = places[first..].iter().map(|place| place.w).sum();
        if x + w <= COLUMNS {
            places.push(Place { x, y, w, h });
            continue;
        }
        y += fill(&mut places[first..]);
        first = places.len();
        places.push(Place { x: 0, y, w, h });
    }
    fill(&mut places[first..]);
    places
}

/// Leaves no hole in a row; how tall it is.
fn fill(row: &mut [Place]) -> u32 {
    let tallest = row.iter().map(|place| place.h).max().unwrap_or(0);
    row.iter_mut().for_each(|place| place.h = tallest);
    if let Some(last) = row.last_mut() {
        last.w = COLUMNS - last.x;
    }
    tallest
}
