//! Base64 as RFC 4648 has it, for bytes in files that are no text.

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The bytes of a text; `None` where it is no base64. Padding may be left out, space is passed over.
///
/// ```
/// assert_eq!(krouted::case::from_base64("aGk="), Some(b"hi".to_vec()));
/// assert_eq!(krouted::case::from_base64("a"), None);
/// assert_eq!(krouted::case::from_base64("_w=="), None);
/// ```
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let text: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let bare = text.strip_suffix(b"==").or(text.strip_suffix(b"=")).unwrap_or(&text);
    if bare.len() < text.len() && !text.len().is_multiple_of(4) {
        return None;
    }
    let mut out = Vec::with_capacity(bare.len() / 4 * 3);
    for chunk in bare.chunks(4) {
        let mut word = 0_u32;
        for letter in chunk {
            let place = LETTERS.iter().position(|own| own == letter)?;
            word = word << 6 | u32::try_from(place).ok()?;
        }
        let [_, first, second, third] = (word << (6 * (4 - chunk.len()))).to_be_bytes();
        match chunk.len() {
            4 => out.extend([first, second, third]),
            3 => out.extend([first, second]),
            2 => out.push(first),
            _ => return None,
        }
    }
    Some(out)
}

/// A text for bytes.
///
/// ```
/// assert_eq!(krouted::case::to_base64(b"\xff\xfe"), "//4=");
/// ```
pub fn encode(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let at = |index| u32::from(chunk.get(index).copied().unwrap_or(0));
        let word = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4_usize {
            let shift = 18 - 6 * place;
            let index = usize::try_from(word >> shift & 63).unwrap_or(0);
            let letter = LETTERS.get(index).copied().unwrap_or(b'=');
            out.push(if place <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    out
}
