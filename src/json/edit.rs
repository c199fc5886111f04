//! Edits of a document as splices of its bytes: whatever is not edited stays as it is, byte for byte.
//!
//! Edits have slots in the pipeline's [`Paths`], so the scan that every record gets anyway has found their places. They are
//! then applied from front to back in one copy. All edits see the document before them.
//!
//! | path | set | remove |
//! |---|---|---|
//! | is there | its value is replaced | the member or element goes, with one comma |
//! | is not there | becomes the last member of the innermost object that is there, within new objects where need be | nothing |
//! | an index that is not there | [`EditError`] | nothing |
//! | leads into something that is no object (or no array, for an index), null included | [`EditError`] | nothing |
//!
//! A tombstone is not given here: who calls decides on it. Nor is it looked at how deep the new document is: the next scan of it
//! refuses more than [`super::DEPTH`] levels.

mod plan;
mod splice;

pub use splice::Splices;

use plan::Plan;

use super::{Path, Paths, Slot};

/// What happens at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Its value becomes another one.
    Set,
    /// It is there no more.
    Remove,
}

/// Edits that are made together; no path of them is a part of another.
#[derive(Clone, Debug, Default)]
pub struct Edits(Vec<(Path, Edit)>);

impl Edits {
    /// Edits whose paths do not overlap; of two that do, the first counts.
    pub fn new(edits: Vec<(Path, Edit)>) -> Self {
        Self(edits)
    }

    /// Two paths of which one leads to or through the other, so that their order would matter.
    ///
    /// ```
    /// # use krouted::json::{Edits, Path, Segment};
    /// let path = |keys: &[&str]| Path(keys.iter().map(|key| Segment::Key((*key).into())).collect());
    /// assert_eq!(Edits::overlap(&[path(&["a", "b"]), path(&["a", "c"])]), None);
    /// assert_eq!(Edits::overlap(&[path(&["a", "b"]), path(&["x"]), path(&["a"])]), Some((0, 2)));
    /// ```
    pub fn overlap(paths: &[Path]) -> Option<(usize, usize)> {
        for (later, path) in paths.iter().enumerate() {
            let same = |other: &Path| other.is_prefix_of(path) || path.is_prefix_of(other);
            if let Some(earlier) = paths.iter().take(later).position(same) {
                return Some((earlier, later));
            }
        }
        None
    }

    /// Adds their paths to those of the pipeline.
    pub fn bind(&self, paths: &mut Paths) -> BoundEdits {
        BoundEdits(Plan::new(&self.0, paths))
    }
}

/// Edits that know their slots.
///
/// ```
/// use krouted::json::{Check, Edit, Edits, Path, Paths, Segment, Slot, Splices, scan};
/// let path = |keys: &[&str]| Path(keys.iter().map(|key| Segment::Key((*key).into())).collect());
/// let list = vec![
///     (path(&["id"]), Edit::Set),
///     (path(&["password"]), Edit::Remove),
///     (path(&["geo", "region"]), Edit::Set),
/// ];
/// let mut paths = Paths::default();
/// let edits = Edits::new(list).bind(&mut paths);
/// let value = br#"{ "id":1, "price": 1.50, "password": "x" }"#;
/// let mut slots = vec![Slot::Missing; paths.len()];
/// scan(&paths, value, Check::Whole, &mut slots).unwrap();
/// let replacement = |edit| -> &[u8] { if edit == 0 { b"7" } else { br#""eu""# } };
/// let mut out = Vec::new();
/// edits.apply(value, &slots, replacement, &mut Splices::default(), &mut out).unwrap();
/// assert_eq!(out, br#"{ "id":7, "price": 1.50,"geo":{"region":"eu"} }"#);
/// ```
#[derive(Clone, Debug)]
pub struct BoundEdits(Plan);

impl BoundEdits {
    /// Appends the edited document to `out`, or nothing where an edit is impossible.
    ///
    /// `slots` are what a scan of this `value` filled; `replacements` gives the JSON text for the edit with that index.
    /// With [`super::Check::Lazy`] what was not looked at is copied as it is.
    #[expect(clippy::too_many_arguments, reason = "what is read, and two buffers that are reused")]
    pub fn apply<'r>(
        &self,
        value: &[u8],
        slots: &[Slot],
        replacements: impl Fn(usize) -> &'r [u8],
        splices: &mut Splices,
        out: &mut Vec<u8>,
    ) -> Result<(), EditError> {
        splice::apply(&self.0, value, slots, &replacements, splices, out)
    }
}

/// Why a path cannot be set in a document; nothing of the payload is in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The path leads into something that has no fields.
    #[error("`{path}` cannot be set: {}", inside(.container, "is no object"))]
    NoObject {
        /// The path to be set.
        path: Path,
        /// What has no fields; empty for the whole value.
        container: Path,
    },
    /// The path has an index into something that has no elements.
    #[error("`{path}` cannot be set: {}", inside(.container, "is no array"))]
    NoArray {
        /// The path to be set.
        path: Path,
        /// What has no elements; empty for the whole value.
        container: Path,
    },
    /// The array is shorter.
    #[error("`{path}` cannot be set: there is no `{element}`")]
    NoElement {
        /// The path to be set.
        path: Path,
        /// The element that is not there.
        element: Path,
    },
}

fn inside(container: &Path, what: &str) -> String {
    if container.0.is_empty() {
        return format!("the value {what}");
    }
    format!("`{container}` {what}")
}
