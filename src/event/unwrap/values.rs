//! Where the values in a record's data begin: one behind the other, with or without white space, and inside arrays.

/// Steps from value to value.
pub struct Values<'a> {
    data: &'a [u8],
    /// How far the data have been read.
    pub at: usize,
    arrays: usize,
    behind_value: bool,
}

impl<'a> Values<'a> {
    /// At the beginning of `data`.
    pub fn of(data: &'a [u8]) -> Self {
        Self { data, at: 0, arrays: 0, behind_value: false }
    }

    /// Offset of the next value that is no array; `None` at the end of the data.
    pub fn next_start(&mut self) -> Result<Option<usize>, &'static str> {
        loop {
            let space = self.data[self.at..].iter().take_while(|b| b.is_ascii_whitespace()).count();
            self.at += space;
            match self.data.get(self.at) {
                None if self.arrays > 0 => return Err("the end of the data inside an array"),
                None => return Ok(None),
                Some(b',') if self.arrays > 0 && self.behind_value => self.behind_value = false,
                Some(b']') if self.arrays > 0 && (self.behind_value || self.opened()) => {
                    self.arrays -= 1;
                    self.behind_value = true;
                }
                Some(_) if self.arrays > 0 && self.behind_value => {
                    return Err("something else than a comma or a closing bracket");
                }
                Some(b'[') => {
                    self.arrays += 1;
                    self.behind_value = false;
                }
                Some(_) => return Ok(Some(self.at)),
            }
            self.at += 1;
        }
    }

    /// Whether the last thing read was an opening bracket: `[]` is an array, `[1,]` is not.
    fn opened(&self) -> bool {
        self.data[..self.at].trim_ascii_end().ends_with(b"[")
    }

    /// Goes on behind the value, which ends before `end`.
    pub fn past(&mut self, end: usize) {
        self.at = end;
        self.behind_value = true;
    }
}
