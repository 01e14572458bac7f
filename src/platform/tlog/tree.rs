//! The Merkle tree over tiles: a tile holds the hashes of 256 complete subtrees side by side, of leaves in level 0, of whole tiles of the
//! level below in the others (C2SP tlog-tiles). Every hash of the tree is computed from one tile.
//!
//! What asks for hashes runs twice: once to learn which tiles it needs, and once with those tiles. So tiles come from the database in
//! one statement.

use std::collections::{BTreeMap, BTreeSet};

use super::hash::Hash;

/// Hashes in a full tile.
pub const TILE: usize = 256;

/// Levels of the tree to a level of tiles.
const HEIGHT: u32 = 8;

/// Where a tile is: its level, and its number in it.
pub(super) type Place = (u8, u64);

/// Tiles by their places.
pub(super) type Tiles = BTreeMap<Place, Vec<Hash>>;

/// A tile lacks a hash that the tree of that size has.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("tile {} of level {} lacks a hash", .0.1, .0.0)]
pub(super) struct Missing(pub(super) Place);

/// Reads hashes of complete subtrees: `height` levels above the leaves, the `index`th from the left.
trait Nodes {
    fn node(&mut self, height: u32, index: u64) -> Result<Hash, Missing>;
}

/// Notes which tiles would be read.
#[derive(Default)]
struct Needed(BTreeSet<Place>);

impl Nodes for Needed {
    fn node(&mut self, height: u32, index: u64) -> Result<Hash, Missing> {
        self.0.insert(place(height, index).0);
        Ok(Hash::default())
    }
}

impl Nodes for &Tiles {
    fn node(&mut self, height: u32, index: u64) -> Result<Hash, Missing> {
        let (place, from, count) = place(height, index);
        let tile = self.get(&place).ok_or(Missing(place))?;
        let hashes = tile.get(from..from + count).ok_or(Missing(place))?;
        Ok(combined(hashes))
    }
}

/// The tile that a subtree's hash is computed from, and which of its hashes.
fn place(height: u32, index: u64) -> (Place, usize, usize) {
    let (level, above) = (height / HEIGHT, height % HEIGHT);
    let first = index << above;
    let tile = first / TILE as u64;
    ((level as u8, tile), (first % TILE as u64) as usize, 1 << above)
}

/// The root of a complete subtree over these hashes, whose number is a power of two.
fn combined(hashes: &[Hash]) -> Hash {
    match hashes {
        [one] => *one,
        _ => {
            let (left, right) = hashes.split_at(hashes.len() / 2);
            Hash::of_node(&combined(left), &combined(right))
        }
    }
}

/// The largest power of two below `n`, which is at least 2.
fn split(n: u64) -> u64 {
    1 << (n - 1).ilog2()
}

/// The hash of the leaves from `low` to `high` (exclusive), which are a subtree of the tree.
fn range(nodes: &mut impl Nodes, low: u64, high: u64) -> Result<Hash, Missing> {
    let n = high - low;
    if n.is_power_of_two() {
        return nodes.node(n.trailing_zeros(), low / n);
    }
    let k = split(n);
    Ok(Hash::of_node(&range(nodes, low, low + k)?, &range(nodes, low + k, high)?))
}

/// `PATH` of RFC 9162 §2.1.3.1.
fn path(nodes: &mut impl Nodes, index: u64, low: u64, high: u64, out: &mut Vec<Hash>) -> Result<(), Missing> {
    if high - low == 1 {
        return Ok(());
    }
    let middle = low + split(high - low);
    if index < middle {
        path(nodes, index, low, middle, out)?;
        out.push(range(nodes, middle, high)?);
    } else {
        path(nodes, index, middle, high, out)?;
        out.push(range(nodes, low, middle)?);
    }
    Ok(())
}

/// `SUBPROOF` of RFC 9162 §2.1.4.1.
fn subproof(
    nodes: &mut impl Nodes,
    first: u64,
    (low, high): (u64, u64),
    known: bool,
    out: &mut Vec<Hash>,
) -> Result<(), Missing> {
    if first == high {
        if !known {
            out.push(range(nodes, low, high)?);
        }
        return Ok(());
    }
    let middle = low + split(high - low);
    if first <= middle {
        subproof(nodes, first, (low, middle), known, out)?;
        out.push(range(nodes, middle, high)?);
    } else {
        subproof(nodes, first, (middle, high), false, out)?;
        out.push(range(nodes, low, middle)?);
    }
    Ok(())
}

/// What is asked of a tree of a size.
#[derive(Clone, Copy, Debug)]
pub(super) enum Question {
    /// Its root.
    Root(u64),
    /// The path from a leaf to the root: index and size.
    Inclusion(u64, u64),
    /// The proof that a tree of the first size is the beginning of one of the second.
    Consistency(u64, u64),
}

impl Question {
    fn answer(self, nodes: &mut impl Nodes) -> Result<Vec<Hash>, Missing> {
        let mut out = Vec::new();
        match self {
            Self::Root(0) => out.push(Hash::of_nothing()),
            Self::Root(size) => out.push(range(nodes, 0, size)?),
            Self::Inclusion(index, size) if index < size => path(nodes, index, 0, size, &mut out)?,
            Self::Consistency(first, size) if 0 < first && first < size => {
                subproof(nodes, first, (0, size), true, &mut out)?;
            }
            Self::Inclusion(..) | Self::Consistency(..) => {}
        }
        Ok(out)
    }

    /// The tiles that the answer is computed from.
    pub(super) fn needs(self) -> BTreeSet<Place> {
        let mut needed = Needed::default();
        let _ = self.answer(&mut needed);
        needed.0
    }

    /// The answer.
    ///
    /// # Errors
    /// [`Missing`] when these tiles are not those of such a tree.
    pub(super) fn of(self, tiles: &Tiles) -> Result<Vec<Hash>, Missing> {
        self.answer(&mut &*tiles)
    }
}

/// The tiles at the right edge of a tree that are not full: what the next leaf goes into.
pub(super) fn edge(size: u64) -> Vec<Place> {
    let mut places = Vec::new();
    let (mut level, mut count) = (0, size);
    while count > 0 {
        if !count.is_multiple_of(TILE as u64) {
            places.push((level, count / TILE as u64));
        }
        count /= TILE as u64;
        level += 1;
    }
    places
}

/// Appends leaves to a tree of `size` whose edge is `tiles`. The tiles that were changed stay in the map, whole.
///
/// # Errors
/// [`Missing`] when these are not the edge.
pub(super) fn append(tiles: &mut Tiles, size: u64, leaves: &[Hash]) -> Result<(), Missing> {
    for (index, leaf) in (size..).zip(leaves) {
        let (mut level, mut at, mut hash) = (0_u8, index, *leaf);
        loop {
            let place = (level, at / TILE as u64);
            let tile = tiles.entry(place).or_default();
            if tile.len() as u64 != at % TILE as u64 {
                return Err(Missing(place));
            }
            tile.push(hash);
            if tile.len() < TILE {
                break;
            }
            (level, at, hash) = (level + 1, at / TILE as u64, combined(tile));
        }
    }
    Ok(())
}

/// Whether a leaf's hash and a path lead to the root of a tree (RFC 9162 §2.1.3.2).
pub(super) fn is_included(leaf: Hash, (index, size): (u64, u64), path: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut fnode, mut snode, mut hash) = (index, size - 1, leaf);
    for next in path {
        if snode == 0 {
            return false;
        }
        if fnode & 1 == 1 || fnode == snode {
            hash = Hash::of_node(next, &hash);
            while fnode & 1 == 0 && fnode != 0 {
                fnode >>= 1;
                snode >>= 1;
            }
        } else {
            hash = Hash::of_node(&hash, next);
        }
        fnode >>= 1;
        snode >>= 1;
    }
    snode == 0 && hash == *root
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// `MTH` of RFC 9162 §2.1.1, from the leaves.
    pub(in super::super) fn root_of(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Hash::of_nothing(),
            [one] => *one,
            _ => {
                let (left, right) = leaves.split_at(split(leaves.len() as u64) as usize);
                Hash::of_node(&root_of(left), &root_of(right))
            }
        }
    }

    fn leaves(n: u64) -> Vec<Hash> {
        (0..n).map(|index| Hash::of_leaf(&index.to_be_bytes())).collect()
    }

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn rfc9162_2_1_1_roots_are_those_of_the_published_vectors() {
        // The leaves and roots that implementations of RFC 6962 and 9162 test each other with.
        let inputs = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ];
        let roots = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let hashes: Vec<Hash> = inputs.iter().map(|input| Hash::of_leaf(&hex(input))).collect();
        for (size, root) in roots.iter().enumerate() {
            assert_eq!(root_of(&hashes[..size]).0[..], hex(root)[..], "{size}");
            let mut tiles = Tiles::new();
            append(&mut tiles, 0, &hashes[..size]).unwrap();
            assert_eq!(Question::Root(size as u64).of(&tiles).unwrap()[0].0[..], hex(root)[..], "{size}");
        }
        // The example of §2.1.5: the path of the leaf d0 in a tree of seven is b, h, l; of d6 it is k alone.
        let mut tiles = Tiles::new();
        append(&mut tiles, 0, &hashes[..7]).unwrap();
        let (b, h) = (hashes[1], root_of(&hashes[2..4]));
        let l = root_of(&hashes[4..7]);
        assert_eq!(Question::Inclusion(0, 7).of(&tiles).unwrap(), [b, h, l]);
        assert_eq!(
            Question::Inclusion(6, 7).of(&tiles).unwrap(),
            [root_of(&hashes[4..6]), root_of(&hashes[..4])]
        );
        // And the proof between the trees of three and of seven: c, d, g, l.
        let g = root_of(&hashes[..2]);
        assert_eq!(Question::Consistency(3, 7).of(&tiles).unwrap(), [hashes[2], hashes[3], g, l]);
    }

    #[test]
    fn rfc9162_2_1_3_every_leaf_of_every_tree_has_a_path_and_no_other_has() {
        let all = leaves(70);
        for size in 1..=70_u64 {
            let mut tiles = Tiles::new();
            append(&mut tiles, 0, &all[..size as usize]).unwrap();
            let root = Question::Root(size).of(&tiles).unwrap()[0];
            assert_eq!(root, root_of(&all[..size as usize]));
            for index in 0..size {
                let path = Question::Inclusion(index, size).of(&tiles).unwrap();
                let leaf = all[index as usize];
                assert!(is_included(leaf, (index, size), &path, &root), "{index} of {size}");
                assert!(!is_included(leaf, (index + 1, size), &path, &root), "{index} of {size}");
                assert!(!is_included(root, (index, size), &path, &root) || size == 1);
                let longer = [&path[..], &[root]].concat();
                assert!(!is_included(leaf, (index, size), &longer, &root));
                if let Some((_, shorter)) = path.split_last() {
                    assert!(!is_included(leaf, (index, size), shorter, &root));
                }
            }
        }
    }

    #[test]
    fn a_tree_of_many_tiles_grows_in_batches_of_any_size_and_reads_few_of_them() {
        let all = leaves(70_000);
        let (mut stored, mut size) = (Tiles::new(), 0);
        for batch in [1, 255, 1, 300, 65_000, 4_000, 443] {
            let mut edge: Tiles =
                edge(size).into_iter().map(|place| (place, stored[&place].clone())).collect();
            append(&mut edge, size, &all[size as usize..size as usize + batch]).unwrap();
            let root = Question::Root(size + batch as u64).of(&edge).unwrap();
            size += batch as u64;
            assert_eq!(root[0], root_of(&all[..size as usize]), "{size}");
            stored.extend(edge);
        }
        assert_eq!(size, 70_000);
        assert!(stored.values().all(|tile| !tile.is_empty() && tile.len() <= TILE));
        let root = root_of(&all);
        for index in [0, 1, 255, 256, 40_000, 65_535, 65_536, 69_999] {
            let question = Question::Inclusion(index, size);
            assert!(question.needs().len() <= 6, "{:?}", question.needs());
            let read: Tiles =
                question.needs().into_iter().map(|place| (place, stored[&place].clone())).collect();
            assert!(is_included(all[index as usize], (index, size), &question.of(&read).unwrap(), &root));
        }
        // In a tree of a hundred million a proof reads no more than two tiles of each level.
        assert!((0..100).all(|n| Question::Inclusion(n * 999_983, 100_000_000).needs().len() <= 8));
        let lacking = Tiles::new();
        assert!(Question::Root(3).of(&lacking).is_err());
        assert!(append(&mut Tiles::new(), 5, &all[..1]).is_err());
    }
}
