//! "Did you mean".

use crate::expression::nearest;

#[test]
fn a_misspelled_word_is_recognised_and_another_is_not() {
    let known = ["topic", "partition", "exactly_once"];
    assert_eq!(nearest("topc", known), Some("topic"));
    assert_eq!(nearest("Topic", known), Some("topic"));
    assert_eq!(nearest("exactly-once", known), Some("exactly_once"));
    assert_eq!(nearest("Exactly Once", known), Some("exactly_once"));
    assert_eq!(nearest("patrition", known), Some("partition"));
    assert_eq!(nearest("cluster", known), None);
    assert_eq!(nearest("", known), None);
    assert_eq!(nearest("", [""]), Some(""));
}

/// Every short word is near to every other: only case, `-` and a swap are taken for a slip there.
#[test]
fn short_words_are_not_guessed() {
    for (word, known) in [("ip", "id"), ("x", "a"), ("ip", "zip"), ("idx", "id"), ("é", "e")] {
        assert_eq!(nearest(word, [known]), None, "{word}");
    }
    assert_eq!(nearest("ID", ["id"]), Some("id"));
    assert_eq!(nearest("hes", ["has"]), Some("has"));
    assert_eq!(nearest("ue", ["eu"]), Some("eu"));
    assert_eq!(nearest("abc", ["cab"]), None);
}
