//! Services: they answer in words, for people whose programs know nothing else.

use super::CaseMapping;

/// A nick under which the server speaks with people: messages to it are heard by nobody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// About rooms.
    ChanServ,
    /// About accounts.
    NickServ,
    /// About the server, with those who operate it.
    OperServ,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ChanServ, Self::NickServ, Self::OperServ];

    /// Its nick.
    #[must_use]
    pub fn nick(self) -> &'static str {
        match self {
            Self::ChanServ => "ChanServ",
            Self::NickServ => "NickServ",
            Self::OperServ => "OperServ",
        }
    }

    /// The one of that nick.
    ///
    /// ```
    /// use chat_core::proto::Service;
    /// assert_eq!(Service::by_nick("nickserv"), Some(Service::NickServ));
    /// assert_eq!(Service::by_nick("Ann"), None);
    /// ```
    #[must_use]
    pub fn by_nick(nick: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| CaseMapping::Ascii.same(service.nick(), nick))
    }
}
