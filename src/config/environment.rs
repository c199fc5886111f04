//! The environment, read in one place, and the `${NAME}` that refer to it.

use std::collections::BTreeMap;

#[cfg(test)]
mod tests;

/// The variables that `${NAME}` may name, and what becomes of one that is not set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Environment {
    /// These are all: another name is a finding.
    Known(BTreeMap<String, String>),
    /// Nobody knows them here: each is some text, and what depends on it is not checked.
    Unknown,
}

impl Environment {
    /// Reads the environment of this process. A variable that is not UTF-8 counts as not set.
    pub fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self::Known(std::env::vars_os().filter_map(text).collect())
    }

    /// The value of a variable; an empty one counts as not set, as in `${NAME:-default}` of a shell.
    pub fn get(&self, name: &str) -> Option<&str> {
        match self {
            Self::Known(variables) => {
                variables.get(name).map(String::as_str).filter(|v| !v.is_empty())
            }
            Self::Unknown => None,
        }
    }

    /// Puts values in the place of `${NAME}` and `${NAME:-default}`; `$${` stands for `${`.
    pub(super) fn interpolate(&self, text: &str) -> Result<Interpolated, BadReference> {
        let mut out = String::new();
        let mut unknown = false;
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            if let Some(before) = before.strip_suffix('$') {
                out.push_str(before);
                out.push_str("${");
                rest = after;
                continue;
            }
            out.push_str(before);
            let Some((reference, after)) = after.split_once('}') else {
                return Err(BadReference::Open);
            };
            match self.value_of(reference)? {
                Some(value) => out.push_str(value),
                None => unknown = true,
            }
            rest = after;
        }
        out.push_str(rest);
        Ok(if unknown { Interpolated::Unknown } else { Interpolated::Text(out) })
    }

    fn value_of<'a>(&'a self, reference: &'a str) -> Result<Option<&'a str>, BadReference> {
        let (name, default) = match reference.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (reference, None),
        };
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty()
            || !name.chars().all(legal)
            || name.starts_with(|c: char| c.is_ascii_digit())
        {
            return Err(BadReference::Name(name.to_owned()));
        }
        match (self.get(name).or(default), self) {
            (Some(value), _) => Ok(Some(value)),
            (None, Self::Unknown) => Ok(None),
            (None, Self::Known(_)) => Err(BadReference::NotSet(name.to_owned())),
        }
    }
}

/// A text whose references were looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Interpolated {
    /// All are known.
    Text(String),
    /// At least one is not known here.
    Unknown,
}

/// What is wrong with a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum BadReference {
    /// `${` without `}`.
    Open,
    /// Not a name of a variable.
    Name(String),
    /// Not set, and no default is given.
    NotSet(String),
}
