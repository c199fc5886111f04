//! Lines of a file or of standard input, read by a thread of their own: a signal ends the command though nobody types.
//!
//! Memory is bounded: some chunks of what one `read` gave, each with the rest of a line at most.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::cli::Misuse;

/// What one read asks for.
const READ_BYTES: usize = 256 << 10;
/// Twice the largest record that is sent, as base64 and more.
pub(super) const LINE_BYTES_MAX: usize = 32 << 20;
/// Chunks between the reader and the sender: one that waits, besides the two that are worked on.
const CHUNKS_MAX: usize = 1;

/// Whole lines, and the line break behind each.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    bytes: Vec<u8>,
    /// The first line's number, from 1.
    first: u64,
}

impl Chunk {
    /// Each line with its number, without its line break.
    pub(super) fn lines(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let text = self.bytes.strip_suffix(b"\n").unwrap_or(&self.bytes);
        let bare = |line: &'_ [u8]| -> usize { line.strip_suffix(b"\r").unwrap_or(line).len() };
        let lines = text.split(|byte| *byte == b'\n');
        lines
            .map(move |line| line.get(..bare(line)).unwrap_or(line))
            .zip(self.first..)
            .map(|(line, number)| (number, line))
    }
}

/// What came from the input.
#[derive(Debug)]
pub(super) enum Next {
    /// Lines.
    Lines(Chunk),
    /// Nothing yet.
    Nothing,
    /// No more will come.
    End,
    /// It cannot be read on; the lines before came.
    Broken(String),
}

/// Where lines come from.
#[derive(Debug)]
pub(super) struct Input(Receiver<Result<Chunk, String>>);

impl Input {
    /// Opens the file, or standard input where there is none, and reads ahead a little.
    pub(super) fn open(file: Option<&Path>) -> Result<Self> {
        let from: Box<dyn Read + Send> = match file {
            None => Box::new(io::stdin()),
            Some(path) if path == Path::new("-") => Box::new(io::stdin()),
            Some(path) => Box::new(
                File::open(path)
                    .with_context(|| Misuse(format!("cannot read {}", path.display())))?,
            ),
        };
        let (sender, receiver) = sync_channel(CHUNKS_MAX);
        let thread = std::thread::Builder::new().name("input".to_owned());
        thread.spawn(move || read_all(from, &sender)).context("a thread for the input")?;
        Ok(Self(receiver))
    }

    /// The next lines, waiting for them up to `wait`.
    pub(super) fn next(&self, wait: Duration) -> Next {
        match self.0.recv_timeout(wait) {
            Ok(Ok(chunk)) => Next::Lines(chunk),
            Ok(Err(why)) => Next::Broken(why),
            Err(RecvTimeoutError::Timeout) => Next::Nothing,
            Err(RecvTimeoutError::Disconnected) => Next::End,
        }
    }
}

/// Until the end, or until nobody listens any more.
fn read_all(mut from: impl Read, to: &SyncSender<Result<Chunk, String>>) {
    let mut rest = Vec::new();
    let mut line = 1_u64;
    loop {
        let begin = rest.len();
        rest.resize(begin + READ_BYTES, 0);
        let count = match from.read(rest.get_mut(begin..).unwrap_or_default()) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                rest.truncate(begin);
                continue;
            }
            Err(error) => {
                // Nobody listens: the command has ended.
                drop(to.send(Err(format!(
                    "the input cannot be read behind line {}: {error}",
                    line - 1
                ))));
                return;
            }
        };
        rest.truncate(begin + count);
        let end = if count == 0 { rest.len() } else { last_break(&rest, begin) };
        if end > 0 {
            let behind = rest.split_off(end);
            let bytes = std::mem::replace(&mut rest, behind);
            let breaks = memchr::memchr_iter(b'\n', &bytes).count();
            let chunk = Chunk { bytes, first: line };
            line += u64::try_from(breaks).unwrap_or(u64::MAX);
            if to.send(Ok(chunk)).is_err() {
                return;
            }
        }
        if count == 0 {
            return;
        }
        if rest.len() > LINE_BYTES_MAX {
            let megabytes = LINE_BYTES_MAX >> 20;
            drop(to.send(Err(format!("line {line} is longer than {megabytes} MiB"))));
            return;
        }
    }
}

/// Behind the last line break; none lies before `begin`.
fn last_break(bytes: &[u8], begin: usize) -> usize {
    let fresh = bytes.get(begin..).unwrap_or_default();
    fresh.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| begin + at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_that_is_interrupted_is_no_end() {
        struct Interrupted(Parts, bool);
        impl Read for Interrupted {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                self.1 = !self.1;
                if self.1 { Err(io::ErrorKind::Interrupted.into()) } else { self.0.read(into) }
            }
        }
        let (sender, receiver) = sync_channel(8);
        read_all(Interrupted(Parts(vec![b"12", b"34\n", b"5"]), false), &sender);
        drop(sender);
        let chunks: Vec<_> = receiver.iter().map(|chunk| chunk.unwrap().bytes).collect();
        assert_eq!(chunks.concat(), b"1234\n5");
        assert_eq!(chunks[0], b"1234\n");
    }

    /// Gives its parts one by one, however much is asked for.
    struct Parts(Vec<&'static [u8]>);

    impl Read for Parts {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Ok(0);
            }
            let part = self.0.remove(0);
            into[..part.len()].copy_from_slice(part);
            Ok(part.len())
        }
    }

    fn lines(from: impl Read + Send + 'static) -> Vec<Result<(u64, String), String>> {
        let (sender, receiver) = sync_channel(CHUNKS_MAX);
        let thread = std::thread::spawn(move || read_all(from, &sender));
        let mut found = Vec::new();
        for chunk in receiver {
            match chunk {
                Ok(chunk) => found.extend(chunk.lines().map(|(number, line)| {
                    Ok((number, String::from_utf8_lossy(line).into_owned()))
                })),
                Err(why) => found.push(Err(why)),
            }
        }
        thread.join().unwrap();
        found
    }

    fn said(lines: &[(u64, &str)]) -> Vec<Result<(u64, String), String>> {
        lines.iter().map(|(number, text)| Ok((*number, (*text).to_owned()))).collect()
    }

    #[test]
    fn lines_are_whole_and_numbered_however_they_come() {
        let parts: Vec<&[u8]> = vec![b"on", b"e\ntwo\r\n\nfo", b"ur", b"\n", b"last"];
        let wanted = said(&[(1, "one"), (2, "two"), (3, ""), (4, "four"), (5, "last")]);
        assert_eq!(lines(Parts(parts)), wanted);
        assert_eq!(lines(Parts(vec![])), []);
        assert_eq!(lines(Parts(vec![b"\n"])), said(&[(1, "")]));
    }

    #[test]
    fn a_line_without_an_end_is_refused_before_it_fills_the_memory() {
        let first = io::Cursor::new(b"fine\n").chain(io::repeat(b'x'));
        let found = lines(first);
        assert_eq!(found[..1], said(&[(1, "fine")]));
        assert_eq!(found[1..], [Err("line 2 is longer than 32 MiB".to_owned())]);
    }
}
