use super::*;

#[test]
fn digests_tell_where_one_part_ends() {
    let of = |parts: &[&str]| {
        let mut all = digest::Parts::new();
        for part in parts {
            all.add(part.as_bytes());
        }
        all.finish()
    };
    assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
    assert_eq!(
        Digest::of(b"").to_string(),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
}

/// What the function says, unless it hangs.
fn in_time<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> T {
    let (tell, told) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || tell.send(act()));
    let said = told.recv_timeout(Duration::from_secs(20)).expect("it hangs");
    thread.join().unwrap().unwrap();
    said
}

#[test]
fn only_regular_files_of_a_bounded_size_have_a_digest() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("file"), "text").unwrap();
    assert_eq!(Digest::of_file(&path("file")), Ok(Digest::of(b"text")));

    let pipe = path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let not_regular = Err("it is no regular file".to_owned());
    assert_eq!(in_time(move || Digest::of_file(&pipe)), not_regular);
    assert_eq!(Digest::of_file(Path::new("/dev/zero")), not_regular);

    let large = std::fs::File::create(path("large")).unwrap();
    large.set_len(FILE_BYTES_MAX).unwrap();
    assert!(Digest::of_file(&path("large")).is_ok());
    large.set_len(FILE_BYTES_MAX + 1).unwrap();
    let why = Digest::of_file(&path("large")).unwrap_err();
    assert!(why.contains("more than"), "{why}");
    assert!(Digest::of_file(&path("none")).unwrap_err().contains("No such file"));
}

#[test]
fn a_pipe_in_the_place_of_gits_files_is_no_revision() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let pipe = path.join(".git");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert_eq!(in_time(move || revision::of(&path)), None);
}

/// Files with their contents, beside a folder with one.
fn found(content: &str, files: &[(&str, &str)]) -> Found {
    let digest = |content: &str| Ok(Digest::of(content.as_bytes()));
    let files =
        files.iter().map(|(path, content)| (PathBuf::from(path), digest(content))).collect();
    let core = Digest::of(content.as_bytes());
    let beside = Beside { settings: None, files };
    let mut parts = digest::Parts::new();
    parts.add(content.as_bytes());
    parts.add_files(&beside);
    Found { snapshot: Snapshot::default(), beside, core, digest: parts.finish(), revision: None }
}

fn tick() -> Due {
    let mut due = Due::default();
    due.add(Why::Tick);
    due
}

/// Whoever was seen once is waited for no longer.
fn watch() -> Watch {
    let folders = Folders {
        pipelines: PathBuf::from("none"),
        schemas: None,
        settings: None,
        files: vec![],
        names: Names::new(|_| vec![]),
        events: Events::None,
    };
    let timing = Timing { quiet_max: Duration::ZERO, ..Timing::default() };
    Watch::new(folders, timing, mpsc::channel(1).1)
}

#[test]
fn a_certificate_that_counts_no_more_is_no_news_and_one_that_changes_is() {
    let mut watch = watch();
    let mut is_seen = |files: &[(&str, &str)]| {
        // Twice: what the tick sees counts the second time.
        let first = watch.seen(found("settings", files), tick()).is_some();
        first || watch.seen(found("settings", files), tick()).is_some()
    };
    assert!(is_seen(&[("ca", "1"), ("key", "1")]));
    assert!(!is_seen(&[("ca", "1"), ("key", "1")]));
    assert!(!is_seen(&[("ca", "1")]));
    assert!(is_seen(&[("ca", "2")]));
    assert!(is_seen(&[("ca", "2"), ("key", "1")]));
}

#[test]
fn what_was_seen_once_before_an_unreadable_folder_does_not_count_for_what_is_seen_after_it() {
    let found = |content: &str| found(content, &[]);
    let mut watch = watch();
    assert!(watch.seen(found("one"), tick()).is_none());
    assert!(watch.unreadable("it is gone".to_owned(), tick()).is_some());
    assert!(watch.seen(found("half"), tick()).is_none());
    assert!(watch.seen(found("whole"), tick()).is_some());
}
