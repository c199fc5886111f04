use super::*;

fn place(text: &str, span: Range<usize>) -> Place {
    Place::new(&SourceText::new("a.yaml", text), span)
}

#[test]
fn lines_and_columns_count_from_one_and_columns_in_characters() {
    let text = "é: 1\r\nb: ü2\n\nc";
    let source = SourceText::new("a.yaml", text);
    for (byte, position) in
        [(0, (1, 1)), (2, (1, 2)), (7, (2, 1)), (12, (2, 5)), (14, (3, 1)), (15, (4, 1))]
    {
        assert_eq!(source.position(byte), position, "byte {byte}");
    }
    assert_eq!(source.position(usize::MAX), (4, 2));
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_text() {
    assert_eq!(SourceText::new("a.yaml", "\u{feff}a: 1").text(), "a: 1");
}

#[test]
fn a_place_ends_on_its_first_line_and_between_characters() {
    assert_eq!(place("ab\r\ncd", 1..6).text(), "b");
    assert_eq!(place("aéb", 3..3).text(), "");
    assert_eq!(place("aéb", 0..2).text(), "aé");
    assert_eq!(place("", 5..9).span(), 0..0);
    assert_eq!(place("ab\n", 3..9).begin(), (2, 1));
}

#[test]
fn a_quoted_text_is_short_and_holds_no_control_characters() {
    assert_eq!(quote("a\u{1b}[31m\n"), "`a\\u{1b}[31m\\n`");
    assert_eq!(quote(&"x".repeat(1000)).chars().count(), 63);
}
