//! `HELP` and `HELPOP` (<https://modern.ircdocs.horse/#help-message>): one line for each command.

use chat_core::proto::{Command, Numeric};

use crate::hub::{
    Hub,
    refusal::{Refusal, word},
    replies::turn::Turn,
};

/// The help line of each command. A test holds it against [`Command::WORDS`].
const TOPICS: &[(&str, &str)] = &[
    ("ADMIN", "ADMIN: who runs this server"),
    ("AUTHENTICATE", "AUTHENTICATE mechanism|response|*: log in to your account"),
    ("AWAY", "AWAY [reason]: say that you are away, or back again"),
    (
        "BATCH",
        "BATCH +ref draft/multiline target: begin a message of several lines; BATCH -ref ends it",
    ),
    ("CAP", "CAP LS|LIST|REQ|END: what your program understands"),
    ("CHANGES", "CHANGES target|* timestamp=|msgid=|* n: all that has happened since then"),
    ("CHANSERV", "CHANSERV words: say something to ChanServ, about rooms; HELP is one of them"),
    (
        "CHATHISTORY",
        "CHATHISTORY LATEST|BEFORE|AFTER|AROUND|BETWEEN target ref [ref] n: what was said before",
    ),
    ("CHGHOST", "CHGHOST nick user host: for operators: hide where someone is"),
    ("CS", "CS words: the same as CHANSERV"),
    ("EDIT", "EDIT target msgid text: change what a message of yours says"),
    ("HELP", "HELP [command]: this"),
    ("HELPOP", "HELPOP [command]: the same as HELP"),
    ("INFO", "INFO: about this server"),
    ("INVITE", "INVITE nick #room: ask someone into a room; alone, the invitations you have"),
    ("ISON", "ISON nick...: who of these is here"),
    ("ISUPPORT", "ISUPPORT: what this server supports"),
    ("JOIN", "JOIN #room[,#room] [key[,key]]: enter rooms; JOIN 0 leaves all"),
    ("KICK", "KICK #room nick[,nick] [reason]: remove people from a room you operate"),
    ("KILL", "KILL nick reason: for operators: end someone's connection"),
    ("KNOCK", "KNOCK #room [reason]: ask those who operate a room to be let in"),
    ("LINKS", "LINKS: the servers of this network"),
    ("LIST", "LIST [#room,...|*mask*,!mask,>n,<n,C>min,C<min,T>min,T<min]: the rooms"),
    ("LUSERS", "LUSERS: how many are here"),
    ("MARKREAD", "MARKREAD target [timestamp=...]: up to where you have read, on all your devices"),
    ("METADATA", "METADATA target GET|LIST|SET|CLEAR|SUB|UNSUB|SUBS|SYNC [...]: what is published"),
    ("MODE", "MODE #room|nick [changes [arguments]]: see or change modes"),
    ("MONITOR", "MONITOR +|- nick[,nick] | C | L | S: be told when someone comes and goes"),
    ("MOTD", "MOTD: the message of the day"),
    ("NAMES", "NAMES #room[,#room]: who is in a room"),
    ("NICK", "NICK nick: take another nick"),
    (
        "NICKSERV",
        "NICKSERV words: say something to NickServ, about your account; HELP is one of them",
    ),
    ("NOTICE", "NOTICE target[,target] text: a message that is not answered by programs"),
    ("NS", "NS words: the same as NICKSERV"),
    ("OPER", "OPER name password: become an operator of the server"),
    (
        "OPERSERV",
        "OPERSERV words: for operators: say something to OperServ, about who may not come here",
    ),
    ("OS", "OS words: the same as OPERSERV"),
    ("PART", "PART #room[,#room] [reason]: leave rooms"),
    ("PASS", "PASS password: before registration, the server's password"),
    ("PING", "PING token: are you there?"),
    ("PONG", "PONG token: I am here"),
    ("PRIVMSG", "PRIVMSG target[,target] text: say something; @#room reaches its operators"),
    ("QUIT", "QUIT [reason]: leave"),
    ("REDACT", "REDACT target msgid [reason]: delete a message"),
    ("REGISTER", "REGISTER *|account *|email password: an account for the nick you have"),
    ("REHASH", "REHASH: for operators: read the configuration again"),
    ("RENAME", "RENAME #room #name [reason]: give a room you operate another name"),
    ("SEARCH", "SEARCH words | in=...;from=...;text=...;after=...;before=...: find what was said"),
    ("SETNAME", "SETNAME name: change your real name"),
    ("TAGMSG", "TAGMSG target: tags without a text"),
    ("TIME", "TIME: the server's clock"),
    ("TOPIC", "TOPIC #room [topic]: see or set the topic"),
    ("USER", "USER user 0 * name: part of registration"),
    ("USERHOST", "USERHOST nick...: where people are"),
    ("VERIFY", "VERIFY account code: not needed here"),
    ("VERSION", "VERSION: what this server is, and what it supports"),
    ("WALLOPS", "WALLOPS text: for operators: tell all who listen (MODE +w)"),
    ("WEBIRC", "WEBIRC password gateway host address [options]: for gateways, before all else"),
    ("WHO", "WHO #room|mask [o] [%fields[,token]]: who is there"),
    ("WHOIS", "WHOIS nick: about someone"),
    ("WHOWAS", "WHOWAS nick [count]: about someone who has gone"),
];

impl Hub {
    pub(crate) fn help(&self, turn: &mut Turn, topic: Option<&str>) -> Result<(), Refusal> {
        let subject = topic.unwrap_or("*").to_ascii_uppercase();
        let subject = word(&subject);
        let lines: Vec<&str> = match topic {
            None => TOPICS.iter().map(|(_, text)| *text).collect(),
            Some(topic) => {
                let found = TOPICS.iter().find(|(own, _)| own.eq_ignore_ascii_case(topic));
                let not_found = || Refusal::HelpNotFound(topic.to_owned());
                vec![found.ok_or_else(not_found)?.1]
            }
        };
        debug_assert_eq!(TOPICS.len(), Command::WORDS.len(), "each command has its help");
        turn.numeric(Numeric::RPL_HELPSTART, &[subject, "Help"]);
        for line in lines {
            turn.numeric(Numeric::RPL_HELPTXT, &[subject, line]);
        }
        turn.numeric(Numeric::RPL_ENDOFHELP, &[subject, "End of the help"]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_its_help() {
        let words: Vec<&str> = TOPICS.iter().map(|(word, _)| *word).collect();
        assert_eq!(words, Command::WORDS);
        assert!(TOPICS.iter().all(|(word, text)| text.starts_with(word) && text.len() < 100));
    }
}
