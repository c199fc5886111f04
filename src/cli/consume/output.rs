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
    /// Bytes that are flushed.
    flushed: u64,
    /// Records that nobody is known to have yet, in order: those of the buffer, and of a pipe those in it.
    marks: VecDeque<Mark<T>>,
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
        Self { to, buffer: Vec::new(), flushed: 0, marks: VecDeque::new() }
    }

    /// Where the next record is to be appended.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// The record ends where the buffer ends now. It takes the place of one that ends there too and that it `follows`: of
    /// records without output, however many, one mark per partition is kept.
    pub(super) fn mark(&mut self, of: T, follows: impl Fn(&T, &T) -> bool) {
        let end = self.flushed.saturating_add(u64::try_from(self.buffer.len()).unwrap_or(u64::MAX));
        let mut here = self.marks.iter_mut().rev().take_while(|mark| mark.end == end);
        match here.find(|mark| follows(&of, &mark.of)) {
            Some(mark) => mark.of = of,
            None => self.marks.push_back(Mark { end, of }),
        }
    }

    /// Whether it is time to write.
    pub(super) fn is_full(&self) -> bool {
        self.buffer.len() >= WRITE_BYTES
    }

    /// Writes the buffer. Where that fails, nobody knows how much of it somebody has: none of its records counts.
    ///
    /// # Errors
    ///
    /// Those of the file; `BrokenPipe` where a pipe is full, nobody reads it, and the command is to stop.
    pub(super) fn flush(&mut self, stopping: &dyn Fn() -> bool) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.to.write_all(&self.buffer, stopping)?;
        self.flushed += u64::try_from(self.buffer.len()).unwrap_or(0);
        self.buffer.clear();
        Ok(())
    }

    /// Takes the marks of what somebody has now.
    pub(super) fn taken(&mut self, take: &mut dyn FnMut(T)) -> io::Result<()> {
        let had = match self.to.kind() {
            Kind::Pipe => self.flushed.saturating_sub(rustix::io::ioctl_fionread(&self.to)?),
            Kind::File => {
                self.to.sync()?;
                self.flushed
            }
            Kind::Other => self.flushed,
        };
        while self.marks.front().is_some_and(|mark| mark.end <= had) {
            if let Some(mark) = self.marks.pop_front() {
                take(mark.of);
            }
        }
        Ok(())
    }

    /// Whether nothing of what is flushed waits for a reader.
    pub(super) fn is_taken(&self) -> bool {
        self.marks.front().is_none_or(|mark| mark.end > self.flushed)
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
        out.flush(&|| false).unwrap();
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
    fn a_full_pipe_is_given_up_when_the_command_is_to_stop() {
        let (reader, writer) = io::pipe().unwrap();
        let mut out = Out::to(Standard::of(File::from(OwnedFd::from(writer))).unwrap());
        out.buffer().resize(4 << 20, b'x');
        out.mark(7, |_, _| false);
        let error = out.flush(&|| true).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        assert!(out.is_taken(), "nothing of it counts as flushed");
        drop(reader);
    }
}
