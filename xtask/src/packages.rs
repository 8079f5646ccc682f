//! Packages of the system: which are missing, and how they come.

use std::{collections::BTreeSet, process::Command};

use super::{Outcome, say};

/// Packages by their names in Debian and Ubuntu, and what they are for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Group {
    purpose: &'static str,
    names: &'static [&'static str],
}

/// What the desktop program is built with and looks like.
pub(crate) const DESKTOP: Group = Group {
    purpose: "to build the desktop program",
    names: &["pkg-config", "libgtk-4-dev", "libadwaita-1-dev", "adwaita-icon-theme"],
};

/// What the tests talk to.
pub(crate) const TESTS: Group = Group {
    purpose: "for the tests: a display, a screen reader's view of it, and other people's clients",
    names: &[
        "at-spi2-core",
        "dbus",
        "dbus-daemon",
        "fonts-dejavu-core",
        "fonts-noto-color-emoji",
        "gir1.2-atspi-2.0",
        "imagemagick",
        "irssi",
        "netcat-openbsd",
        "python3-gi",
        "python3-pyatspi",
        "weechat-headless",
        "weechat-plugins",
        "xauth",
        "xdotool",
        "xvfb",
    ],
};

/// Installs what is missing of `groups`, or says what to install.
pub(crate) fn install(groups: &[Group]) -> Outcome {
    let installed = installed();
    let mut missing = Vec::new();
    for group in groups {
        let names: Vec<&str> =
            group.names.iter().copied().filter(|name| !installed.contains(*name)).collect();
        if !names.is_empty() {
            say(&format!("== missing {}: {}", group.purpose, names.join(" ")));
            missing.extend(names);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    if !std::path::Path::new("/etc/debian_version").exists() {
        return Err(format!(
            "this is neither Debian nor Ubuntu: install what these packages hold there, and then run \
             this again: {}",
            missing.join(" ")
        ));
    }
    run_as_root(&["apt-get", "update", "--quiet"])?;
    let mut install = vec!["apt-get", "install", "--yes", "--quiet", "--no-install-recommends"];
    install.extend(missing);
    run_as_root(&install)
}

/// Names of all installed packages; none where there is no dpkg.
fn installed() -> BTreeSet<String> {
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
