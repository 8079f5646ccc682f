//! The configuration file and the flags, each a table of the keys that [`Config`] has: they are laid over one another
//! and read once. `docs/chat-server.toml` explains each key; the program's flags are the same by the same names.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use chat_core::proto::CaseMapping;
use serde::Serialize;
use toml::{Table, Value};

use super::{Account, Config, check_contradictions};
use crate::{TlsSource, auth};

/// The configuration as a file or the flags say it. Every key is optional.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ConfigFile(Table);

impl From<Table> for ConfigFile {
    /// The configuration that `table` says, whatever its keys are: [`ConfigFile::into_config`] tells what cannot be.
    fn from(table: Table) -> Self {
        Self(table)
    }
}

impl ConfigFile {
    /// Reads a file.
    ///
    /// # Errors
    /// A sentence with the place in the file; for a key that is none, with the nearest one that is.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = read_text(path)?;
        Self::parse(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// As [`ConfigFile::read`].
    pub fn parse(text: &str) -> Result<Self, String> {
        let explained = |error: toml::de::Error| {
            let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            let message = error.message();
            format!("line {line}: {}", nearest(message).unwrap_or_else(|| message.to_owned()))
        };
        // By itself, since a table has no lines any more.
        toml::from_str::<Config>(text).map_err(explained)?;
        toml::from_str(text).map(Self).map_err(explained)
    }

    /// The configuration that is in force where nothing is said.
    #[must_use]
    pub fn defaults() -> Self {
        let folder = default_folder();
        // A name that TOML cannot write is not shown, and used all the same.
        let data = folder.filter(|folder| folder.to_str().is_some());
        let defaults = Config { data, ..Config::default() };
        Self(Table::try_from(defaults).expect("every default can be written"))
    }

    /// Whether something is said of `key`.
    #[must_use]
    pub fn says(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// This configuration, and where it says nothing, what `other` says.
    #[must_use]
    pub fn or(mut self, mut other: Self) -> Self {
        // One certificate or the other.
        if self.says("self-signed") {
            other.0.retain(|key, _| key != "certificate" && key != "key");
        } else if self.says("certificate") {
            other.0.retain(|key, _| key != "self-signed");
        }
        // Whoever says where to keep them says that they are to be kept.
        if self.says("data") && !self.says("in-memory") {
            self.0.insert("in-memory".to_owned(), false.into());
        }
        lay_over(&mut other.0, self.0);
        other
    }

    /// The configuration that follows from this; files it names are read.
    ///
    /// # Errors
    /// A sentence about what cannot be.
    pub fn into_config(self) -> Result<Config, String> {
        let Self(keys) = self.or(Self::defaults());
        let mut config: Config =
            keys.try_into().map_err(|error: toml::de::Error| error.message().to_owned())?;
        check(&config)?;
        config.password = config.password_file.as_deref().map(read_password).transpose()?;
        config.motd = config.motd_file.as_deref().map(read_text).transpose()?;
        config.tls = tls(&config)?;
        check_contradictions(&config)?;
        config.data = match (config.in_memory, config.data.or_else(default_folder)) {
            (true, _) => None,
            (false, Some(folder)) => Some(folder),
            (false, None) => return Err(
                "there is no folder to keep messages in: name one with --data, or keep none with --in-memory"
                    .to_owned(),
            ),
        };
        config.limits = config.limits.checked()?;
        config.limits.clients_max = config.max_clients;
        if config.unlimited {
            config.limits = config.limits.unlimited();
        }
        Ok(config)
    }
}

/// Puts the keys of `upper` in the place of those of `lower`; of sections, each key by itself.
fn lay_over(lower: &mut Table, upper: Table) {
    for (key, value) in upper {
        match (lower.get_mut(&key), value) {
            (Some(Value::Table(lower)), Value::Table(upper)) => lay_over(lower, upper),
            (_, value) => drop(lower.insert(key, value)),
        }
    }
}

/// The folder in which messages are kept unless somebody says where: what systemd gives a service, or the user's
/// folder for such things.
#[must_use]
pub fn default_folder() -> Option<PathBuf> {
    let given = std::env::var_os("STATE_DIRECTORY").map(PathBuf::from);
    given.or_else(|| Some(dirs::data_dir()?.join("chat-server")))
}

/// # Errors
/// A sentence about the first key whose value serves nobody.
fn check(config: &Config) -> Result<(), String> {
    let is_address = |own: &String| {
        let is_written = |byte: u8| byte.is_ascii_graphic() && !b"/?#@".contains(&byte);
        (1..=300).contains(&own.len()) && own.bytes().all(is_written)
    };
    if !config.public_address.as_ref().is_none_or(is_address) {
        return Err("public-address is what people connect to, like chat.example.org:6697".into());
    }
    let is_url = |url: &String| url.len() <= 300 && url.bytes().all(|byte| byte.is_ascii_graphic());
    if !config.network_icon.as_ref().is_none_or(is_url) {
        return Err("network-icon is a URL without spaces, of at most 300 bytes".into());
    }
    let is_line =
        |text: &String| (1..=200).contains(&text.len()) && !text.chars().any(char::is_control);
    if !config.description.as_ref().is_none_or(is_line) {
        return Err("description is one line of text, of at most 200 bytes".into());
    }
    for oper in &config.opers {
        check_hash(&oper.password, &format!("the operator {}", oper.name))?;
    }
    let mut names = BTreeSet::new();
    for Account { name, password, .. } in &config.accounts {
        if !names.insert(CaseMapping::Ascii.fold(name)) {
            return Err(format!("the account {name}: another one has this name already"));
        }
        // As it stands in the middle of lines.
        if name.is_empty() || name == "*" || name.starts_with(':') || name.contains([' ', ',']) {
            return Err(format!("the account {name:?}: a name is one word, and not *"));
        }
        check_hash(password, &format!("the account {name}"))?;
    }
    Ok(())
}

/// # Errors
/// A sentence, if no password could ever be right.
fn check_hash(hash: &str, whose: &str) -> Result<(), String> {
    if hash.is_empty() || auth::is_hash(hash) {
        return Ok(());
    }
    Err(format!(
        "{whose}: the password is to be what `chat-server hash` prints, not the password itself"
    ))
}

/// Says which key was meant, of those that `message` lists.
fn nearest(message: &str) -> Option<String> {
    let (unknown, expected) =
        message.strip_prefix("unknown field `")?.split_once("`, expected ")?;
    let keys = expected.split('`').skip(1).step_by(2);
    let nearest = keys.max_by(|a, b| {
        strsim::jaro_winkler(a, unknown).total_cmp(&strsim::jaro_winkler(b, unknown))
    })?;
    Some(format!("there is no key `{unknown}`; did you mean `{nearest}`?"))
}

fn tls(config: &Config) -> Result<Option<TlsSource>, String> {
    match (&config.certificate, &config.key) {
        (Some(certificate), Some(key)) => {
            Ok(Some(TlsSource::Files { certificate: certificate.clone(), key: key.clone() }))
        }
        (None, None) => Ok(config.self_signed.clone().map(|folder| {
            let names = vec![config.name.to_string(), "localhost".to_owned()];
            TlsSource::SelfSigned { folder, names }
        })),
        _ => Err("a certificate needs its key, and a key its certificate".to_owned()),
    }
}

fn read_password(path: &Path) -> Result<String, String> {
    let text = read_text(path)?;
    let password = text.lines().next().unwrap_or_default();
    if password.is_empty() {
        return Err(format!("{}: the first line is to be the password", path.display()));
    }
    Ok(password.to_owned())
}

fn read_text(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Limits;

    #[test]
    fn what_is_in_force_reads_as_it_was_written() {
        let text = toml::to_string(&ConfigFile::defaults()).unwrap();
        assert_eq!(ConfigFile::parse(&text), Ok(ConfigFile::defaults()));
        let limits = ConfigFile::default().into_config().unwrap().limits;
        assert_eq!(limits, Limits::default());
    }

    #[test]
    fn a_key_that_is_none_is_answered_with_the_nearest() {
        let error = |text: &str| ConfigFile::parse(text).unwrap_err();
        assert_eq!(error("lisen = []"), "line 1: there is no key `lisen`; did you mean `listen`?");
        let wrong = "network = \"ours\"\n\n[limits]\nping-timout = \"5s\"";
        assert_eq!(
            error(wrong),
            "line 4: there is no key `ping-timout`; did you mean `ping-timeout`?"
        );
        assert!(error("[limits]\nping-after = \"soon\"").contains("write a time like 30s"));
        assert!(error("max-clients = \"many\"").starts_with("line 1: "));
    }

    #[test]
    fn who_says_more_of_a_thing_says_all_of_it() {
        let said = |upper: &str, lower: &str| {
            let [upper, lower] = [upper, lower].map(|text| ConfigFile::parse(text).unwrap());
            toml::to_string(&upper.or(lower)).unwrap()
        };
        let files = "certificate = \"c\"\nkey = \"k\"\n";
        let own = "self-signed = \"s\"\n";
        assert_eq!(said(own, files), own);
        assert_eq!(said(files, own), files);
        assert_eq!(said("data = \"d\"", "in-memory = true"), "in-memory = false\ndata = \"d\"\n");
        let limits = said("[limits]\nmodes = 5", "[limits]\nmodes = 6\ntargets = 7");
        assert_eq!(limits, "[limits]\nmodes = 5\ntargets = 7\n");
    }

    /// Keys that have no value by default are explained as well: the keys are those that reading knows.
    #[test]
    fn every_key_is_explained() {
        let page = include_str!("../../../docs/chat-server.toml");
        let mut sections = vec![("", Vec::new())];
        for line in page.lines().map(|line| line.strip_prefix('#').unwrap_or(line)) {
            match line.split_once(" = ") {
                _ if line.starts_with('[') => sections.push((line, Vec::new())),
                Some((key, _)) if !key.contains(' ') => sections.last_mut().unwrap().1.push(key),
                _ => {}
            }
        }
        let name_of = |header: &str| header.trim_matches(['[', ']']).to_owned();
        let named: Vec<String> = sections.iter().map(|(header, _)| name_of(header)).collect();
        for (header, explained) in &sections {
            let wrong = toml::from_str::<Config>(&format!("{header}\nno-such-key = 1"));
            let message = wrong.unwrap_err().message().to_owned();
            let mut keys: Vec<&str> = message.split('`').skip(3).step_by(2).collect();
            assert!(keys.len() >= 2, "{header}: {message}");
            keys.retain(|key| !explained.contains(key));
            let path = |key: &str| format!("{}.{key}", name_of(header));
            keys.retain(|key| !named.contains(&path(key).trim_start_matches('.').to_owned()));
            assert!(keys.is_empty(), "{header} {keys:?} are not explained");
        }
    }
}
