//! The one rule for "did you mean".

/// The one of the known words that was probably meant: of three characters one may differ, by the shorter word. Upper and lower
/// case, `-`, `_` and spaces do not count.
///
/// ```
/// use krouted::expression::nearest;
/// assert_eq!(nearest("topc", ["topic", "partition"]), Some("topic"));
/// assert_eq!(nearest("exactly-once", ["exactly_once"]), Some("exactly_once"));
/// // Short words are near to anything.
/// assert_eq!(nearest("ip", ["id", "zip"]), None);
/// ```
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', ' '], "_");
    let length = |text: &str| text.chars().count();
    let wanted = plain(word);
    known
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(&wanted, &plain(known)), known))
        .filter(|(distance, known)| *distance <= length(word).min(length(known)) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}
