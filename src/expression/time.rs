//! Times in texts.

use jiff::Timestamp;

/// Date and time in RFC 3339; `0` is any digit.
const SECONDS: &[u8] = b"0000-00-00T00:00:00";
/// An offset from UTC without its sign.
const OFFSET: &[u8] = b"00:00";

/// Reads a time as RFC 3339 writes it, with at most nine digits of a second. What else `jiff` reads (`20260101T00Z`, a space
/// for the `T`, `[Europe/Berlin]` behind it) other tools do not, and it is none.
pub(super) fn rfc3339(text: &str) -> Option<Timestamp> {
    is_rfc3339(text.as_bytes()).then(|| text.parse().ok()).flatten()
}

fn is_rfc3339(text: &[u8]) -> bool {
    let Some((seconds, rest)) = text.split_at_checked(SECONDS.len()) else { return false };
    let zone = match rest.strip_prefix(b".") {
        None => rest,
        Some(fraction) => {
            let digits = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
            match fraction.split_at_checked(digits) {
                Some((_, zone)) if digits > 0 => zone,
                _ => return false,
            }
        }
    };
    let is_zone = match zone {
        b"Z" | b"z" => true,
        [b'+' | b'-', offset @ ..] => fits(offset, OFFSET) && offset < b"24".as_slice(),
        _ => false,
    };
    is_zone && fits(seconds, SECONDS)
}

fn fits(text: &[u8], shape: &[u8]) -> bool {
    let one = |(byte, wanted): (&u8, &u8)| match wanted {
        b'0' => byte.is_ascii_digit(),
        wanted => byte.eq_ignore_ascii_case(wanted),
    };
    text.len() == shape.len() && text.iter().zip(shape).all(one)
}
