//! The socket's file: made so that nobody but owner and group ever reaches it, a dead daemon's one replaced.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

/// Owner and group; the group is who may run the daemon's commands.
const MODE: u32 = 0o660;
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
        if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
            let mut builder = fs::DirBuilder::new();
            builder.recursive(true).mode(FOLDER_MODE).create(folder).map_err(refused)?;
        }
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
