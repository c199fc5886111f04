//! The socket's file: made so that nobody but owner and group ever reaches it, a dead daemon's one replaced.

use std::fs::{self, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::UnixListener;

/// Owner and group; the group is who may run the daemon's commands.
const MODE: u32 = 0o660;
/// The lock beside it, for its owner alone: nobody else is to hold up a start.
const LOCK_MODE: u32 = 0o600;
/// Another daemon has the lock for a moment only: it is waited for two seconds at most.
const LOOKS_MAX: u32 = 200;
const LOOK: Duration = Duration::from_millis(10);
/// A folder that we make for the socket.
const FOLDER_MODE: u32 = 0o750;

/// The bound socket; its file goes with it.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    file: SocketFile,
}

/// Removes the file in the end, where it still is ours.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    inode: u64,
}

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody answers there.
    #[error("another daemon answers at {}; give each its own `admin: {{socket: …}}` in the settings", .0.display())]
    InUse(PathBuf),
    /// Something else is there.
    #[error("{} is there and is no socket", .0.display())]
    NoSocket(PathBuf),
    /// The system refuses it.
    #[error("cannot make the socket {}: {}", .0.display(), .1)]
    Refused(PathBuf, io::Error),
}

impl Socket {
    /// Binds the path, inside a tokio runtime.
    pub fn bind(path: &Path) -> Result<Self, BindError> {
        let refused = |error| BindError::Refused(path.to_owned(), error);
        let folder = path.parent().filter(|f| !f.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(FOLDER_MODE).create(folder).map_err(refused)?;
        let _turn = turn(path).map_err(refused)?;
        match fs::symlink_metadata(path) {
            Ok(found) if !found.file_type().is_socket() => {
                return Err(BindError::NoSocket(path.to_owned()));
            }
            Ok(_) if std::os::unix::net::UnixStream::connect(path).is_ok() => {
                return Err(BindError::InUse(path.to_owned()));
            }
            Ok(_) | Err(_) => {}
        }
        // Under another name until its mode is right, then over what a dead daemon left.
        let fresh = path.with_extension(format!("{}.new", std::process::id()));
        let listener = UnixListener::bind(&fresh).map_err(refused)?;
        let file = fs::set_permissions(&fresh, Permissions::from_mode(MODE))
            .and_then(|()| fs::rename(&fresh, path))
            .and_then(|()| inode(path))
            .map_err(|error| {
                drop(fs::remove_file(&fresh));
                refused(error)
            })?;
        Ok(Self { listener, file: SocketFile { path: path.to_owned(), inode: file } })
    }

    pub(super) fn into_parts(self) -> (UnixListener, SocketFile) {
        (self.listener, self.file)
    }
}

/// Two daemons that begin at once must not both find nobody here: whoever has the lock looks, and takes its place. It ends
/// with the file that is given. The file stays: one that is removed while another waits for it locks nobody out.
fn turn(path: &Path) -> io::Result<Option<File>> {
    let mut lock = path.as_os_str().to_owned();
    lock.push(".lock");
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false).mode(LOCK_MODE);
    // Where there can be none, as where another user's lies there, nobody waits for anybody.
    let Ok(file) = options.open(&lock) else { return Ok(None) };
    let mut looks = 0;
    while let Err(TryLockError::WouldBlock) = file.try_lock() {
        looks += 1;
        if looks > LOOKS_MAX {
            let text = format!("{} is locked by another process", lock.display());
            return Err(io::Error::new(io::ErrorKind::WouldBlock, text));
        }
        pause();
    }
    // The same where a file system knows no locks.
    Ok(Some(file))
}

#[expect(clippy::disallowed_methods, reason = "nothing of the daemon runs yet")]
fn pause() {
    std::thread::sleep(LOOK);
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if inode(&self.path).is_ok_and(|found| found == self.inode) {
            // Gone already is as good.
            drop(fs::remove_file(&self.path));
        }
    }
}

fn inode(path: &Path) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    fs::symlink_metadata(path).map(|m| m.ino())
}
