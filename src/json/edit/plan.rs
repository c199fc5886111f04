//! All edits as one tree along their paths, made once per pipeline.

use super::super::{Path, Paths, Segment, SlotId, text};
use super::Edit;

/// The tree; nodes are named by their index.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    nodes: Vec<Node>,
    /// The nodes at the first segments.
    roots: Vec<usize>,
}

/// A value that is edited, or that one is edited in.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) path: Path,
    pub(super) slot: SlotId,
    /// The key as JSON, with quotes and colon; absent in an element.
    pub(super) key: Option<Box<[u8]>>,
    /// The edit here and its index, where a path ends.
    pub(super) edit: Option<(Edit, usize)>,
    /// The index of the first edit here or below that sets something.
    pub(super) sets: Option<usize>,
    pub(super) children: Vec<usize>,
    /// The path of the first edit that sets something here or below.
    pub(super) target: Path,
}

impl Plan {
    pub(super) fn new(edits: &[(Path, Edit)], paths: &mut Paths) -> Self {
        let mut plan = Self { nodes: Vec::new(), roots: Vec::new() };
        // New members stand in the order in which they are set, whatever is removed beside them.
        for wanted in [Edit::Set, Edit::Remove] {
            let own = edits.iter().enumerate().filter(|(_, (_, edit))| *edit == wanted);
            own.for_each(|(index, (path, edit))| plan.add(index, path, *edit, paths));
        }
        plan
    }

    pub(super) fn roots(&self) -> &[usize] {
        &self.roots
    }

    pub(super) fn node(&self, id: usize) -> Option<&Node> {
        self.nodes.get(id)
    }

    fn add(&mut self, index: usize, path: &Path, edit: Edit, paths: &mut Paths) {
        let end = paths.add(path);
        let mut parent = None;
        for (depth, slot) in paths.way(end).into_iter().enumerate() {
            let siblings = parent
                .and_then(|parent| self.nodes.get(parent))
                .map_or(&self.roots, |node: &Node| &node.children);
            let same = |id: &usize| self.nodes.get(*id).is_some_and(|node| node.slot == slot);
            let id = siblings.iter().copied().find(same);
            let id = id.unwrap_or_else(|| self.push(parent, path, depth, slot));
            if edit == Edit::Set
                && let Some(node) = self.nodes.get_mut(id)
                && node.sets.is_none()
            {
                node.sets = Some(index);
                node.target.clone_from(path);
            }
            parent = Some(id);
        }
        if let Some(node) = parent.and_then(|id| self.nodes.get_mut(id))
            && node.edit.is_none()
        {
            node.edit = Some((edit, index));
        }
    }

    fn push(&mut self, parent: Option<usize>, path: &Path, depth: usize, slot: SlotId) -> usize {
        let id = self.nodes.len();
        self.nodes.push(Node {
            path: Path(path.0.iter().take(depth + 1).cloned().collect()),
            slot,
            key: path.0.get(depth).and_then(key),
            edit: None,
            sets: None,
            children: Vec::new(),
            target: path.clone(),
        });
        match parent.and_then(|parent| self.nodes.get_mut(parent)) {
            Some(node) => node.children.push(id),
            None => self.roots.push(id),
        }
        id
    }
}

fn key(segment: &Segment) -> Option<Box<[u8]>> {
    match segment {
        Segment::Key(key) => {
            let mut out = Vec::new();
            text::quote(key, &mut out);
            out.push(b':');
            Some(out.into())
        }
        Segment::Index(_) => None,
    }
}
