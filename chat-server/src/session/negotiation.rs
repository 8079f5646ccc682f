//! `CAP`: what the client understands (<https://ircv3.net/specs/extensions/capability-negotiation>).

use chat_core::proto::{Capability, CapabilitySet, Numeric, cut};

use crate::settings::{Privacy, Settings};

/// Bytes of capability names in one line of a list; the rest of the line's 512 stands before them.
const NAMES_BYTES_MAX: usize = 400;

/// The negotiation of one client.
#[derive(Debug, Default)]
pub(super) struct Negotiation {
    pub(super) capabilities: CapabilitySet,
    /// `CAP LS` or `REQ` has been sent and `END` has not: registration waits.
    pub(super) is_open: bool,
    /// The privacy of the connection: whether others can read what is said.
    privacy: Privacy,
    /// The client understands version 302: lists in several lines, and `cap-notify` with it.
    is_302: bool,
}

impl Negotiation {
    pub(super) fn new(privacy: Privacy) -> Self {
        Self { privacy, ..Self::default() }
    }

    /// The lines that answer one `CAP`. `nick` is `*` before registration.
    pub(super) fn handle(
        &mut self,
        settings: &Settings,
        nick: &str,
        subcommand: &str,
        arguments: &[String],
        is_registered: bool,
    ) -> Vec<Box<str>> {
        let server = settings.name.as_str();
        let argument = arguments.first().map_or("", String::as_str);
        match &*subcommand.to_ascii_uppercase() {
            "LS" => {
                self.is_open |= !is_registered;
                // "consistent with the request's version", whatever came before.
                let is_302 = argument.parse::<u32>().is_ok_and(|version| version >= 302);
                if is_302 {
                    self.is_302 = true;
                    self.capabilities = self.capabilities.with(Capability::CapNotify);
                }
                let offered: Vec<String> = Capability::ALL
                    .iter()
                    .filter_map(|own| match settings.offers(*own, self.privacy)? {
                        // Values are for those who know that there can be any ("CAP LS 302").
                        Some(value) if is_302 => Some(format!("{}={value}", own.name())),
                        // Without its value, which such clients know nothing of, it says nothing.
                        Some(_) if *own == Capability::Sts => None,
                        // Their list is one line, and they are older than any draft.
                        _ if !is_302 && own.name().starts_with("draft/") => None,
                        _ => Some(own.name().to_owned()),
                    })
                    .collect();
                list(server, nick, "LS", is_302, offered.iter().map(String::as_str))
            }
            "LIST" => {
                let names = self.capabilities.iter().map(Capability::name);
                list(server, nick, "LIST", self.is_302, names)
            }
            "REQ" => {
                self.is_open |= !is_registered;
                // Without a colon they are parameters of their own.
                let wanted = arguments.join(" ");
                let Some(requested) = self.request(settings, &wanted) else {
                    return vec![refusal(server, nick, &wanted)];
                };
                self.capabilities = requested;
                acknowledgement(server, nick, &wanted)
            }
            "END" => {
                self.is_open = false;
                Vec::new()
            }
            _ => {
                let word = subcommand.trim_start_matches(':').split(' ').next().unwrap_or_default();
                let word = if word.is_empty() { "*" } else { word };
                let numeric = Numeric::ERR_INVALIDCAPCMD;
                vec![
                    format!(":{server} {numeric} {nick} {word} :CAP has no such subcommand").into(),
                ]
            }
        }
    }

    /// The lines about what is offered `now` and was not `before`
    /// (<https://ircv3.net/specs/extensions/capability-negotiation#cap-new>); what is no longer offered holds
    /// no longer.
    pub(super) fn offer(&mut self, before: &Settings, now: &Settings, nick: &str) -> Vec<Box<str>> {
        let mut lines = Vec::new();
        let wants_to_know = self.capabilities.contains(Capability::CapNotify);
        for capability in Capability::ALL {
            let [was, is] =
                [before, now].map(|settings| settings.offers(*capability, self.privacy));
            let name = capability.name();
            let change = match (was, is) {
                (was, is) if was == is => continue,
                // "Servers MUST NOT send CAP DEL to disable this capability"; a policy of no duration ends it,
                // and only what nobody else can read is believed. (sts)
                (_, None) if *capability == Capability::Sts && self.privacy == Privacy::Secure => {
                    format!("NEW :{name}=duration=0")
                }
                (_, None) if *capability == Capability::Sts => continue,
                (_, Some(Some(value))) if self.is_302 => format!("NEW :{name}={value}"),
                // Without its value, which such clients know nothing of, it says nothing.
                (_, Some(Some(_))) if *capability == Capability::Sts => continue,
                (_, Some(_)) => format!("NEW :{name}"),
                (_, None) => {
                    self.capabilities = self.capabilities.without(*capability);
                    format!("DEL :{name}")
                }
            };
            lines.push(format!(":{} CAP {nick} {change}", now.name).into());
        }
        if wants_to_know { lines } else { Vec::new() }
    }

    /// The set after a request; `None` if any of it cannot be had: all or nothing.
    fn request(&self, settings: &Settings, argument: &str) -> Option<CapabilitySet> {
        let mut capabilities = self.capabilities;
        for word in argument.split(' ').filter(|word| !word.is_empty()) {
            let (name, is_off) = word.strip_prefix('-').map_or((word, false), |name| (name, true));
            let capability = Capability::from_name(name)?;
            if !is_off {
                settings.offers(capability, self.privacy)?;
            }
            // "Clients MUST NOT request this capability", and it is not for switching on.
            if capability == Capability::Sts {
                return None;
            }
            // "Clients that negotiate 302 cannot disable cap-notify".
            if is_off && capability == Capability::CapNotify && self.is_302 {
                return None;
            }
            capabilities = if is_off {
                capabilities.without(capability)
            } else {
                capabilities.with(capability)
            };
        }
        // "Clients MUST NOT request more than one of [...]. Servers MUST NOT accept these requests either."
        // (metadata)
        let both = [Capability::Metadata2, Capability::Metadata3];
        if both.iter().all(|one| capabilities.contains(*one)) {
            return None;
        }
        Some(capabilities)
    }
}

/// The lines that acknowledge what was `wanted`, cut between capabilities; all of it holds by the last of them ("If an ACK
/// reply originating from the server is spread across multiple lines").
fn acknowledgement(server: &str, nick: &str, wanted: &str) -> Vec<Box<str>> {
    if wanted.len() <= NAMES_BYTES_MAX {
        return vec![format!(":{server} CAP {nick} ACK :{wanted}").into()];
    }
    let names = lines_of(wanted.split(' ').filter(|word| !word.is_empty()));
    names.iter().map(|names| format!(":{server} CAP {nick} ACK :{names}").into()).collect()
}

/// The line that refuses what was `wanted`: all of it, or as many of its first capabilities as a line has room for.
fn refusal(server: &str, nick: &str, wanted: &str) -> Box<str> {
    let shown = match cut(wanted, NAMES_BYTES_MAX) {
        whole if whole.len() == wanted.len() => whole,
        // A single word that no line has room for is none of ours.
        part => part.rsplit_once(' ').map_or(part, |(names, _)| names),
    };
    format!(":{server} CAP {nick} NAK :{shown}").into()
}

/// `words` in as many lines as they need, if the client knows that there may be several.
fn list<'w>(
    server: &str,
    nick: &str,
    subcommand: &str,
    in_several: bool,
    words: impl Iterator<Item = &'w str>,
) -> Vec<Box<str>> {
    let lines =
        if in_several { lines_of(words) } else { vec![words.collect::<Vec<_>>().join(" ")] };
    let last = lines.len() - 1;
    let lines = lines.iter().enumerate().map(|(index, names)| {
        let more = if index < last { " *" } else { "" };
        format!(":{server} CAP {nick} {subcommand}{more} :{names}").into()
    });
    lines.collect()
}

/// `words` in as many texts as have room for them; one that is empty if there are none.
fn lines_of<'w>(words: impl Iterator<Item = &'w str>) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in words {
        let line = lines.last_mut().expect("there is always one");
        if line.is_empty() {
            line.push_str(word);
        } else if line.len() + 1 + word.len() > NAMES_BYTES_MAX {
            lines.push(word.to_owned());
        } else {
            line.push(' ');
            line.push_str(word);
        }
    }
    lines
}
