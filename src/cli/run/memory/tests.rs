use super::*;
use crate::config::settings;
use crate::model::InstanceId;

const GOOD: &str = include_str!("../../../../tests/data/config/smallest.good.yaml");

#[test]
fn what_the_settings_do_not_allow_now_is_kept_and_built_when_they_do() {
    let folder = tempfile::tempdir().unwrap();
    let environment = Environment::Known(BTreeMap::new());
    let instance = InstanceId::new("a").unwrap();
    let open = || StateFolder::open(folder.path(), &instance).unwrap();
    let right = settings::load(None, &environment, &Librdkafka).unwrap().settings;
    let mut wrong = right.clone();
    let (_, cluster) = wrong.clusters.pop_first().unwrap();
    wrong.clusters.insert(crate::model::ClusterName::new("another").unwrap(), cluster);
    let name = PipelineName::new("orders").unwrap();
    let text = Text { path: "a.yaml".into(), text: GOOD.into(), schemas: BTreeMap::new() };
    open().save_last_good(&[(name.clone(), text.clone())].into()).unwrap();

    let (all, unbuilt) = last_good(open().load().last_good, &wrong, &environment);
    assert!(all.is_empty());
    assert_eq!(unbuilt[&name], text);
    let kept = Kept::new(open(), environment.clone(), unbuilt);
    kept.keep_last_good(&all, &[name.clone()].into()).unwrap();
    assert_eq!(open().load().last_good[&name], text);
    assert!(kept.build(&wrong).is_empty());
    let built = kept.build(&right);
    assert_eq!(built.keys().collect::<Vec<_>>(), [&name]);
    // It is good again, then removed.
    kept.keep_last_good(&built, &BTreeSet::new()).unwrap();
    assert_eq!(open().load().last_good[&name], text);
    kept.keep_last_good(&LastGood::new(), &BTreeSet::new()).unwrap();
    assert!(open().load().last_good.is_empty());
}
