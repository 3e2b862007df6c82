//! `multipart/form-data` with one part named `file` (RFC 7578).

/// The bytes of the file.
///
/// # Errors
/// As the server says it.
pub fn file(content_type: &str, body: &[u8]) -> Result<Vec<u8>, String> {
    let boundary = content_type
        .strip_prefix("multipart/form-data;")
        .and_then(|rest| rest.trim().strip_prefix("boundary="))
        .ok_or("Unsupported Media Type")?;
    let boundary = boundary.trim_matches('"');
    if boundary.is_empty() || boundary.len() > 70 {
        return Err("Invalid multipart boundary".into());
    }
    let open = format!("--{boundary}\r\n");
    let close = format!("\r\n--{boundary}--");
    let inside = body.strip_prefix(open.as_bytes()).ok_or("Invalid multipart payload format")?;
    let end = find(inside, close.as_bytes()).ok_or("Incomplete multipart payload")?;
    let part = &inside[..end];
    if find(part, format!("\r\n--{boundary}\r\n").as_bytes()).is_some() {
        return Err("[request body.file]: one file".into());
    }
    let head = find(part, b"\r\n\r\n").ok_or("Invalid multipart payload format")?;
    let lines = String::from_utf8_lossy(&part[..head]).into_owned();
    let disposition = lines
        .lines()
        .find(|line| line.to_ascii_lowercase().starts_with("content-disposition: form-data"))
        .ok_or("Invalid multipart payload format")?;
    if !disposition.contains("; name=\"file\"") {
        return Err("[request body.file]: expected value of type [Stream] but got [undefined]".into());
    }
    let name = disposition.split("filename=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
    match name.rsplit_once('.') {
        Some((_, "ndjson")) => Ok(part[head + 4..].to_vec()),
        other => Err(format!("Invalid file extension .{}", other.map_or("", |(_, extension)| extension))),
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
