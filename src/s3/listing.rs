//! The answer of `ListObjectsV2`.

use aws_smithy_xml::decode::{Document, ScopedDecoder, XmlDecodeError, try_data};
use chrono::DateTime;

use super::Object;
use crate::event::time::Millis;

/// Some objects, and whether there are more.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// In the order of their keys.
    pub objects: Vec<Object>,
    /// The list goes on after the last of them.
    pub more: bool,
}

/// Reads an answer.
pub fn read(body: &[u8]) -> Result<Listed, String> {
    let text = std::str::from_utf8(body).map_err(|_| "it is not UTF-8".to_owned())?;
    // The decoder takes what there is; a list cut short would pass for the whole one.
    if !text.trim_end().ends_with("ListBucketResult>") {
        return Err("it is cut short, or another answer".to_owned());
    }
    let mut document = Document::new(text);
    let mut root = document.root_element().map_err(said)?;
    if root.start_el().local() != "ListBucketResult" {
        return Err("it is another answer".to_owned());
    }
    let mut listed = Listed::default();
    while let Some(mut tag) = root.next_tag() {
        match tag.start_el().local() {
            "Contents" => listed.objects.push(object(&mut tag).map_err(said)?),
            "IsTruncated" => listed.more = try_data(&mut tag).map_err(said)?.trim() == "true",
            _ => {}
        }
    }
    listed.more &= !listed.objects.is_empty();
    Ok(listed)
}

fn object(contents: &mut ScopedDecoder<'_, '_>) -> Result<Object, XmlDecodeError> {
    let mut object = Object { key: String::new(), size: 0, etag: String::new(), modified: Millis(0) };
    while let Some(mut tag) = contents.next_tag() {
        match tag.start_el().local() {
            "Key" => object.key = try_data(&mut tag)?.into_owned(),
            "Size" => object.size = try_data(&mut tag)?.trim().parse().unwrap_or(0),
            "ETag" => object.etag = try_data(&mut tag)?.into_owned(),
            "LastModified" => {
                let time = DateTime::parse_from_rfc3339(try_data(&mut tag)?.trim());
                object.modified = Millis(time.map_or(0, |time| time.timestamp_millis()));
            }
            _ => {}
        }
    }
    Ok(object)
}

fn said(error: XmlDecodeError) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(more: bool, key: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <Name>b</Name><Prefix>a</Prefix><KeyCount>1</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>{more}</IsTruncated>\
             <Contents><Key>{key}</Key><LastModified>2026-11-21T08:00:00.000Z</LastModified><ETag>&quot;abc&quot;</ETag>\
             <Size>12</Size><StorageClass>STANDARD</StorageClass></Contents></ListBucketResult>"
        )
    }

    #[test]
    fn pages_are_read() {
        let modified = Millis(1_795_248_000_000);
        let object = |key: &str| Object { key: key.to_owned(), size: 12, etag: "\"abc\"".to_owned(), modified };
        let read = |text: String| read(text.as_bytes()).expect("a page");
        assert_eq!(read(page(true, "a/ü+c%20&amp; ")), Listed { objects: vec![object("a/ü+c%20& ")], more: true });
        assert!(!read(page(false, "a")).more);
        assert_eq!(
            read("<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>".to_owned()),
            Listed::default()
        );
    }

    #[test]
    fn another_answer_is_none() {
        for body in ["", "<html><body>login</body></html>", "<ListBucketResult><Contents>", "{}"] {
            assert!(read(body.as_bytes()).is_err(), "{body}");
        }
    }
}
