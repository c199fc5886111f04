//! Standard output, and how much of it somebody has.
//!
//! A commit may only follow what is written, and written is: flushed, and where it is a file, synchronised; where it is a
//! pipe, read by whoever is at its other end. What stands in a pipe whose reader goes away is lost, so it is not committed.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::FileType;

/// One write: as much as a pipe holds.
pub(super) const WRITE_BYTES: usize = 64 << 10;

/// What standard output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// What is written may still be read, or not.
    Pipe,
    /// What is written may be lost until it is synchronised.
    File,
    /// A terminal, a device.
    Other,
}

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
    file: File,
    kind: Kind,
    buffer: Vec<u8>,
    /// Bytes that are flushed.
    flushed: u64,
    /// Records that nobody is known to have yet, in order: those of the buffer, and of a pipe those in it.
    marks: VecDeque<Mark<T>>,
}

/// A wait for a reader, after which the caller looks whether to stop.
const READER_WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };

impl<T> Out<T> {
    /// Standard output.
    pub(super) fn of_process() -> io::Result<Self> {
        // Not by `io::Stdout`, which keeps lines for itself.
        let file = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let kind = match FileType::from_raw_mode(rustix::fs::fstat(&file)?.st_mode) {
            FileType::Fifo => Kind::Pipe,
            FileType::RegularFile => Kind::File,
            FileType::Directory
            | FileType::Symlink
            | FileType::Socket
            | FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Unknown => Kind::Other,
        };
        Ok(Self { file, kind, buffer: Vec::new(), flushed: 0, marks: VecDeque::new() })
    }

    /// Where the next record is to be appended.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// The record ends where the buffer ends now.
    pub(super) fn mark(&mut self, of: T) {
        let end = self.flushed.saturating_add(u64::try_from(self.buffer.len()).unwrap_or(u64::MAX));
        self.marks.push_back(Mark { end, of });
    }

    /// Whether it is time to write.
    pub(super) fn is_full(&self) -> bool {
        self.buffer.len() >= WRITE_BYTES
    }

    /// Writes the buffer. Where that fails, nobody knows how much of it somebody has: none of its records counts.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.file.write_all(&self.buffer)?;
        self.flushed += u64::try_from(self.buffer.len()).unwrap_or(0);
        self.buffer.clear();
        Ok(())
    }

    /// Takes the marks of what somebody has now.
    pub(super) fn taken(&mut self, take: &mut dyn FnMut(T)) -> io::Result<()> {
        let had = match self.kind {
            Kind::Pipe => self.flushed.saturating_sub(rustix::io::ioctl_fionread(&self.file)?),
            Kind::File => {
                self.file.sync_data()?;
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
        self.has_reader(&Timespec { tv_sec: 0, tv_nsec: 0 })
    }

    /// Waits a moment for the reader of a pipe; whether it is still there.
    pub(super) fn has_reader_yet(&self) -> bool {
        self.has_reader(&READER_WAIT)
    }

    fn has_reader(&self, wait: &Timespec) -> bool {
        if self.kind != Kind::Pipe {
            return true;
        }
        // Only that the other end is closed: it can always be written, or is full.
        let mut asked = [PollFd::new(&self.file, PollFlags::empty())];
        match poll(&mut asked, Some(wait)) {
            Ok(0) | Err(_) => true,
            Ok(_) => {
                asked.iter().all(|fd| !fd.revents().intersects(PollFlags::ERR | PollFlags::HUP))
            }
        }
    }
}
