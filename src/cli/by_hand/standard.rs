//! Standard output as a file that a wish to stop gets out of, though nobody reads it.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, OFlags};

/// What a pipe takes at once, and a socket that can be written. Source: pipe(7), `PIPE_BUF`.
const PIPE_BYTES: usize = 4096;

/// What standard output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Kind {
    /// What is written may still be read, or not.
    Pipe,
    /// What is written may be lost until it is synchronised.
    File,
    /// What is written may still be read, or not, and nobody can tell.
    Socket,
    /// What is written is shown, unless it was halted.
    Terminal,
    /// A device.
    Other,
}

/// Standard output.
#[derive(Debug)]
pub(in crate::cli) struct Standard {
    file: File,
    kind: Kind,
}

/// A wait for a reader, after which the caller looks whether to stop.
const READER_WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };

impl Standard {
    /// That of this process; not by `io::Stdout`, which keeps lines for itself.
    pub(in crate::cli) fn of_process() -> io::Result<Self> {
        Self::of(File::from(io::stdout().as_fd().try_clone_to_owned()?))
    }

    /// What is written to that file.
    pub(in crate::cli) fn of(file: File) -> io::Result<Self> {
        let kind = match FileType::from_raw_mode(rustix::fs::fstat(&file)?.st_mode) {
            FileType::Fifo => Kind::Pipe,
            FileType::RegularFile => Kind::File,
            FileType::Socket => Kind::Socket,
            FileType::CharacterDevice if file.is_terminal() => Kind::Terminal,
            FileType::Directory
            | FileType::Symlink
            | FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Unknown => Kind::Other,
        };
        if kind != Kind::Terminal {
            return Ok(Self { file, kind });
        }
        // That a terminal is writable does not say how much it takes. Opened anew: whoever else has this one is not to meet
        // writes that do not wait. Where that is not allowed, as after su, a write may wait.
        let mut options = File::options();
        let flags = OFlags::NONBLOCK.union(OFlags::NOCTTY).bits().cast_signed();
        options.write(true).custom_flags(flags);
        let anew = options.open(format!("/proc/self/fd/{}", file.as_raw_fd()));
        Ok(Self { file: anew.unwrap_or(file), kind })
    }

    pub(in crate::cli) fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether something stands before what is written next, and is no whole line. A shell's `>>` gives a file that cannot
    /// be read, so it is opened anew; where that is not allowed, nobody can tell.
    pub(in crate::cli) fn ends_within_a_line(&self) -> bool {
        let last = || -> io::Result<[u8; 1]> {
            let mut file = File::open(format!("/proc/self/fd/{}", self.file.as_raw_fd()))?;
            file.seek(SeekFrom::End(-1))?;
            let mut last = [0];
            file.read_exact(&mut last)?;
            Ok(last)
        };
        let flags = rustix::fs::fcntl_getfl(&self.file);
        let appends = flags.is_ok_and(|flags| flags.contains(OFlags::APPEND));
        self.kind == Kind::File && appends && last().is_ok_and(|last| last != *b"\n")
    }

    /// Writes all of it.
    ///
    /// # Errors
    ///
    /// Those of the file; `BrokenPipe` where nobody takes any of it, and the command is to stop. Nobody knows how
    /// much of it is written.
    pub(in crate::cli) fn write_all(
        &mut self,
        mut bytes: &[u8],
        stopping: &dyn Fn() -> bool,
    ) -> io::Result<()> {
        while !bytes.is_empty() {
            let count = self.write_some(bytes)?;
            if count == 0 && stopping() {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            bytes = bytes.get(count..).unwrap_or_default();
        }
        Ok(())
    }

    /// Writes the first part of it; how much. None, after a moment, where a pipe or socket is full and nobody reads it, or a
    /// terminal is halted.
    ///
    /// # Errors
    ///
    /// Those of the file: none of it is written.
    pub(in crate::cli) fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (part, is_waited_for) = match self.kind {
            // What polls as writable takes so much without waiting.
            Kind::Pipe | Kind::Socket => (bytes.get(..PIPE_BYTES).unwrap_or(bytes), true),
            Kind::Terminal => (bytes, true),
            Kind::File | Kind::Other => (bytes, false),
        };
        if is_waited_for {
            let mut asked = [PollFd::new(&self.file, PollFlags::OUT)];
            match poll(&mut asked, Some(&READER_WAIT)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(0),
                Ok(_) => {}
                Err(error) => return Err(error.into()),
            }
        }
        match self.file.write(part) {
            Ok(0) if !part.is_empty() => Err(io::ErrorKind::WriteZero.into()),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) =>
            {
                Ok(0)
            }
            written => written,
        }
    }

    /// Makes what is written outlive a power failure.
    pub(in crate::cli) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Whether the reader of a pipe is there.
    pub(in crate::cli) fn has_reader_now(&self) -> bool {
        self.has_reader(&Timespec { tv_sec: 0, tv_nsec: 0 })
    }

    /// Waits a moment for the reader of a pipe; whether it is still there.
    pub(in crate::cli) fn has_reader_yet(&self) -> bool {
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

impl AsFd for Standard {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}
