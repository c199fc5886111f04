//! The one rule for "did you mean".

/// The one of the known words that was probably meant: of three characters one may differ, by the shorter word, and two that
/// stand side by side may be swapped in any. Upper and lower case, `-`, `_` and spaces do not count.
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
    let letters = |text: &str| {
        let mut letters: Vec<_> = text.chars().collect();
        letters.sort_unstable();
        letters
    };
    let wanted = plain(word);
    let is_near = |distance: usize, known: &str| {
        distance <= length(word).min(length(known)) / 3
            || distance == 1 && letters(&wanted) == letters(&plain(known))
    };
    known
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(&wanted, &plain(known)), known))
        .filter(|(distance, known)| is_near(*distance, known))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}
