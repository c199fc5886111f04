use std::fs;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::config::{AnyProperty, settings};
use crate::pipeline::Definition;
use crate::supervisor::reload::{Cause, Outcome, Said};
use crate::supervisor::wanted::wanted;

fn name(text: &str) -> PipelineName {
    PipelineName::new(text).unwrap()
}

fn open(folder: &TempDir) -> StateFolder {
    StateFolder::open(folder.path(), &InstanceId::new("host-a").unwrap()).unwrap()
}

fn text(text: &str) -> Text {
    Text { path: "pipelines/a.yaml".to_owned(), text: text.to_owned(), schemas: BTreeMap::new() }
}

fn generation(number: u64) -> Generation {
    Generation {
        number,
        digest: "ab".repeat(32),
        at: "2026-01-01T00:00:00Z".to_owned(),
        revision: None,
        cause: Cause::Request,
        outcome: Outcome::Held { removed: 3, running: 4 },
        findings: Said {
            errors: 1,
            warnings: 2,
            lines: vec!["a.yaml:1:1: K0201 no".to_owned()],
            ..Said::default()
        },
        changes: [("swap".to_owned(), 2)].into(),
    }
}

/// A folder with something in each file.
fn filled() -> (TempDir, Remembered) {
    let folder = tempfile::tempdir().unwrap();
    let remembered = Remembered {
        last_good: [(name("a"), text("name: a")), (name("b"), text("ä\u{0}"))].into(),
        paused: [name("b")].into(),
        generations: vec![generation(1), generation(2)],
        damage: vec![],
    };
    let state = open(&folder);
    state.save_last_good(&remembered.last_good).unwrap();
    state.save_paused(&remembered.paused).unwrap();
    state.save_generations(&remembered.generations).unwrap();
    (folder, remembered)
}

const FILES: [&str; 4] = [
    "host-a.last-good.json",
    "host-a.paused.json",
    "host-a.paused-copy.json",
    "host-a.generations.json",
];

#[test]
fn what_was_saved_is_remembered() {
    let (folder, remembered) = filled();
    assert_eq!(open(&folder).load(), remembered);
    let mut there: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    there.sort();
    let mut files = FILES;
    files.sort_unstable();
    assert_eq!(there, files);
}

#[test]
fn a_new_folder_is_made_and_empty() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateFolder::open(&folder.path().join("deep/er"), &InstanceId::new("a").unwrap());
    assert_eq!(state.unwrap().load(), Remembered::default());
}

#[test]
fn two_instances_in_one_folder_do_not_see_each_other() {
    let (folder, _) = filled();
    let other = StateFolder::open(folder.path(), &InstanceId::new("host-b").unwrap()).unwrap();
    assert_eq!(other.load(), Remembered::default());
}

#[test]
fn the_last_twenty_generations_are_kept() {
    let (folder, _) = filled();
    let all: Vec<_> = (1..=30).map(generation).collect();
    open(&folder).save_generations(&all).unwrap();
    assert_eq!(open(&folder).load().generations, all[10..]);
}

type Damaging = Box<dyn Fn(Vec<u8>) -> Vec<u8>>;

#[test]
fn what_is_damaged_is_moved_aside_and_the_rest_is_remembered() {
    let whole = |file: &str| fs::read(filled().0.path().join(file)).unwrap();
    let damages: Vec<(&str, Damaging)> = vec![
        ("EOF while parsing", Box::new(|_| vec![])),
        ("EOF while parsing", Box::new(|b| b[..b.len() / 2].to_vec())),
        ("expected value", Box::new(|_| b"\x00\xff garbage".to_vec())),
        ("it has no version", Box::new(|_| b"{}".to_vec())),
        ("it has no content", Box::new(|_| br#"{"version":1}"#.to_vec())),
        ("it has version 2, and 1 is known here", Box::new(|_| br#"{"version":2}"#.to_vec())),
        (
            "its checksum is not that of its content",
            Box::new(|b| {
                String::from_utf8(b).unwrap().replace("\"b\"", "\"c\"").replace(":2,", ":3,").into()
            }),
        ),
    ];
    for file in FILES {
        for (why, damage) in &damages {
            let (folder, remembered) = filled();
            let path = folder.path().join(file);
            fs::write(&path, damage(whole(file))).unwrap();
            let mut loaded = open(&folder).load();
            let [said] = <[Damage; 1]>::try_from(std::mem::take(&mut loaded.damage)).unwrap();
            assert!(said.why.starts_with(why), "{file}: {}", said.why);
            assert_eq!(said.path, path);
            let aside = said.moved_to.unwrap();
            assert!(aside.to_str().unwrap().ends_with(".json.damaged-1") && aside.exists());
            let mut expected = remembered;
            let forgotten = match file {
                "host-a.last-good.json" => {
                    expected.last_good.clear();
                    Forgotten::Content
                }
                "host-a.generations.json" => {
                    expected.generations.clear();
                    Forgotten::Content
                }
                "host-a.paused.json" => Forgotten::LastPause,
                _ => Forgotten::Nothing,
            };
            assert_eq!(loaded, expected);
            assert_eq!(path.exists(), forgotten != Forgotten::Content, "pauses are written anew");
            assert_eq!(said.forgotten, forgotten, "{file}");
            assert!(open(&folder).load().damage.is_empty(), "it is said once");
        }
    }
}

const PAUSES: [&str; 2] = ["host-a.paused.json", "host-a.paused-copy.json"];

fn bytes_of(folder: &TempDir) -> [Vec<u8>; 2] {
    PAUSES.map(|file| fs::read(folder.path().join(file)).unwrap_or_default())
}

/// As often as it likes, one after the other, each file of the pauses is damaged.
fn outlives_one_damage_after_the_other(folder: &TempDir, paused: &BTreeSet<PipelineName>) {
    for file in PAUSES.into_iter().chain(PAUSES) {
        fs::write(folder.path().join(file), "garbage").unwrap();
        let loaded = open(folder).load();
        assert_eq!((&loaded.paused, loaded.damage.len()), (paused, 1), "{file}");
        let [first, copy] = bytes_of(folder);
        assert!(!first.is_empty() && first == copy, "{file} is not written anew");
    }
    assert!(open(folder).load().damage.is_empty());
}

#[test]
fn a_load_alone_makes_both_files_of_the_pauses_whole_again() {
    let (folder, remembered) = filled();
    outlives_one_damage_after_the_other(&folder, &remembered.paused);
    for (file, said) in PAUSES.into_iter().zip([1, 0]) {
        fs::remove_file(folder.path().join(file)).unwrap();
        let loaded = open(&folder).load();
        assert_eq!(loaded.paused, remembered.paused, "{file}");
        let forgotten: Vec<_> = loaded.damage.iter().map(|damage| damage.forgotten).collect();
        assert_eq!(forgotten, vec![Forgotten::LastPause; said]);
        outlives_one_damage_after_the_other(&folder, &remembered.paused);
    }
    // As it was before there was a number, and before there was a copy.
    let content = serde_json::json!(["b"]);
    file::write(&folder.path().join(PAUSES[0]), &content).unwrap();
    fs::remove_file(folder.path().join(PAUSES[1])).unwrap();
    assert_eq!(open(&folder).load(), remembered);
    outlives_one_damage_after_the_other(&folder, &remembered.paused);
}

#[test]
fn of_two_files_that_differ_the_newer_one_counts_and_the_other_is_made_like_it() {
    let now: BTreeSet<_> = [name("a"), name("c")].into();
    for stale in PAUSES {
        let (folder, remembered) = filled();
        let state = open(&folder);
        let before = fs::read(folder.path().join(stale)).unwrap();
        state.save_paused(&now).unwrap();
        fs::write(folder.path().join(stale), before).unwrap();
        assert_eq!(state.load(), Remembered { paused: now.clone(), ..remembered }, "{stale}");
        outlives_one_damage_after_the_other(&folder, &now);
    }
    // The copy cannot be written.
    let (folder, _) = filled();
    let state = open(&folder);
    let temporary = folder.path().join("host-a.paused-copy.json.tmp");
    fs::create_dir(&temporary).unwrap();
    assert!(state.save_paused(&now).is_err());
    let loaded = state.load();
    assert_eq!(loaded.paused, now);
    assert!(loaded.damage[0].why.starts_with("it cannot be written anew: "), "{loaded:?}");
    fs::remove_dir(&temporary).unwrap();
    assert_eq!((state.load().paused, state.load().damage), (now.clone(), vec![]));
    outlives_one_damage_after_the_other(&folder, &now);
}

#[test]
fn a_pause_is_forgotten_only_where_both_files_that_say_so_are_damaged() {
    let (folder, remembered) = filled();
    let damage = |file: &str| fs::write(folder.path().join(file), "garbage").unwrap();
    damage(PAUSES[0]);
    let loaded = open(&folder).load();
    assert_eq!(loaded.paused, remembered.paused);
    assert!(loaded.damage[0].to_string().contains("may be older"), "{}", loaded.damage[0]);
    damage(PAUSES[1]);
    let loaded = open(&folder).load();
    assert_eq!(loaded.paused, remembered.paused);
    assert!(loaded.damage[0].to_string().contains("nothing is forgotten"), "{}", loaded.damage[0]);

    for file in PAUSES {
        damage(file);
    }
    let loaded = open(&folder).load();
    assert_eq!(loaded.paused, BTreeSet::new());
    let forgotten: Vec<_> = loaded.damage.iter().map(|damage| damage.forgotten).collect();
    assert_eq!(forgotten, [Forgotten::Pauses; 2]);
    assert!(loaded.damage[0].to_string().contains("read again"), "{}", loaded.damage[0]);
}

#[test]
fn damage_after_damage_keeps_the_first_ones_and_a_bound() {
    let (folder, _) = filled();
    for round in 0..20 {
        fs::write(folder.path().join(FILES[0]), round.to_string()).unwrap();
        assert!(open(&folder).load().damage[0].moved_to.is_some());
    }
    assert_eq!(
        fs::read_to_string(folder.path().join("host-a.last-good.json.damaged-1")).unwrap(),
        "0"
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 13);
}

#[test]
fn a_crash_before_the_rename_leaves_the_old_content() {
    let (folder, remembered) = filled();
    let temporary = folder.path().join("host-a.last-good.json.tmp");
    for half in ["", "{\"version\":1,\"sha", "{}"] {
        fs::write(&temporary, half).unwrap();
        assert_eq!(open(&folder).load(), remembered);
        assert!(!temporary.exists());
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_and_harms_nothing() {
    let (folder, remembered) = filled();
    let state = open(&folder);
    // In the way of the temporary file; permissions would not stop root.
    fs::create_dir(folder.path().join("host-a.paused.json.tmp")).unwrap();
    assert!(state.save_paused(&[name("x")].into()).is_err());
    assert_eq!(state.load(), remembered);
    // Nor does it stop the next start, which moves it out of the way and says so.
    let state = open(&folder);
    let mut loaded = state.load();
    let damage = std::mem::take(&mut loaded.damage);
    assert_eq!(loaded, remembered);
    let [moved] = damage.as_slice() else { panic!("{damage:?}") };
    assert_eq!(moved.forgotten, Forgotten::NothingOfOurs);
    assert!(moved.moved_to.as_ref().is_some_and(|place| place.is_dir()), "{moved}");
    assert!(moved.to_string().contains("host-a.paused.json.tmp"), "{moved}");
    state.save_paused(&[name("x")].into()).unwrap();
    assert_eq!(open(&folder).load().paused, [name("x")].into());
    let file = tempfile::NamedTempFile::new().unwrap();
    assert!(StateFolder::open(file.path(), &InstanceId::new("a").unwrap()).is_err());
}

const GOOD: &str = include_str!("../../tests/data/config/smallest.good.yaml");

fn restored(name: &str, text: &str) -> (LastGood, BTreeMap<PipelineName, String>) {
    let environment = Environment::Known(BTreeMap::new());
    let loaded = settings::load(None, &environment, &AnyProperty).unwrap();
    let text = Text { path: "a.yaml".to_owned(), text: text.to_owned(), schemas: BTreeMap::new() };
    let texts = [(PipelineName::new(name).unwrap(), text)].into();
    restore(&texts, &loaded.settings, &environment, &AnyProperty)
}

#[test]
fn a_definition_is_built_again_from_its_file() {
    let other = GOOD.replace("orders", "returns");
    let files = [GOOD.to_owned(), format!("{other}---\n{GOOD}"), format!("{GOOD}---\nname: bad\n")];
    for text in files {
        let (last_good, lost) = restored("orders", &text);
        assert_eq!(last_good[&name("orders")].pipeline.name, name("orders"));
        assert_eq!(
            texts(&last_good)[&name("orders")],
            Text { path: "a.yaml".to_owned(), text, schemas: BTreeMap::new() }
        );
        assert!(lost.is_empty());
    }
    let why = |name_of: &str, text: &str| restored(name_of, text).1[&name(name_of)].clone();
    assert_eq!(why("gone", GOOD), "its name is not in it");
    assert!(why("orders", &GOOD.replace("earliest", "erliest")).starts_with("K0204: "));
}

#[test]
fn the_schemas_of_a_definition_outlive_their_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = GOOD.replace("sinks:", "steps: [{validate: {schema: a/user.json}}]\nsinks:");
    let user = r#"{"properties": {"at": {"$ref": "place.json"}, "by": {"$ref": "urn:by"}}}"#;
    let schemas = [
        ("a/user.json", user),
        ("a/place.json", r#"{"type": "string", "maxLength": 12}"#),
        ("by.json", r#"{"$id": "urn:by", "type": "integer"}"#),
        ("unused.json", "{}"),
    ];
    let schema = |(name, text): (&str, &str)| (name.to_owned(), Ok(text.as_bytes().to_vec()));
    let snapshot = Snapshot {
        files: vec![SnapshotFile { path: "a.yaml".to_owned(), content: Ok(file.into_bytes()) }],
        schemas: SchemaFiles {
            folder: "schemas".to_owned(),
            files: schemas.into_iter().map(schema).collect(),
        },
    };
    let environment = Environment::Known(BTreeMap::new());
    let settings = settings::load(None, &environment, &AnyProperty).unwrap().settings;
    let checked = config::check(&snapshot, Some(&settings), &environment, &AnyProperty);
    assert_eq!(checked.pipelines.len(), 1, "{:?}", checked.findings);
    let was = wanted(&LastGood::new(), &checked, settings.reload).last_good();

    open(&folder).save_last_good(&texts(&was)).unwrap();
    let remembered = open(&folder).load().last_good;
    let kept: Vec<_> = remembered[&name("orders")].schemas.keys().cloned().collect();
    assert_eq!(kept.len(), 3, "{kept:?}");
    let (is, lost) = restore(&remembered, &settings, &environment, &AnyProperty);
    assert!(lost.is_empty(), "{lost:?}");
    let definition = |all: &LastGood| Definition::of(&all[&name("orders")].pipeline);
    assert_eq!(definition(&is), definition(&was));
    // The very text is what is kept the next time, and the time after.
    assert_eq!(texts(&is), texts(&was));

    let mut without = remembered.clone();
    without.get_mut(&name("orders")).unwrap().schemas.remove("a/place.json");
    let (_, lost) = restore(&without, &settings, &environment, &AnyProperty);
    assert!(lost[&name("orders")].contains("a/place.json"), "{lost:?}");
}

#[test]
fn a_full_disk_leaves_what_was_there_and_the_next_write_goes_through() {
    let (folder, mut remembered) = filled();
    let state = open(&folder);
    // The temporary file is on a device that is always full.
    let temporary = folder.path().join("host-a.last-good.json.tmp");
    std::os::unix::fs::symlink("/dev/full", &temporary).unwrap();
    let other = [(name("c"), text("name: c"))].into();
    let error = state.save_last_good(&other).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_eq!(state.load(), remembered);
    state.save_last_good(&other).unwrap();
    remembered.last_good = other;
    assert_eq!(open(&folder).load(), remembered);
}

#[test]
fn a_cold_start_with_a_broken_folder_runs_what_was_good_last() {
    let (folder, _) = filled();
    let (was, _) = restored("orders", GOOD);
    open(&folder).save_last_good(&texts(&was)).unwrap();

    let environment = Environment::Known(BTreeMap::new());
    let settings = settings::load(None, &environment, &AnyProperty).unwrap().settings;
    let remembered = open(&folder).load().last_good;
    let (last_good, lost) = restore(&remembered, &settings, &environment, &AnyProperty);
    assert!(lost.is_empty());
    for broken in ["", "name: [", "version: 1\nname: orders\n", "version: 1\nname: sales\n"] {
        let content = Ok(broken.as_bytes().to_vec());
        let files = vec![SnapshotFile { path: "a.yaml".to_owned(), content }];
        let checked = config::check(
            &Snapshot { files, ..Snapshot::default() },
            Some(&settings),
            &environment,
            &AnyProperty,
        );
        let wanted = wanted(&last_good, &checked, settings.reload);
        let names: Vec<_> = wanted.definitions.keys().map(PipelineName::as_str).collect();
        assert_eq!(names, ["orders"], "{broken:?}");
        assert!(wanted.is_rejected());
    }
}

proptest! {
    #[test]
    fn any_text_comes_back_as_it_went(texts in prop::collection::btree_map("[a-z]{1,5}", any::<String>(), 0..5)) {
        let folder = tempfile::tempdir().unwrap();
        let texts: BTreeMap<_, _> = texts.iter().map(|(n, t)| (name(n), text(t))).collect();
        open(&folder).save_last_good(&texts).unwrap();
        prop_assert_eq!(open(&folder).load().last_good, texts);
    }

    #[test]
    fn no_bytes_stop_a_start(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0..400_usize) {
        let (folder, remembered) = filled();
        let path = folder.path().join(FILES[0]);
        let mut whole = fs::read(&path).unwrap();
        whole.truncate(cut);
        fs::write(&path, [whole, bytes].concat()).unwrap();
        let loaded = open(&folder).load();
        prop_assert!(!loaded.damage.is_empty() || loaded.last_good == remembered.last_good);
        prop_assert_eq!(loaded.paused, remembered.paused);
    }
}

#[test]
fn the_folder_and_its_files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let above = tempfile::tempdir().unwrap();
    let folder = above.path().join("new/state");
    let state = StateFolder::open(&folder, &InstanceId::new("host-a").unwrap()).unwrap();
    state.save_paused(&[name("a")].into()).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&folder.join("host-a.paused.json")), 0o600);
}
