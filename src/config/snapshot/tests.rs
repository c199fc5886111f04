use std::os::unix::fs::symlink;

use super::*;

fn folder_with(files: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file).unwrap();
    }
    folder
}

fn names(folder: &Path) -> Vec<String> {
    let snapshot = Snapshot::read(folder).unwrap();
    let below = |f: &SnapshotFile| Path::new(&f.path).strip_prefix(folder).unwrap().to_owned();
    snapshot.files.iter().map(|f| below(f).to_str().unwrap().to_owned()).collect()
}

#[test]
fn a_folder_is_read_with_the_folders_in_it_and_without_what_editors_leave() {
    let folder = folder_with(&[
        "b.yaml",
        "a.yml",
        "team/c.yaml",
        ".hidden.yaml",
        "a.yaml~",
        "#a.yaml#",
        ".a.yaml.swp",
        "~lock.yaml",
        "README.md",
        ".git/d.yaml",
        "..data/e.yaml",
        "f.yaml.orig",
    ]);
    assert_eq!(names(folder.path()), ["a.yml", "b.yaml", "team/c.yaml"]);
}

#[test]
fn a_config_map_of_kubernetes_is_read_once() {
    let folder = folder_with(&["..2026_01_01/a.yaml"]);
    symlink("..2026_01_01", folder.path().join("..data")).unwrap();
    symlink("..data/a.yaml", folder.path().join("a.yaml")).unwrap();
    assert_eq!(names(folder.path()), ["a.yaml"]);
}

#[test]
fn links_in_a_circle_end() {
    let folder = folder_with(&["a.yaml"]);
    symlink(folder.path(), folder.path().join("again")).unwrap();
    assert_eq!(names(folder.path()), ["a.yaml"]);
}

#[test]
fn a_link_to_nowhere_and_a_folder_of_a_files_name_are_said() {
    let folder = folder_with(&["d.yaml/inner.yaml"]);
    symlink("nowhere", folder.path().join("a.yaml")).unwrap();
    let files = Snapshot::read(folder.path()).unwrap().files;
    let [link, inner] = files.as_slice() else { panic!("{files:?}") };
    assert!(matches!(&link.content, Err(Unread::Refused(why)) if why.contains("No such file")));
    assert_eq!(inner.content.as_deref(), Ok(&b"d.yaml/inner.yaml"[..]));
}

#[test]
fn a_file_above_the_limit_is_not_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: u64| {
        fs::write(folder.path().join(name), vec![b'#'; usize::try_from(bytes).unwrap()]).unwrap();
    };
    write("a.yaml", FILE_BYTES_MAX);
    write("b.yaml", FILE_BYTES_MAX + 1);
    let files = Snapshot::read(folder.path()).unwrap().files;
    assert!(files[0].content.is_ok());
    assert_eq!(files[1].content, Err(Unread::TooLarge));
}

#[test]
fn a_file_that_is_named_twice_is_read_once_and_whatever_it_is_called() {
    let folder = folder_with(&["a.yaml", "pipeline.txt"]);
    let file = |name: &str| folder.path().join(name);
    let paths = [file("a.yaml"), file("."), file("./a.yaml"), file("pipeline.txt")];
    assert_eq!(Snapshot::read_all(&paths).unwrap().files.len(), 2);
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    assert!(Snapshot::read(Path::new("/nowhere/at/all")).is_err());
}

#[test]
fn a_file_that_is_replaced_again_and_again_is_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (path, next) = (folder.path().join("a.yaml"), folder.path().join(".a.yaml.next"));
    let versions = ["a".repeat(300_000), "b".repeat(200_000)];
    fs::write(&path, &versions[0]).unwrap();
    let is_done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for version in versions.iter().cycle() {
                fs::write(&next, version).unwrap();
                fs::rename(&next, &path).unwrap();
                if is_done.load(std::sync::atomic::Ordering::Relaxed) {
                    return;
                }
            }
        });
        for _ in 0..200 {
            match &Snapshot::read(folder.path()).unwrap().files[0].content {
                Ok(bytes) => assert!(versions.iter().any(|v| v.as_bytes() == bytes), "half a file"),
                Err(why) => assert_eq!(*why, Unread::Moves),
            }
        }
        is_done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}
