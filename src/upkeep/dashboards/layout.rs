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
        Chart::Number if panel.measures.len() > 1 => Size { w: 24, h: 10 },
        Chart::Number => Size { w: 12, h: 10 },
        Chart::Events => WHOLE,
        // Several numbers a row below each other, where no table can have them.
        Chart::Table if panel.measures.len() > 1 && panel.measures.iter().any(|m| !m.what.is_classic()) => {
            Size { w: COLUMNS, h: 30 }
        }
        Chart::Bar | Chart::Line | Chart::Table => Size { w: 24, h: 16 },
    }
}

/// Fills row by row; what has no room any more begins a new row below the tallest of the last.
pub fn places(sizes: impl Iterator<Item = Size>) -> Vec<Place> {
    let (mut x, mut y, mut tallest) = (0, 0, 0);
    let mut places = Vec::new();
    for Size { w, h } in sizes {
        if x + w > COLUMNS {
            (x, y, tallest) = (0, y + tallest, 0);
        }
        places.push(Place { x, y, w, h });
        x += w;
        tallest = tallest.max(h);
    }
    places
}
