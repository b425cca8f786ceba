//! Damage to files.

use proptest::prelude::*;

/// One change to a file.
#[derive(Debug, Clone)]
pub enum Change {
    Flip { at: u32, bit: u8 },
    Set { at: u32, value: u8 },
    Cut { at: u32, length: u16 },
    Repeat { at: u32, length: u16, times: u8 },
    Insert { at: u32, word: u8 },
    Splice { from: u8, at: u32, source: u32, length: u16 },
    Number { at: u32, value: u8 },
    End { at: u32 },
}

/// Words that mean something to one of the readers.
const WORDS: [&[u8]; 24] = [
    b"[[",
    b"]]",
    b"{",
    b"}",
    b"\"",
    b"\\",
    b"'",
    b"=",
    b",",
    b"\n",
    b"null",
    b"nan",
    b"inf",
    b"-0",
    b"1e999",
    b"0x10",
    b"99999999999999999999",
    b"-1",
    b"[[operator]]\n",
    b"TFL3",
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\x00\x00\x00\x00",
    b"\xe2\x80\xae",
];

/// Numbers at the edges.
const NUMBERS: [&[u8]; 10] = [
    b"0",
    b"-1",
    b"1",
    b"2147483648",
    b"4294967296",
    b"9223372036854775807",
    b"18446744073709551615",
    b"1e308",
    b"-9223372036854775808",
    b"0.5",
];

pub fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<u32>(), 0..8u8).prop_map(|(at, bit)| Change::Flip { at, bit }),
        (any::<u32>(), any::<u8>()).prop_map(|(at, value)| Change::Set { at, value }),
        (any::<u32>(), 1..64u16).prop_map(|(at, length)| Change::Cut { at, length }),
        (any::<u32>(), 1..256u16, 1..40u8).prop_map(|(at, length, times)| Change::Repeat {
            at,
            length,
            times
        }),
        (any::<u32>(), any::<u8>()).prop_map(|(at, word)| Change::Insert { at, word }),
        (any::<u8>(), any::<u32>(), any::<u32>(), 1..400u16)
            .prop_map(|(from, at, source, length)| Change::Splice { from, at, source, length }),
        (any::<u32>(), any::<u8>()).prop_map(|(at, value)| Change::Number { at, value }),
        any::<u32>().prop_map(|at| Change::End { at }),
    ]
}

pub fn apply(corpus: &[Vec<u8>], pick: usize, changes: &[Change]) -> Vec<u8> {
    let mut bytes = corpus[pick % corpus.len()].clone();
    for change in changes {
        let length = bytes.len();
        if length == 0 {
            break;
        }
        let place = |at: u32| at as usize % length;
        let end = |at: u32, size: u16| (place(at) + usize::from(size)).min(length);
        match *change {
            Change::Flip { at, bit } => bytes[place(at)] ^= 1 << bit,
            Change::Set { at, value } => bytes[place(at)] = value,
            Change::Cut { at, length } => drop(bytes.drain(place(at)..end(at, length))),
            Change::Repeat { at, length, times } => {
                let part = bytes[place(at)..end(at, length)].repeat(usize::from(times));
                bytes.splice(place(at)..place(at), part);
            }
            Change::Insert { at, word } => {
                bytes.splice(place(at)..place(at), WORDS[usize::from(word) % WORDS.len()].iter().copied());
            }
            Change::Splice { from, at, source, length } => {
                let other = &corpus[usize::from(from) % corpus.len()];
                if !other.is_empty() {
                    let start = source as usize % other.len();
                    let part = other[start..(start + usize::from(length)).min(other.len())].to_vec();
                    bytes.splice(place(at)..place(at), part);
                }
            }
            Change::Number { at, value } => {
                // The next number in the text becomes another one.
                let start = place(at);
                let digits = bytes[start..].iter().position(u8::is_ascii_digit).map(|i| start + i);
                if let Some(first) = digits {
                    let last =
                        bytes[first..].iter().position(|b| !b.is_ascii_digit()).map_or(length, |i| first + i);
                    bytes.splice(first..last, NUMBERS[usize::from(value) % NUMBERS.len()].iter().copied());
                }
            }
            Change::End { at } => bytes.truncate(place(at)),
        }
        bytes.truncate(1 << 20);
    }
    bytes
}
