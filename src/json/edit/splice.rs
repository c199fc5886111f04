//! Where the bytes of one document change, and the copy that changes them.

use super::super::{Path, Slot, Span};
use super::plan::{Node, Plan};
use super::{Edit, EditError};

/// The changes of one document: a buffer that is reused.
#[derive(Clone, Debug, Default)]
pub struct Splices(Vec<Splice>);

#[derive(Clone, Copy, Debug)]
struct Splice {
    start: usize,
    end: usize,
    what: What,
    node: usize,
    /// Where the byte at `end` has come to lie.
    to: usize,
}

impl Splices {
    /// Makes slots of the document before the edits those of the document after them. Those of a value that was edited, or that
    /// one was edited in, are wrong from then on.
    pub fn move_slots(&self, slots: &mut [Slot]) {
        for slot in slots {
            match slot {
                Slot::Missing => {}
                Slot::Null(span)
                | Slot::Bool(_, span)
                | Slot::Number(span)
                | Slot::Plain(span)
                | Slot::Escaped(span)
                | Slot::Object(span)
                | Slot::Array(span) => {
                    *span = Span { start: self.moved(span.start), end: self.moved(span.end) };
                }
            }
        }
    }

    /// A splice that begins at a place is behind it: there, a member is added to the object around.
    fn moved(&self, place: u32) -> u32 {
        let at = usize::try_from(place).unwrap_or(usize::MAX);
        let behind = self.0.partition_point(|splice| splice.start < at);
        let before = behind.checked_sub(1).and_then(|last| self.0.get(last));
        let to = before.map_or(at, |splice| (at + splice.to).saturating_sub(splice.end));
        // A document of that size is scanned anew, and refused.
        u32::try_from(to).unwrap_or(u32::MAX)
    }
}

/// What happens to the bytes of a splice. In this order at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    /// They become a replacement.
    Replace(usize),
    /// They go; a member or element follows.
    Remove,
    /// They go, and the comma before them.
    RemoveLast,
    /// They are none: a member is added behind the last one.
    Insert,
}

/// Where the values of some nodes lie.
#[derive(Clone, Copy)]
enum Container<'c> {
    /// Its place, where it is one.
    Object(Option<(usize, usize)>, &'c Path),
    Array(&'c Path),
    Other(&'c Path),
}

#[expect(clippy::too_many_arguments, reason = "what is read, and two buffers that are reused")]
pub(super) fn apply<'r>(
    plan: &Plan,
    value: &[u8],
    slots: &[Slot],
    replacements: &impl Fn(usize) -> &'r [u8],
    splices: &mut Splices,
    out: &mut Vec<u8>,
) -> Result<(), EditError> {
    splices.0.clear();
    let end = value.trim_ascii_end().len();
    let start = value.len() - value.trim_ascii_start().len();
    let top = Path(Vec::new());
    let whole = match value.get(start) {
        Some(b'{') => Container::Object(Some((start, end)), &top),
        Some(b'[') => Container::Array(&top),
        _ => Container::Other(&top),
    };
    let mut finder = Finder { plan, value, slots, splices };
    finder.children(plan.roots(), whole)?;
    splices.0.sort_unstable_by_key(|splice| (splice.start, splice.what, splice.node));
    copy(plan, value, replacements, &mut splices.0, out);
    Ok(())
}

struct Finder<'f> {
    plan: &'f Plan,
    value: &'f [u8],
    slots: &'f [Slot],
    splices: &'f mut Splices,
}

impl<'f> Finder<'f> {
    fn children(&mut self, ids: &'f [usize], container: Container<'_>) -> Result<(), EditError> {
        ids.iter().try_for_each(|id| match self.plan.node(*id) {
            Some(node) => self.node(*id, node, container),
            None => Ok(()),
        })
    }

    fn node(
        &mut self,
        id: usize,
        node: &'f Node,
        container: Container<'_>,
    ) -> Result<(), EditError> {
        let slot = self.slots.get(node.slot.index()).copied().unwrap_or_default();
        let Some(range) = slot.range() else {
            return if node.sets.is_some() { self.insert(id, node, container) } else { Ok(()) };
        };
        match node.edit {
            Some((Edit::Set, index)) => {
                self.push(range.start, range.end, What::Replace(index), id);
                Ok(())
            }
            Some((Edit::Remove, _)) => {
                self.remove(id, node, range.start, range.end);
                Ok(())
            }
            None => {
                let inner = match slot {
                    Slot::Object(_) => {
                        Container::Object(Some((range.start, range.end)), &node.path)
                    }
                    Slot::Array(_) => Container::Array(&node.path),
                    Slot::Missing
                    | Slot::Null(_)
                    | Slot::Bool(..)
                    | Slot::Number(_)
                    | Slot::Plain(_)
                    | Slot::Escaped(_) => Container::Other(&node.path),
                };
                self.children(&node.children, inner)
            }
        }
    }

    /// Something is set that is not there.
    fn insert(
        &mut self,
        id: usize,
        node: &'f Node,
        container: Container<'_>,
    ) -> Result<(), EditError> {
        let path = || node.target.clone();
        match (container, &node.key) {
            (Container::Object(place, _), Some(_)) => {
                if let Some((start, end)) = place {
                    let inner = self.value.get(start..end.saturating_sub(1)).unwrap_or_default();
                    let at = start + inner.trim_ascii_end().len();
                    self.push(at, at, What::Insert, id);
                }
                // What is below it is new, too.
                let new = Container::Object(None, &node.path);
                let new_nodes = node.children.iter().filter_map(|id| self.plan.node(*id));
                for child in new_nodes.filter(|child| child.sets.is_some()) {
                    self.insert(id, child, new)?;
                }
                Ok(())
            }
            (Container::Array(of) | Container::Other(of), Some(_)) => {
                Err(EditError::NoObject { path: path(), container: of.clone() })
            }
            (Container::Array(_) | Container::Object(None, _), None) => {
                Err(EditError::NoElement { path: path(), element: node.path.clone() })
            }
            (Container::Object(Some(_), of) | Container::Other(of), None) => {
                Err(EditError::NoArray { path: path(), container: of.clone() })
            }
        }
    }

    fn remove(&mut self, id: usize, node: &Node, start: usize, end: usize) {
        let start = if node.key.is_some() { member_start(self.value, start) } else { start };
        let behind = skip_blanks(self.value, end);
        if self.value.get(behind) == Some(&b',') {
            self.push(start, skip_blanks(self.value, behind + 1), What::Remove, id);
        } else {
            self.push(start, end, What::RemoveLast, id);
        }
    }

    fn push(&mut self, start: usize, end: usize, what: What, node: usize) {
        self.splices.0.push(Splice { start, end, what, node, to: end });
    }
}

fn copy<'r>(
    plan: &Plan,
    value: &[u8],
    replacements: &impl Fn(usize) -> &'r [u8],
    splices: &mut [Splice],
    out: &mut Vec<u8>,
) {
    let mut from = 0;
    let start = out.len();
    out.reserve(value.len());
    for splice in splices {
        out.extend_from_slice(value.get(from..splice.start).unwrap_or_default());
        from = splice.end;
        match splice.what {
            What::Replace(index) => out.extend_from_slice(replacements(index)),
            What::Remove => {}
            What::RemoveLast => {
                let kept = out.trim_ascii_end();
                // Behind `{` or `[` there is no comma that was in front of it.
                if let Some(before) = kept.strip_suffix(b",") {
                    out.truncate(before.len());
                }
            }
            What::Insert => insert(plan, splice.node, replacements, out),
        }
        splice.to = out.len().saturating_sub(start);
    }
    out.extend_from_slice(value.get(from..).unwrap_or_default());
}

/// Writes a new member, and what is new in it.
fn insert<'r>(
    plan: &Plan,
    id: usize,
    replacements: &impl Fn(usize) -> &'r [u8],
    out: &mut Vec<u8>,
) {
    let Some(node) = plan.node(id).filter(|node| node.sets.is_some()) else { return };
    if out.trim_ascii_end().last() != Some(&b'{') {
        out.push(b',');
    }
    out.extend_from_slice(node.key.as_deref().unwrap_or_default());
    if let Some((_, index)) = node.edit {
        out.extend_from_slice(replacements(index));
        return;
    }
    out.push(b'{');
    node.children.iter().for_each(|child| insert(plan, *child, replacements, out));
    out.push(b'}');
}

/// The opening quote of the key whose value begins at `at`.
fn member_start(value: &[u8], at: usize) -> usize {
    let before = value.get(..at).unwrap_or_default().trim_ascii_end();
    let before = before.strip_suffix(b":").unwrap_or(before).trim_ascii_end();
    let mut text = before.strip_suffix(b"\"").unwrap_or(before);
    while let Some(quote) = memchr::memrchr(b'"', text) {
        text = text.get(..quote).unwrap_or_default();
        // A quote within the key has an odd number of backslashes before it, the opening one has none.
        let backslashes = text.iter().rev().take_while(|byte| **byte == b'\\').count();
        if backslashes % 2 == 0 {
            return quote;
        }
    }
    at
}

fn skip_blanks(value: &[u8], at: usize) -> usize {
    let rest = value.get(at..).unwrap_or_default();
    at + (rest.len() - rest.trim_ascii_start().len())
}
