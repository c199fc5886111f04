//! Standard output, and how much of it somebody has.
//!
//! A commit may only follow what is written, and written is: flushed, and where it is a file, synchronised; where it is a
//! pipe, read by whoever is at its other end. What stands in a pipe whose reader goes away is lost, so it is not committed.

use std::collections::VecDeque;
use std::io;

use crate::cli::by_hand::{Kind, Standard};

/// One write: as much as a pipe holds.
pub(super) const WRITE_BYTES: usize = 64 << 10;

/// Where a record ends in the output.
#[derive(Debug)]
struct Mark<T> {
    /// Bytes from the begin of the output to the end of the record.
    end: u64,
    of: T,
}

/// The output; each record goes with a mark that comes back when somebody has it.
#[derive(Debug)]
pub(super) struct Out<T> {
    to: Standard,
    buffer: Vec<u8>,
    /// How much of the buffer is written.
    done: usize,
    /// Bytes of all buffers before.
    flushed: u64,
    /// Records that nobody is known to have yet, in order: those of the buffer, and of a pipe those in it.
    marks: VecDeque<Mark<T>>,
    /// Where each record of the buffer ends in it.
    ends: Vec<usize>,
    /// Records of all buffers before.
    records: u64,
    /// Why the file could not be synchronised once: Linux says so once only (fsync(2)), and what is lost then stays lost.
    unsynced: Option<io::ErrorKind>,
}

impl<T> Out<T> {
    /// Standard output.
    pub(super) fn of_process() -> io::Result<Self> {
        let to = Standard::of_process()?;
        // A run before this one may have ended within a line, by a full disk or a kill: its record comes again, whole.
        let buffer = if to.ends_within_a_line() { vec![b'\n'] } else { Vec::new() };
        Ok(Self { buffer, ..Self::to(to) })
    }

    fn to(to: Standard) -> Self {
        Self {
            to,
            buffer: Vec::new(),
            done: 0,
            flushed: 0,
            marks: VecDeque::new(),
            ends: Vec::new(),
            records: 0,
            unsynced: None,
        }
    }

    /// Whether nobody can tell how much of what is written was read.
    pub(super) fn is_socket(&self) -> bool {
        self.to.kind() == Kind::Socket
    }

    /// Where the next record is to be appended.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// The record ends where the buffer ends now. It takes the place of one that ends there too and that it `follows`: of
    /// records without output, however many, one mark per partition is kept.
    pub(super) fn mark(&mut self, of: T, follows: impl Fn(&T, &T) -> bool) {
        let end = self.flushed.saturating_add(bytes(self.buffer.len()));
        let mut here = self.marks.iter_mut().rev().take_while(|mark| mark.end == end);
        match here.find(|mark| follows(&of, &mark.of)) {
            Some(mark) => mark.of = of,
            None => self.marks.push_back(Mark { end, of }),
        }
    }

    /// A record that has a line ends where the buffer ends now.
    pub(super) fn count(&mut self) {
        self.ends.push(self.buffer.len());
    }

    /// Records that are written to their ends.
    pub(super) fn records(&self) -> u64 {
        self.records.saturating_add(bytes(self.ends.partition_point(|end| *end <= self.done)))
    }

    /// Whether it is time to write.
    pub(super) fn is_full(&self) -> bool {
        self.buffer.len() >= WRITE_BYTES
    }

    /// Writes some more of the buffer, waiting a moment for the reader of a pipe. Where a write fails, none of it is written.
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub(super) fn write_on(&mut self) -> io::Result<Wrote> {
        let rest = self.buffer.get(self.done..).unwrap_or_default();
        let count = if rest.is_empty() { 0 } else { self.to.write_some(rest)? };
        self.done += count;
        if self.done < self.buffer.len() {
            return Ok(if count == 0 { Wrote::Nothing } else { Wrote::Some });
        }
        self.flushed += bytes(self.done);
        self.records += bytes(self.ends.len());
        self.done = 0;
        self.buffer.clear();
        self.ends.clear();
        Ok(Wrote::All)
    }

    /// Bytes that are written.
    fn written(&self) -> u64 {
        self.flushed.saturating_add(bytes(self.done))
    }

    /// Takes the marks of what somebody has now. A file that could not be synchronised has nothing any more.
    pub(super) fn taken(&mut self, take: &mut dyn FnMut(T)) -> io::Result<()> {
        let had = match self.to.kind() {
            Kind::Pipe => self.written().saturating_sub(rustix::io::ioctl_fionread(&self.to)?),
            Kind::File => {
                if let Some(kind) = self.unsynced {
                    return Err(kind.into());
                }
                self.to.sync().inspect_err(|error| self.unsynced = Some(error.kind()))?;
                self.written()
            }
            // A group never goes with a socket.
            Kind::Terminal | Kind::Socket | Kind::Other => self.written(),
        };
        while self.marks.front().is_some_and(|mark| mark.end <= had) {
            if let Some(mark) = self.marks.pop_front() {
                take(mark.of);
            }
        }
        Ok(())
    }

    /// Whether nothing of what is written waits for a reader.
    pub(super) fn is_taken(&self) -> bool {
        self.marks.front().is_none_or(|mark| mark.end > self.written())
    }

    /// Whether the reader of a pipe is there.
    pub(super) fn has_reader_now(&self) -> bool {
        self.to.has_reader_now()
    }

    /// Waits a moment for the reader of a pipe; whether it is still there.
    pub(super) fn has_reader_yet(&self) -> bool {
        self.to.has_reader_yet()
    }
}

/// How far a write came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrote {
    /// The buffer is empty.
    All,
    /// There is more.
    Some,
    /// It takes nothing now: a pipe is full, a terminal halted.
    Nothing,
}

fn bytes(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::OwnedFd;

    use super::*;

    #[test]
    fn records_without_output_keep_one_mark_per_partition_while_one_with_output_is_unread() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut out = Out::to(Standard::of(File::from(OwnedFd::from(writer))).unwrap());
        let same = |a: &(i32, i64), b: &(i32, i64)| a.0 == b.0;
        out.buffer().push(b'x');
        out.mark((0, 0), same);
        assert_eq!(out.write_on().unwrap(), Wrote::All);
        for offset in 1..10_000 {
            out.mark((i32::try_from(offset % 3).unwrap(), offset), same);
        }
        assert_eq!(out.marks.len(), 3);
        let mut had = Vec::new();
        out.taken(&mut |mark| had.push(mark)).unwrap();
        assert_eq!((had.as_slice(), out.is_taken()), (&[][..], false));
        io::Read::read_exact(&mut reader, &mut [0]).unwrap();
        out.taken(&mut |mark| had.push(mark)).unwrap();
        had.sort_unstable();
        assert_eq!(had, [(0, 9_999), (1, 9_997), (2, 9_998)]);
    }

    #[test]
    fn a_file_that_could_not_be_synchronised_once_has_nothing_any_more() {
        // A regular file, and `fdatasync` refuses it.
        let refuses = File::options().write(true).open("/proc/self/comm").unwrap();
        let mut out = Out::to(Standard::of(refuses).unwrap());
        assert_eq!(out.to.kind(), Kind::File);
        out.buffer().push(b'x');
        out.mark(1, |_, _| false);
        assert_eq!(out.write_on().unwrap(), Wrote::All);
        let mut had = Vec::new();
        out.taken(&mut |mark| had.push(mark)).unwrap_err();
        // As Linux does it: the next call succeeds.
        out.to = Standard::of(tempfile::tempfile().unwrap()).unwrap();
        out.to.sync().unwrap();
        out.taken(&mut |mark| had.push(mark)).unwrap_err();
        assert_eq!((had.as_slice(), out.is_taken()), (&[][..], false));
    }

    #[test]
    fn what_a_full_pipe_has_taken_counts_when_it_is_read_and_the_rest_is_written_on() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut out = Out::to(Standard::of(File::from(OwnedFd::from(writer))).unwrap());
        let all = 4 << 20;
        out.buffer().resize(10, b'x');
        out.mark(7, |_, _| false);
        out.buffer().resize(all, b'x');
        out.mark(8, |_, _| false);
        while out.write_on().unwrap() != Wrote::Nothing {}
        let mut had = Vec::new();
        out.taken(&mut |mark| had.push(mark)).unwrap();
        assert_eq!((had.as_slice(), out.is_taken()), (&[][..], false));
        io::Read::read_exact(&mut reader, &mut [0; 10]).unwrap();
        out.taken(&mut |mark| had.push(mark)).unwrap();
        // The other record stands in it in part.
        assert_eq!((had.as_slice(), out.is_taken()), (&[7][..], true));
        let rest = std::thread::spawn(move || {
            let mut rest = vec![0; all - 10];
            io::Read::read_exact(&mut reader, &mut rest).unwrap();
            (reader, rest)
        });
        while out.write_on().unwrap() != Wrote::All {}
        let (_reader, rest) = rest.join().unwrap();
        assert!(rest.iter().all(|byte| *byte == b'x'));
        out.taken(&mut |mark| had.push(mark)).unwrap();
        assert_eq!((had.as_slice(), out.is_taken()), (&[7, 8][..], true));
    }
}
