use super::{from_base64, to_base64};

#[test]
fn base64_is_that_of_rfc_4648() {
    // The test vectors of its section 10, and bytes that need the last two letters.
    for (bytes, text) in [
        (&b""[..], ""),
        (b"f", "Zg=="),
        (b"fo", "Zm8="),
        (b"foo", "Zm9v"),
        (b"foob", "Zm9vYg=="),
        (b"fooba", "Zm9vYmE="),
        (b"foobar", "Zm9vYmFy"),
        (b"\xfb\xff\xbf", "+/+/"),
    ] {
        assert_eq!(to_base64(bytes), text);
        assert_eq!(from_base64(text).as_deref(), Some(bytes), "{text}");
    }
}

#[test]
fn what_is_no_base64_is_refused() {
    // Padding may be left out, but not be wrong.
    for text in ["Z", "Z===", "Zm9v!", "====", "Zg==Zg==", "é"] {
        assert_eq!(from_base64(text), None, "{text}");
    }
}

#[test]
fn any_bytes_come_back() {
    let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
    for end in 0..bytes.len() {
        assert_eq!(from_base64(&to_base64(&bytes[..end])).as_deref(), Some(&bytes[..end]));
    }
}
