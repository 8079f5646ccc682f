//! `HELP` and `HELPOP` (<https://modern.ircdocs.horse/#help-message>): the line that each command has in
//! [`SPECS`].

use chat_core::proto::{CommandSpec, Numeric, SPECS};

use crate::hub::{
    Hub,
    refusal::{Refusal, as_asked, is_word},
    replies::turn::Turn,
};

impl Hub {
    pub(crate) fn help(&self, turn: &mut Turn, topic: Option<&str>) -> Result<(), Refusal> {
        // "MUST be the one requested by the client, but may be casefolded; unless it would be an invalid parameter"
        let subject = topic.unwrap_or("*").to_ascii_uppercase();
        let subject = if is_word(&subject) { as_asked(&subject) } else { "*" };
        let lines: Vec<&str> = match topic {
            None => SPECS.iter().map(|spec| spec.help).collect(),
            Some(topic) => {
                let found = CommandSpec::by_word(&topic.to_ascii_uppercase());
                let not_found = || Refusal::HelpNotFound(topic.to_owned());
                vec![found.ok_or_else(not_found)?.help]
            }
        };
        turn.numeric(Numeric::RPL_HELPSTART, &[subject, "Help"]);
        // "the first RPL_HELPTXT message SHOULD be empty"
        turn.numeric(Numeric::RPL_HELPTXT, &[subject, ""]);
        for line in lines {
            turn.numeric(Numeric::RPL_HELPTXT, &[subject, line]);
        }
        turn.numeric(Numeric::RPL_ENDOFHELP, &[subject, "End of the help"]);
        Ok(())
    }
}
