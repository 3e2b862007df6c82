//! Opens gzip, member by member: what a broken member holds back is only itself and what follows it.

use std::io::Read;

use flate2::bufread::GzDecoder;

/// What compressed data hold.
#[derive(Debug)]
pub struct Inflated {
    /// The content of the whole members, one behind the other, in no more memory than that.
    pub bytes: Vec<u8>,
    /// What could not be opened.
    pub rest: Option<Rest>,
}

/// Compressed data from the first member on that cannot be opened.
#[derive(Debug, PartialEq, Eq)]
pub struct Rest {
    /// Where it begins in the compressed data.
    pub offset: usize,
    /// `bad_gzip` or `too_large`.
    pub reason: &'static str,
    /// One sentence for people.
    pub detail: String,
}

/// Inflates `data`, which begins with a member, to at most `limit` bytes over all members.
///
/// White space and zero bytes between and behind members are ignored: producers end records with a newline and pad blocks.
pub fn inflate(data: &[u8], limit: usize) -> Inflated {
    let mut bytes = Vec::new();
    let mut at = 0;
    let rest = loop {
        at += data[at..].iter().take_while(|b| **b == 0 || b.is_ascii_whitespace()).count();
        if at == data.len() {
            break None;
        }
        let whole = bytes.len();
        let mut member = GzDecoder::new(&data[at..]);
        // One byte more than there may be shows that there are more, and lets the last member reach its checksum.
        let read = member.by_ref().take((limit - whole) as u64 + 1).read_to_end(&mut bytes);
        let fault = match read {
            _ if bytes.len() > limit => ("too_large", format!("inflates to more than {limit} bytes")),
            Err(error) => ("bad_gzip", format!("gzip that cannot be read: {error}")),
            Ok(_) => {
                at = data.len() - member.into_inner().len();
                continue;
            }
        };
        bytes.truncate(whole);
        break Some(Rest { offset: at, reason: fault.0, detail: fault.1 });
    };
    // It grew by doubling, and the bound on memory counts its length.
    bytes.shrink_to_fit();
    Inflated { bytes, rest }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut out = GzEncoder::new(Vec::new(), Compression::fast());
        out.write_all(data).expect("memory takes it");
        out.finish().expect("memory takes it")
    }

    fn check(parts: &[&[u8]], limit: usize, bytes: &[u8], rest: Option<(usize, &str)>) {
        let found = inflate(&parts.concat(), limit);
        assert_eq!(found.bytes, bytes);
        assert_eq!(found.rest.as_ref().map(|r| (r.offset, r.reason)), rest, "{found:?}");
    }

    #[test]
    fn members_follow_each_other_with_or_without_padding() {
        let (a, b) = (gzip(b"ab"), gzip(b"cd"));
        check(&[&a], 9, b"ab", None);
        check(&[&a, &b], 9, b"abcd", None);
        for padding in [&b"\n"[..], b"\r\n", b" ", b"\0", &[0; 512], b"\0\n\0"] {
            check(&[&a, padding], 9, b"ab", None);
            check(&[&a, padding, &b, padding], 9, b"abcd", None);
        }
        check(&[&gzip(b"")], 9, b"", None);
    }

    #[test]
    fn a_broken_member_keeps_back_itself_and_what_follows() {
        let (a, b) = (gzip(b"ab"), gzip(b"cd"));
        let n = a.len();
        let mut wrong = b.clone();
        *wrong.last_mut().expect("not empty") ^= 1;
        check(&[&a, &b[..b.len() - 1]], 9, b"ab", Some((n, "bad_gzip")));
        check(&[&a, &wrong, &a], 9, b"ab", Some((n, "bad_gzip")));
        check(&[&a, b"\n{}"], 9, b"ab", Some((n + 1, "bad_gzip")));
        check(&[&a[..n - 1]], 9, b"", Some((0, "bad_gzip")));
        check(&[&a[..2]], 9, b"", Some((0, "bad_gzip")));
    }

    #[test]
    fn the_limit_holds_over_all_members_together() {
        let (a, b) = (gzip(b"ab"), gzip(b"cd"));
        check(&[&a, &b], 4, b"abcd", None);
        check(&[&a, &b], 3, b"ab", Some((a.len(), "too_large")));
        check(&[&a, &b], 2, b"ab", Some((a.len(), "too_large")));
        check(&[&a, &b], 1, b"", Some((0, "too_large")));
        check(&[&a, &gzip(b"")], 2, b"ab", None);
    }

    #[test]
    fn no_more_memory_is_kept_than_there_are_bytes() {
        let whole = inflate(&gzip(&vec![b' '; (1 << 20) + 1]), 2 << 20);
        assert_eq!((whole.bytes.len(), whole.bytes.capacity()), ((1 << 20) + 1, (1 << 20) + 1));
        let bomb = inflate(&gzip(&vec![b' '; 1 << 20]), 1000);
        assert_eq!((bomb.bytes.len(), bomb.bytes.capacity()), (0, 0));
    }
}
