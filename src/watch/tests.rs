use super::*;

#[test]
fn digests_tell_where_one_part_ends() {
    let of = |parts: &[&str]| {
        let mut all = digest::Parts::new();
        for part in parts {
            all.add(part.as_bytes());
        }
        all.finish()
    };
    assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
    assert_eq!(
        Digest::of(b"").to_string(),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
}
