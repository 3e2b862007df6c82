//! Inflates an object as it comes, a little at a time: what a few bytes inflate to is bounded.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;

/// Bytes given to the inflater at once. Deflate makes at most a thousand of one: 8 MiB.
const STEP: usize = 8 << 10;

/// An object's content, inflated when it is gzip.
#[derive(Debug)]
pub enum Inflate {
    /// Nothing has come yet.
    Unknown,
    /// It is as it is.
    Plain,
    /// It is gzip, of one member or several.
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
}

impl Inflate {
    /// Takes the next bytes, and hands on what they become, piece by piece.
    ///
    /// # Errors
    /// The gzip is broken; what was handed on before is sound.
    pub fn push(&mut self, bytes: &[u8], mut take: impl FnMut(&[u8])) -> io::Result<()> {
        if let Self::Unknown = self {
            *self = match bytes {
                [] => return Ok(()),
                [0x1f, 0x8b, ..] => Self::Gzip(Box::new(MultiGzDecoder::new(Vec::new()))),
                _ => Self::Plain,
            };
        }
        let Self::Gzip(decoder) = self else {
            take(bytes);
            return Ok(());
        };
        for step in bytes.chunks(STEP) {
            let written = decoder.write_all(step);
            hand_on(decoder, &mut take);
            written?;
        }
        Ok(())
    }

    /// The object has ended.
    ///
    /// # Errors
    /// The gzip ends too early.
    pub fn finish(&mut self, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        if let Self::Gzip(decoder) = self {
            let finished = decoder.try_finish();
            hand_on(decoder, &mut take);
            finished?;
        }
        Ok(())
    }
}

/// What could be inflated before an error counts too.
fn hand_on(decoder: &mut MultiGzDecoder<Vec<u8>>, take: &mut impl FnMut(&[u8])) {
    let out = decoder.get_mut();
    take(out);
    out.clear();
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    fn inflated(bytes: &[u8], step: usize) -> (Vec<u8>, bool) {
        let (mut inflate, mut out) = (Inflate::Unknown, Vec::new());
        let mut sound = true;
        for chunk in bytes.chunks(step.max(2)) {
            sound = sound && inflate.push(chunk, |piece| out.extend_from_slice(piece)).is_ok();
        }
        sound = sound && inflate.finish(|piece| out.extend_from_slice(piece)).is_ok();
        (out, sound)
    }

    proptest! {
        #[test]
        fn any_object_comes_out_as_it_was(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..2_000), 1..4), step in 2_usize..5_000) {
            let whole = parts.concat();
            let members: Vec<u8> = parts.iter().flat_map(|part| gzip(part)).collect();
            prop_assert_eq!(inflated(&members, step), (whole.clone(), true));
            if !whole.starts_with(&[0x1f, 0x8b]) {
                prop_assert_eq!(inflated(&whole, step), (whole, true));
            }
        }
    }

    #[test]
    fn what_is_cut_short_is_said_and_what_came_before_is_kept() {
        let whole: Vec<u8> = (0..10_000).flat_map(|n| format!("{{\"a\":{n}}}\n").into_bytes()).collect();
        let packed = gzip(&whole);
        let (out, sound) = inflated(&packed[..packed.len() - 20], 1_000);
        assert!(!sound && whole.starts_with(&out) && out.len() > whole.len() - 100, "{} of {}", out.len(), whole.len());
    }
}
