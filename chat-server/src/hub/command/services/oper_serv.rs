//! Messages to OperServ: those who operate the server ban addresses and accounts from it.

use std::sync::Arc;

use chat_core::proto::Service;

use crate::{
    delivery::ReplyLine,
    hub::{
        Hub,
        command::services::request::Said,
        refusal::Refusal,
        replies::turn::Turn,
        state::{
            change_purpose::ChangePurpose,
            codec,
            operator_trail::OperatorAction,
            server_ban::{Ban, Banned},
            slots::Slot,
        },
    },
    room_log::Change,
};

/// The requests, as `HELP` tells them.
const HELP: &[&str] = &[
    "BAN address|~a:account [time] [reason]: they may not come here; an address is 192.0.2.7 or 2001:db8::/32, a time 2h or 7d",
    "UNBAN address|~a:account: they may again",
    "BANS: who may not, how long and why",
    "LOG [n]: what operators of the server have done",
];

impl Hub {
    pub(crate) fn oper_serv(&mut self, turn: &mut Turn, text: &str) -> Result<(), Refusal> {
        if !self.people.device(turn.conn).is_operator() {
            return Err(Refusal::NoPrivileges);
        }
        let said = Said::new(Service::OperServ, HELP, text);
        match &*said.command() {
            "BANS" => {
                self.show_server_bans(turn, &said);
                Ok(())
            }
            "LOG" => self.show_operator_trail(turn, &said),
            command => {
                let conn = turn.conn;
                match command {
                    "BAN" => self.ban(turn, &said),
                    "UNBAN" => self.unban(turn, &said),
                    _ => return said.help(turn),
                }?;
                // Whatever changes something leaves a trail.
                self.note_operator_action(conn, &said.whole());
                Ok(())
            }
        }
    }

    /// Shows what operators of the server have done, the latest last.
    fn show_operator_trail(&self, turn: &mut Turn, said: &Said<'_>) -> Result<(), Refusal> {
        let n_max = self.settings.limits.history_page_max;
        let n = said.word(1).map_or(Some(20), |n| n.parse().ok());
        let n = n.filter(|n| (1..=n_max).contains(n));
        let n = n.ok_or_else(|| said.no(&format!("n is a number up to {n_max}")))?;
        if self.accounts.operator_actions(1).next().is_none() {
            said.say(turn, "no operator of this server has done anything");
        }
        for action in self.accounts.operator_actions(n) {
            let OperatorAction { at, by, account, address, did } = action;
            let at = humantime::format_rfc3339_seconds(codec::time_at(*at));
            let account = account.as_deref().map_or_else(String::new, |own| format!(" ({own})"));
            said.say(turn, &format!("{at} {by}{account} from {address}: {did}"));
        }
        Ok(())
    }

    fn banned(&self, said: &Said<'_>) -> Result<Banned, Refusal> {
        Banned::read(said.need(1)?)
            .ok_or_else(|| said.no("write an address, a network like 192.0.2.0/24, or ~a:account"))
    }

    fn ban(&mut self, turn: &mut Turn, said: &Said<'_>) -> Result<(), Refusal> {
        let banned = self.banned(said)?;
        if matches!(&banned, Banned::Addresses(net) if net.prefix_len() == 0) {
            return Err(said.no("that is everybody: nobody could come any more"));
        }
        let terms = said.terms(2, self.now().wall)?;
        let is_over = |own: &&Ban| !own.holds(self.now().wall);
        let over =
            self.accounts.bans().iter().filter(|(_, own)| is_over(own)).map(|(banned, _)| banned);
        let mut changes: Vec<Change> = over.map(Banned::lift).collect();
        if !self.has_slot(&Slot::server_ban(banned.shown()), &[]) {
            return Err(said.no("there are as many bans as there may be: end one first"));
        }
        let by = Arc::clone(self.people.person(turn.person).nick.shown());
        let shown = terms.shown();
        changes.push(banned.ban(&Ban { by, at: self.now().wall, terms }));
        self.keep_bans(turn, said, changes, format!("{} is banned{shown}", banned.shown()))
    }

    fn unban(&mut self, turn: &mut Turn, said: &Said<'_>) -> Result<(), Refusal> {
        let banned = self.banned(said)?;
        if !self.accounts.bans().contains_key(&banned) {
            return Err(said.no("there is no such ban: write BANS"));
        }
        let text = format!("{} is banned no more", banned.shown());
        self.keep_bans(turn, said, vec![banned.lift()], text)
    }

    fn keep_bans(
        &mut self,
        turn: &mut Turn,
        said: &Said<'_>,
        changes: Vec<Change>,
        text: String,
    ) -> Result<(), Refusal> {
        let reply = vec![ReplyLine::Said { by: Service::OperServ, text: text.into() }];
        self.submit_changes(turn, changes.into(), ChangePurpose::Bans { reply })
            .map_err(|why| said.no(why))
    }

    fn show_server_bans(&self, turn: &mut Turn, said: &Said<'_>) {
        let holding: Vec<_> =
            self.accounts.bans().iter().filter(|(_, ban)| ban.holds(self.now().wall)).collect();
        if holding.is_empty() {
            said.say(turn, "nobody is banned from this server");
        }
        for (banned, Ban { by, at, terms }) in holding {
            let (banned, at) = (banned.shown(), humantime::format_rfc3339_seconds(*at));
            said.say(turn, &format!("{banned} was banned by {by} at {at}{}", terms.shown()));
        }
    }
}
