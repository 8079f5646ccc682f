//! Packages of the system: which are missing, and how they come.

use std::{collections::BTreeSet, process::Command};

use super::{Outcome, say};

/// Packages by their names in Debian and Ubuntu, and what they are for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Group {
    purpose: &'static str,
    names: &'static [&'static str],
}

/// The packages that the desktop program is built with and takes its look from.
pub(crate) const DESKTOP: Group = Group {
    purpose: "to build the desktop program",
    names: &["pkg-config", "libgtk-4-dev", "libadwaita-1-dev", "adwaita-icon-theme"],
};

/// The packages that the tests talk to.
pub(crate) const TESTS: Group = Group {
    purpose: "for the tests: a display, a screen reader's view of it, and other people's clients and servers",
    names: &[
        "at-spi2-core",
        "chromium",
        "dbus",
        "dbus-daemon",
        "fonts-dejavu-core",
        "fonts-noto-color-emoji",
        "gir1.2-atspi-2.0",
        "imagemagick",
        "inspircd",
        "irssi",
        "netcat-openbsd",
        "ngircd",
        "nodejs",
        "npm",
        "openssl",
        "python3-gi",
        "python3-pyatspi",
        "sqlite3",
        "valgrind",
        "weechat-headless",
        "weechat-plugins",
        "xauth",
        "xdotool",
        "xvfb",
    ],
};

/// The packages that the benchmark measures ours against, and that of the network it does that in.
pub(crate) const PEERS: Group = Group {
    purpose: "to measure against",
    names: &["inspircd", "iproute2", "mosquitto", "nats-server", "ngircd", "redis-server"],
};

/// The packages that would run as services from now on; tests and benchmarks start them themselves.
const SERVICES: &[&str] = &["inspircd", "mosquitto", "nats-server", "ngircd", "redis-server"];

/// The packages that libFuzzer is built with.
pub(crate) const FUZZ: Group = Group { purpose: "to fuzz", names: &["g++"] };

/// The plan for packages.
#[derive(Debug, PartialEq, Eq)]
enum Plan {
    Nothing,
    Install(Vec<&'static str>),
    /// The system has other packages, or other names for them: say which, and go on.
    Name(Vec<&'static str>),
}

/// Installs what is missing of `groups`; where that cannot be known, says what there should be.
pub(crate) fn install(groups: &[Group]) -> Outcome {
    let is_debian = std::path::Path::new("/etc/debian_version").exists();
    let missing = missing(groups, &installed());
    for (purpose, names) in &missing {
        say(&format!("== missing {purpose}: {}", names.join(" ")));
    }
    match plan(missing, is_debian) {
        Plan::Nothing => Ok(()),
        Plan::Install(names) => {
            run_as_root(&["apt-get", "update", "--quiet"])?;
            let install = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends"];
            run_as_root(&[&install[..], &names].concat())?;
            let mut services = names;
            services.retain(|name| SERVICES.contains(name));
            if services.is_empty() || !std::path::Path::new("/run/systemd/system").exists() {
                return Ok(());
            }
            run_as_root(&[&["systemctl", "disable", "--now"][..], &services].concat())
        }
        Plan::Name(names) => {
            say(&format!(
                "== this is neither Debian nor Ubuntu: if the following fails, install what these \
                 packages hold there: {}",
                names.join(" ")
            ));
            Ok(())
        }
    }
}

/// For each purpose, the names that are not among the `installed`.
fn missing(
    groups: &[Group],
    installed: &BTreeSet<String>,
) -> Vec<(&'static str, Vec<&'static str>)> {
    let of = |group: &Group| {
        let names = group.names.iter().copied().filter(|name| !installed.contains(*name));
        (group.purpose, names.collect::<Vec<_>>())
    };
    groups.iter().map(of).filter(|(_, names)| !names.is_empty()).collect()
}

fn plan(missing: Vec<(&'static str, Vec<&'static str>)>, is_debian: bool) -> Plan {
    let names: Vec<&str> = missing.into_iter().flat_map(|(_, names)| names).collect();
    match (names.is_empty(), is_debian) {
        (true, _) => Plan::Nothing,
        (false, true) => Plan::Install(names),
        (false, false) => Plan::Name(names),
    }
}

/// Names of all installed packages, and what is there in another way; none where there is no dpkg.
fn installed() -> BTreeSet<String> {
    let mut names = packages();
    // Those who have Node from its makers have npm with it, and not as a package.
    if Command::new("npm").arg("--version").output().is_ok_and(|npm| npm.status.success()) {
        names.extend(["nodejs", "npm"].map(str::to_owned));
    }
    names
}

fn packages() -> BTreeSet<String> {
    let format = "--showformat=${Package} ${db:Status-Status}\n";
    let Ok(output) = Command::new("dpkg-query").args(["--show", format]).output() else {
        return BTreeSet::new();
    };
    let listed = String::from_utf8_lossy(&output.stdout);
    let names = listed.lines().filter_map(|line| line.strip_suffix(" installed"));
    names.map(str::to_owned).collect()
}

fn run_as_root(words: &[&str]) -> Outcome {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    let words: Vec<&str> = if is_root { words.to_vec() } else { [&["sudo"], words].concat() };
    say(&format!("== {}", words.join(" ")));
    let status = Command::new(words[0])
        .args(&words[1..])
        .env("DEBIAN_FRONTEND", "noninteractive")
        .status()
        .map_err(|error| format!("cannot run {}: {error}", words[0]))?;
    if status.success() { Ok(()) } else { Err(format!("{} failed ({status})", words.join(" "))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_installed_where_that_can_be_done() {
        let groups = [DESKTOP, TESTS];
        let all = |group: &Group| group.names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let mut installed: BTreeSet<String> = groups.iter().flat_map(all).collect();
        assert_eq!(plan(missing(&groups, &installed), true), Plan::Nothing);
        installed.remove("irssi");
        assert_eq!(plan(missing(&groups, &installed), true), Plan::Install(vec!["irssi"]));
        // Elsewhere it is said, and the work goes on.
        assert_eq!(plan(missing(&groups, &installed), false), Plan::Name(vec!["irssi"]));
    }
}
