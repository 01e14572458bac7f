//! Reads a QR code from the path of its SVG (ISO/IEC 18004), as a phone's camera would: versions 2 to 6 at level M, in full health.

use super::Page;

/// Blocks and data codewords of each, at level M, from version 2 on.
const BLOCKS: [(usize, usize); 5] = [(1, 28), (1, 44), (2, 32), (2, 43), (4, 27)];

const ALPHANUMERIC: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

/// The text of the code that a page shows.
pub(crate) fn text_of(page: &Page) -> String {
    let width = page.attribute("#code rect", "width").parse().expect("a number");
    text_of_path(&page.attribute("#code path", "d"), width)
}

/// The same, of a path in a square of that width, quiet zone included.
pub(crate) fn text_of_path(path: &str, width: usize) -> String {
    let side = width.checked_sub(8).expect("a zone");
    let mut dark = vec![vec![false; side]; side];
    for run in path.split('M').skip(1) {
        let (at, rest) = run.split_once('h').expect("a run");
        let (x, y) = at.split_once(' ').expect("a place");
        let (x, y): (usize, usize) = (x.parse().expect("x"), y.parse().expect("y"));
        let length: usize = rest.split_once('v').expect("a height").0.parse().expect("a length");
        dark[y - 4][x - 4..x - 4 + length].fill(true);
    }
    read(&dark)
}

fn read(dark: &[Vec<bool>]) -> String {
    let side = dark.len();
    let version = (side - 17) / 4;
    let (blocks, each) = *BLOCKS.get(version - 2).expect("a version from 2 to 6");
    // The mask is said beside the first finder.
    let format = [(0, 8), (1, 8), (2, 8), (3, 8), (4, 8)]
        .iter()
        .fold(0, |bits, (x, y)| bits << 1 | u8::from(dark[*y][*x]));
    let mask = (format ^ 0b10101) & 0b111;
    let flips = |x: usize, y: usize| match mask {
        0 => (x + y).is_multiple_of(2),
        1 => y.is_multiple_of(2),
        2 => x.is_multiple_of(3),
        3 => (x + y).is_multiple_of(3),
        4 => (y / 2 + x / 3).is_multiple_of(2),
        5 => (x * y) % 2 + (x * y) % 3 == 0,
        6 => ((x * y) % 2 + (x * y) % 3).is_multiple_of(2),
        _ => ((x + y) % 2 + (x * y) % 3).is_multiple_of(2),
    };
    let centre = side - 7;
    let is_data = |x: usize, y: usize| {
        let finder = (x < 9 && (y < 9 || y >= side - 8)) || (x >= side - 8 && y < 9);
        let alignment = x.abs_diff(centre) <= 2 && y.abs_diff(centre) <= 2;
        !finder && !alignment && x != 6 && y != 6
    };
    let mut bits = Vec::new();
    let (mut right, mut up) = (side - 1, true);
    loop {
        for step in 0..side {
            let y = if up { side - 1 - step } else { step };
            for x in [right, right - 1] {
                if is_data(x, y) {
                    bits.push(dark[y][x] != flips(x, y));
                }
            }
        }
        up = !up;
        right = match right {
            8 => 5,
            1 => break,
            other => other - 2,
        };
    }
    let word = |at: usize| bits[at * 8..at * 8 + 8].iter().fold(0_u8, |sum, bit| sum << 1 | u8::from(*bit));
    // Codewords of all blocks take turns.
    let mut data = Vec::new();
    for block in 0..blocks {
        data.extend((0..each).map(|at| word(at * blocks + block)));
    }
    segments(&data)
}

fn segments(data: &[u8]) -> String {
    let (mut at, mut text) = (0, Vec::new());
    let mut take = |count: usize| {
        let taken = (at..at + count)
            .fold(0_usize, |sum, bit| sum << 1 | usize::from(data[bit / 8] >> (7 - bit % 8) & 1));
        at += count;
        taken
    };
    loop {
        match take(4) {
            1 => {
                let mut left = take(10);
                while left > 0 {
                    let digits = left.min(3);
                    let value = take(digits * 3 + 1);
                    text.extend(format!("{value:0digits$}").bytes());
                    left -= digits;
                }
            }
            2 => {
                let mut left = take(9);
                while left > 1 {
                    let pair = take(11);
                    text.extend([ALPHANUMERIC[pair / 45], ALPHANUMERIC[pair % 45]]);
                    left -= 2;
                }
                if left == 1 {
                    text.push(ALPHANUMERIC[take(6)]);
                }
            }
            4 => {
                for _ in 0..take(8) {
                    text.push(u8::try_from(take(8)).expect("a byte"));
                }
            }
            _ => return String::from_utf8(text).expect("UTF-8"),
        }
    }
}
