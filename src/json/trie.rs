//! The trie that unites all paths of one pipeline, so that one pass over a record fills all their slots.
//!
//! Every node has a slot, interior ones too: a slot that is no longer missing says that its key was seen, which is how a
//! duplicate is found without any other memory. Nodes know their parent, so a walk needs no stack.

use super::{Path, Segment};

/// Index of a path's slot in the buffer that a scan fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SlotId(u32);

impl SlotId {
    /// Position in the buffer of slots.
    #[inline]
    pub fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// All paths that one pipeline reads.
#[derive(Clone, Debug)]
pub struct Paths {
    root: Node,
    nodes: Vec<Node>,
    wanted: usize,
}

/// One value on the way of a path, or at its end.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// The node's own slot; the root has none.
    pub(super) slot: Option<SlotId>,
    /// Where this node hangs; absent below the root and in the root itself.
    parent: Option<SlotId>,
    /// Where it lies in its parent.
    pub(super) place: Place,
    /// Containers around its members, its own included.
    pub(super) depth: u32,
    /// A path ends here; else it is only on the way to others.
    pub(super) wanted: bool,
    keys: Vec<Member>,
    /// Bit n: a key of length n (modulo 64) is among `keys`.
    lengths: u64,
    elements: Vec<(u32, SlotId)>,
}

/// A key that is looked for, and what lies at it.
#[derive(Clone, Debug)]
struct Member {
    head: u64,
    key: Box<str>,
    id: SlotId,
}

/// Where a value lies in the container around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A member of an object.
    Member,
    /// An element of an array.
    Element(u32),
}

impl Default for Paths {
    fn default() -> Self {
        Self { root: Node::new(None, None, Place::Member, 1), nodes: Vec::new(), wanted: 0 }
    }
}

impl Paths {
    /// The slot of a path: the same for the same path.
    pub fn add(&mut self, path: &Path) -> SlotId {
        let mut at = None;
        for segment in &path.0 {
            at = Some(self.child_or_new(at, segment));
        }
        // A path is never empty; should one be, it gets a slot that no scan fills.
        let end = at.unwrap_or_else(|| self.push(None, Place::Member));
        let node = self.node_mut(Some(end));
        if !node.wanted {
            node.wanted = true;
            self.wanted += 1;
        }
        end
    }

    /// Whether a path of both leads through the same member of the document, or one of each through an element of it.
    pub fn meet(&self, others: &Self) -> bool {
        let has = |own: &Member| others.root.keys.iter().any(|other| other.key == own.key);
        let elements = !self.root.elements.is_empty() && !others.root.elements.is_empty();
        elements || self.root.keys.iter().any(has)
    }

    /// The slots of all values on the way of a path, its own last.
    pub(super) fn way(&self, end: SlotId) -> Vec<SlotId> {
        let mut way = Vec::new();
        let mut at = Some(end);
        while let Some(id) = at {
            way.push(id);
            at = self.parent(self.node(id)).slot;
        }
        way.reverse();
        way
    }

    /// How many slots a scan fills; at least one for each path.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// No path at all: a scan is a pure validation.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// How many different paths were added.
    pub(super) fn wanted(&self) -> usize {
        self.wanted
    }

    pub(super) fn root(&self) -> &Node {
        &self.root
    }

    #[inline]
    pub(super) fn node(&self, id: SlotId) -> &Node {
        self.nodes.get(id.index()).unwrap_or(&self.root)
    }

    #[inline]
    pub(super) fn parent(&self, node: &Node) -> &Node {
        node.parent.map_or(&self.root, |id| self.node(id))
    }

    fn node_mut(&mut self, id: Option<SlotId>) -> &mut Node {
        match id {
            Some(id) => self.nodes.get_mut(id.index()).unwrap_or(&mut self.root),
            None => &mut self.root,
        }
    }

    fn child_or_new(&mut self, parent: Option<SlotId>, segment: &Segment) -> SlotId {
        let node = self.node_mut(parent);
        let known = match segment {
            Segment::Key(key) => node.member(key.as_bytes(), key.len()),
            Segment::Index(index) => node.element(*index),
        };
        if let Some(id) = known {
            return id;
        }
        match segment {
            Segment::Key(key) => {
                let id = self.push(parent, Place::Member);
                let node = self.node_mut(parent);
                node.lengths |= length_bit(key.len());
                node.keys.push(Member {
                    head: head(key.as_bytes(), key.len()),
                    key: key.clone(),
                    id,
                });
                id
            }
            Segment::Index(index) => {
                let id = self.push(parent, Place::Element(*index));
                self.node_mut(parent).elements.push((*index, id));
                id
            }
        }
    }

    #[expect(clippy::expect_used, reason = "a pipeline file has at most 2 MiB")]
    fn push(&mut self, parent: Option<SlotId>, place: Place) -> SlotId {
        let depth = self.node_mut(parent).depth.saturating_add(1);
        let id = SlotId(u32::try_from(self.nodes.len()).expect("fewer than 2^32 paths"));
        self.nodes.push(Node::new(Some(id), parent, place, depth));
        id
    }
}

impl Node {
    fn new(slot: Option<SlotId>, parent: Option<SlotId>, place: Place, depth: u32) -> Self {
        let (keys, elements) = (Vec::new(), Vec::new());
        Self { slot, parent, place, depth, wanted: false, keys, lengths: 0, elements }
    }

    /// Whether a path leads into a container that opens with this byte.
    #[inline]
    pub(super) fn leads_into(&self, open: u8) -> bool {
        match open {
            b'{' => self.lengths != 0,
            b'[' => !self.elements.is_empty(),
            _ => false,
        }
    }

    /// Whether a key that is looked for may have this length: most others are told apart by it.
    #[inline]
    pub(super) fn has_key_as_long_as(&self, length: usize) -> bool {
        self.lengths & length_bit(length) != 0
    }

    /// The child of the key that `rest` begins with, where there is no escape in it.
    #[inline]
    pub(super) fn member(&self, rest: &[u8], length: usize) -> Option<SlotId> {
        let head = head(rest, length);
        let same = |member: &&Member| {
            member.head == head
                && member.key.len() == length
                && (length <= 8 || rest.get(8..length) == member.key.as_bytes().get(8..))
        };
        self.keys.iter().find(same).map(|member| member.id)
    }

    /// The child of a key that the caller compares.
    pub(super) fn member_by(&self, same: impl Fn(&[u8]) -> bool) -> Option<SlotId> {
        self.keys.iter().find(|member| same(member.key.as_bytes())).map(|member| member.id)
    }

    #[inline]
    pub(super) fn element(&self, index: u32) -> Option<SlotId> {
        self.elements.iter().find(|(own, _)| *own == index).map(|(_, id)| *id)
    }
}

#[inline]
fn length_bit(length: usize) -> u64 {
    1 << (length & 63)
}

/// The first eight bytes of a key, or all of them and zeros: so most keys are compared without a call.
#[inline]
fn head(rest: &[u8], length: usize) -> u64 {
    let word = match rest.first_chunk() {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    };
    let unused = 64_usize.saturating_sub(length * 8);
    if unused == 64 { 0 } else { word << unused >> unused }
}
