//! The settings of a daemon: who it is, where its files are, how its clusters are reached.
//!
//! Everything has a default that works beside a local broker, so the file is optional.

mod clusters;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::model::{ClusterName, InstanceId};

use super::check::{Absent, Context, Got};
use super::cluster::Cluster;
use super::environment::Environment;
use super::finding::{Finding, Findings, Reported};
use super::properties::ClientProperties;
use super::raw::settings::{RawReloadPolicy, RawSettings};
use super::schema;
use super::snapshot::{SchemaFiles, Snapshot, SnapshotFile};
use super::text::{Place, SourceText};
use super::yaml::{self, At};

/// What a daemon needs to know besides its pipelines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Stable across restarts, unique among live daemons.
    pub instance_id: InstanceId,
    /// The folder of the pipeline files.
    pub pipelines: PathBuf,
    /// The folder of the JSON Schemas that `validate` steps name.
    pub schemas: PathBuf,
    /// The folder for what outlives the process.
    pub state: PathBuf,
    /// The admin socket, where the file names one.
    pub socket: Option<PathBuf>,
    /// Where metrics, health and status are read by HTTP; a loopback address.
    pub listen: Option<SocketAddr>,
    /// By the names that pipelines use. Not empty.
    pub clusters: BTreeMap<ClusterName, Cluster>,
    /// Whether one bad file holds back the others.
    pub reload: ReloadPolicy,
}

/// Whether one bad file holds back the others at a reload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReloadPolicy {
    /// A file with findings keeps its last good definition, all others apply.
    #[default]
    PerPipeline,
    /// One finding, and nothing changes.
    AllOrNothing,
}

/// Settings, and the file that they are from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// All known, defaults filled in.
    pub settings: Settings,
    /// Absent where there is no file and all are defaults.
    pub file: Option<PathBuf>,
}

impl Loaded {
    /// The schemas folder for these pipelines: the settings' own; without a settings file, `schemas` beside the first folder
    /// of pipelines that is asked for, or beside the folder of the first file.
    pub fn schemas_for(&self, paths: &[PathBuf]) -> PathBuf {
        let own = || self.settings.schemas.clone();
        if self.file.is_some() {
            return own();
        }
        let Some(path) = paths.first() else { return own() };
        self.schemas_beside(if path.is_dir() { path } else { path.parent().unwrap_or(path) })
    }

    /// The schemas folder for a folder of pipelines, whether that is there or not.
    pub fn schemas_beside(&self, pipelines: &Path) -> PathBuf {
        if self.file.is_some() {
            return self.settings.schemas.clone();
        }
        match pipelines.file_name() {
            Some(_) => pipelines.with_file_name("schemas"),
            // `.` or `..` or nothing: only the file system knows what is above.
            None => pipelines.join("../schemas"),
        }
    }
}

/// Where the file is looked for without `--config`, in this order.
const PLACES: [&str; 2] = ["krouted.yaml", "/etc/krouted/krouted.yaml"];

/// The file that settings are from: the one asked for, else the first that exists.
pub fn find(asked_for: Option<&Path>) -> Option<PathBuf> {
    let first = || PLACES.iter().map(PathBuf::from).find(|path| path.exists());
    asked_for.map(Path::to_owned).or_else(first)
}

/// Reads the settings file, where there is one, and fills in what it leaves out.
///
/// An environment that is [`Unknown`](Environment::Unknown) leaves text with references in it as it stands.
pub fn load(
    file: Option<&Path>,
    environment: &Environment,
    properties: &dyn ClientProperties,
) -> Result<Loaded, Vec<Finding>> {
    let content = file.map(|path| (path, SnapshotFile::read(path)));
    let content = content.as_ref().map(|(path, content)| (*path, content));
    let settings = read(content, environment, properties)?;
    Ok(Loaded { settings, file: file.map(Path::to_owned) })
}

/// The same of what a file at that path held when it was read.
pub fn read(
    file: Option<(&Path, &SnapshotFile)>,
    environment: &Environment,
    properties: &dyn ClientProperties,
) -> Result<Settings, Vec<Finding>> {
    let mut findings = Findings::default();
    let settings = match file {
        Some((path, content)) => from_file(path, content, (environment, properties), &mut findings),
        None => defaults(environment, &mut findings),
    };
    settings.map_err(|_reported| findings.sorted())
}

/// The socket that a broken settings file names, as far as that can be told; nothing is said of what is wrong.
pub fn socket_of_broken(file: &Path) -> Option<PathBuf> {
    let snapshot = Snapshot::read_all(&[file.to_owned()]).ok()?;
    let text = String::from_utf8(snapshot.files.into_iter().next()?.content.ok()?).ok()?;
    let socket = by_value(&text).or_else(|| by_line(&text))?;
    Some(file.parent().unwrap_or(Path::new("")).join(socket))
}

fn by_value(text: &str) -> Option<String> {
    let first = serde_yaml::Deserializer::from_str(text).next()?;
    let value = serde_yaml::Value::deserialize(first).ok()?;
    Some(value.get("admin")?.get("socket")?.as_str()?.to_owned())
}

/// Of what is no YAML any more: what stands behind the word.
fn by_line(text: &str) -> Option<String> {
    let socket = |line: &str| {
        let (before, after) = line.split_once("socket:")?;
        let is_key = |c: char| c.is_whitespace() || matches!(c, '{' | ',');
        if before.contains('#') || !before.chars().next_back().is_none_or(is_key) {
            return None;
        }
        let value = after.split([',', '}']).next()?.split(" #").next()?;
        let value = value.trim().trim_matches(['"', '\'']);
        (!value.is_empty()).then(|| value.to_owned())
    };
    text.lines().find_map(socket)
}

fn from_file(
    path: &Path,
    content: &SnapshotFile,
    (environment, properties): (&Environment, &dyn ClientProperties),
    findings: &mut Findings,
) -> Result<Settings, Reported> {
    let source = super::load::source_text(content, findings)?;
    text(&source, path.parent().unwrap_or(Path::new("")), environment, properties, findings)
}

/// Reads settings from a text; paths in it are relative to a folder.
pub(super) fn text(
    source: &std::sync::Arc<SourceText>,
    folder: &Path,
    environment: &Environment,
    properties: &dyn ClientProperties,
    findings: &mut Findings,
) -> Result<Settings, Reported> {
    let mark = findings.mark();
    let documents = yaml::documents(source, findings)?;
    let Some(document) = documents.first() else {
        return Err(findings.empty_file(Place::new(source, 0..0)));
    };
    if let Some(second) = documents.get(1) {
        findings.settings_of_several_documents(At::root(source, &second.root).key());
    }
    let at = At::root(source, &document.root);
    let value = schema::SETTINGS.check(&document.value, at, findings);
    let raw: RawSettings = match serde_json::from_value(value) {
        Ok(raw) => raw,
        Err(error) => {
            let said = findings.since(mark);
            return Err(
                said.unwrap_or_else(|| findings.against_schema(at.key(), &error.to_string()))
            );
        }
    };
    let schemas = &SchemaFiles::default();
    let mut context = Context { settings: None, environment, properties, schemas, findings, mark };
    let settings = checked(&raw, at, folder, &mut context);
    match (settings, context.findings.since(mark)) {
        (Ok(settings), None) => Ok(settings),
        (_, Some(reported)) => Err(reported),
        (Err(_), None) => {
            Err(context.findings.against_schema(at.key(), "a value is not known here"))
        }
    }
}

fn checked(
    raw: &RawSettings,
    at: At<'_>,
    folder: &Path,
    context: &mut Context<'_>,
) -> Got<Settings> {
    let instance_id = match context.optional(raw.instance_id.as_ref(), at.field("instance_id")) {
        Ok(Some(text)) => {
            context.name("instance id", text, at.field("instance_id"), InstanceId::new)
        }
        Ok(None) => hostname(context.findings, at.key()).map_err(Into::into),
        Err(absent) => Err(absent),
    };
    let pipelines = path(raw.pipelines.as_ref(), at.field("pipelines"), folder, context);
    let schemas = path(raw.schemas.as_ref(), at.field("schemas"), folder, context);
    let state = path(raw.state.as_ref(), at.field("state"), folder, context);
    let socket = socket(raw, at.field("admin"), folder, context);
    let listen = listen(raw, at.field("admin"), context);
    let clusters = clusters::check(raw.clusters.as_ref(), at.field("clusters"), folder, context);
    let reload = reload(raw, at.field("reload"), context);
    Ok(Settings {
        instance_id: instance_id?,
        pipelines: pipelines?.unwrap_or_else(|| folder.join("pipelines")),
        schemas: schemas?.unwrap_or_else(|| folder.join("schemas")),
        state: state?.unwrap_or_else(|| default_state(context.environment)),
        socket: socket?,
        listen: listen?,
        clusters: clusters?.unwrap_or_else(clusters::default),
        reload: reload?,
    })
}

fn reload(raw: &RawSettings, at: At<'_>, context: &mut Context<'_>) -> Got<ReloadPolicy> {
    let Some(raw) = context.optional(raw.reload.as_ref(), at)? else {
        return Ok(ReloadPolicy::default());
    };
    let policy = context.optional(raw.policy.as_ref(), at.field("policy"))?;
    Ok(policy.map_or(ReloadPolicy::default(), |policy| match policy {
        RawReloadPolicy::PerPipeline => ReloadPolicy::PerPipeline,
        RawReloadPolicy::AllOrNothing => ReloadPolicy::AllOrNothing,
    }))
}

fn socket(
    raw: &RawSettings,
    at: At<'_>,
    folder: &Path,
    context: &mut Context<'_>,
) -> Got<Option<PathBuf>> {
    let Some(admin) = context.optional(raw.admin.as_ref(), at)? else { return Ok(None) };
    path(admin.socket.as_ref(), at.field("socket"), folder, context)
}

/// Nothing but this host reads it, so that nobody has to prove who he is.
fn listen(raw: &RawSettings, at: At<'_>, context: &mut Context<'_>) -> Got<Option<SocketAddr>> {
    let Some(admin) = context.optional(raw.admin.as_ref(), at)? else { return Ok(None) };
    let at = at.field("listen");
    let Some(text) = context.optional(admin.listen.as_ref(), at)? else { return Ok(None) };
    let text = match context.interpolated(text, at) {
        // Without the environment nobody listens.
        Err(Absent::Unknown) => return Ok(None),
        other => other?,
    };
    match text.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => Ok(Some(address)),
        Ok(_) => Err(context.findings.listens_beyond_this_host(at.place(), &text).into()),
        Err(_) => Err(context.findings.bad_listen_address(at.place(), &text).into()),
    }
}

/// A path, relative to the settings file's folder.
fn path(
    part: Option<&super::raw::Part<String>>,
    at: At<'_>,
    folder: &Path,
    context: &mut Context<'_>,
) -> Got<Option<PathBuf>> {
    let Some(text) = context.optional(part, at)? else { return Ok(None) };
    let text = context.known_text(text, at)?;
    if text.is_empty() {
        return Err(context.findings.empty_text(at.place(), at.key().text()).into());
    }
    Ok(Some(folder.join(text)))
}

fn defaults(environment: &Environment, findings: &mut Findings) -> Result<Settings, Reported> {
    let source = SourceText::new("(no settings file)", "");
    Ok(Settings {
        instance_id: hostname(findings, Place::new(&source, 0..0))?,
        pipelines: PathBuf::from("pipelines"),
        schemas: PathBuf::from("schemas"),
        state: default_state(environment),
        socket: None,
        listen: None,
        clusters: clusters::default(),
        reload: ReloadPolicy::default(),
    })
}

/// Where the admin socket is when the settings file names none: where systemd says, else where the user's session keeps such.
pub fn default_socket(environment: &Environment) -> Option<PathBuf> {
    let folder = |name: &str| environment.get(name).map(PathBuf::from);
    let first = |folders: &str| folders.split(':').next().map(PathBuf::from);
    environment
        .get("RUNTIME_DIRECTORY")
        .and_then(first)
        .or_else(|| folder("XDG_RUNTIME_DIR").map(|home| home.join("krouted")))
        .map(|folder| folder.join("admin.sock"))
}

fn default_state(environment: &Environment) -> PathBuf {
    let folder = |name: &str| environment.get(name).map(PathBuf::from);
    folder("STATE_DIRECTORY")
        .or_else(|| folder("XDG_STATE_HOME").map(|home| home.join("krouted")))
        .or_else(|| folder("HOME").map(|home| home.join(".local/state/krouted")))
        .unwrap_or_else(|| PathBuf::from("/var/lib/krouted"))
}

/// The kernel's hostname, with what an id may not hold replaced: it is stable across restarts, and unique where hosts are.
fn hostname(findings: &mut Findings, place: Place) -> Result<InstanceId, Reported> {
    let text = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let legal =
        |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' };
    let name: String = text.trim().chars().map(legal).collect();
    InstanceId::new(&name).map_err(|why| findings.bad_hostname(place, &name, &why))
}
