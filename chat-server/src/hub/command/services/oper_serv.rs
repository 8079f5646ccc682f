//! Messages to OperServ: those who operate the server ban addresses and accounts from it.

use std::sync::Arc;

use chat_core::proto::{CaseMapping, Service, mask_matches};

use crate::{
    delivery::ReplyLine,
    hub::{
        Hub,
        command::services::request::Said,
        refusal::{Refusal, word},
        replies::turn::Turn,
        state::{
            account_request::{AccountChange, AccountRequest, Via},
            change_purpose::ChangePurpose,
            codec,
            operator_trail::OperatorAction,
            server_ban::{Ban, Banned},
            slots::Slot,
        },
    },
    room_log::Change,
};

/// Accounts that are shown at once.
const ACCOUNTS_SHOWN_MAX: usize = 100;

/// The requests, as `HELP` tells them.
const HELP: &[&str] = &[
    "BAN address|~a:account [time] [reason]: they may not come here; an address is 192.0.2.7 or 2001:db8::/32, a time 2h or 7d",
    "UNBAN address|~a:account: they may again",
    "BANS: who may not, how long and why",
    "ACCOUNTS [mask]: the accounts that people have registered, and when they were used",
    "SUSPEND account [time] [reason]: nobody is logged in to it meanwhile; UNSUSPEND account ends that",
    "RESET account: another password for somebody who has forgotten theirs; it is shown to you once",
    "DROP account: end an account",
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
            "ACCOUNTS" => {
                self.show_accounts(turn, &said);
                Ok(())
            }
            command => {
                let conn = turn.conn;
                match command {
                    "BAN" => self.ban(turn, &said),
                    "UNBAN" => self.unban(turn, &said),
                    "SUSPEND" => self.suspend(turn, &said),
                    "UNSUSPEND" => {
                        let banned = Banned::account(said.need(1)?);
                        self.lift_ban(turn, &said, &banned)
                    }
                    "RESET" => {
                        let account = self.registered_account(&said)?;
                        self.reset_password(turn, account)
                    }
                    "DROP" => {
                        let account = self.registered_account(&said)?;
                        let change = AccountChange::Drop;
                        let asked = AccountRequest { account, change, via: Via::Operator };
                        self.ask_without_password(turn, asked)
                    }
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
        self.ban_from_server(turn, said, &banned)
    }

    /// Bans an account that there is: nobody is logged in to it.
    fn suspend(&mut self, turn: &mut Turn, said: &Said<'_>) -> Result<(), Refusal> {
        let account = said.need(1)?;
        if self.accounts.get(account).is_none() {
            return Err(said.no(&no_account(account)));
        }
        self.ban_from_server(turn, said, &Banned::account(account))
    }

    /// The account that is meant, if it is one that can be changed.
    fn registered_account(&self, said: &Said<'_>) -> Result<Arc<str>, Refusal> {
        let name = said.need(1)?;
        match (self.accounts.get_registered(name), self.accounts.get(name)) {
            (Some(own), _) => Ok(own.account.name.as_str().into()),
            (None, Some(_)) => {
                Err(said.no("this account is in the configuration: change it there"))
            }
            (None, None) => Err(said.no(&no_account(name))),
        }
    }

    /// Shows the accounts that people have registered.
    fn show_accounts(&self, turn: &mut Turn, said: &Said<'_>) {
        let mask = CaseMapping::Ascii.fold(said.word(1).unwrap_or("*")).into_owned();
        let is_meant = |name: &str| mask_matches(&mask, &CaseMapping::Ascii.fold(name));
        let own = self.accounts.registered().filter(|own| is_meant(&own.account.name));
        let mut n_left = 0;
        for (index, own) in own.enumerate() {
            if index >= ACCOUNTS_SHOWN_MAX {
                n_left += 1;
                continue;
            }
            let name = &own.account.name;
            let day = |time| humantime::format_rfc3339_seconds(time).to_string()[..10].to_owned();
            let used = match own.used {
                0 => "not known when".to_owned(),
                used => day(codec::beginning_of(used)),
            };
            let ban = self.accounts.find_ban(self.now().wall, "", Some(name));
            let ban = ban.map_or_else(String::new, |ban| {
                format!("; suspended by {}{}", ban.by, ban.terms.shown())
            });
            let since = day(own.since);
            said.say(turn, &format!("{name}: registered {since}, last used {used}{ban}"));
        }
        if n_left > 0 {
            said.say(turn, &format!("and {n_left} more: write ACCOUNTS and a mask like a*"));
        } else if turn.reply.is_empty() {
            said.say(turn, "there is no such account");
        }
    }

    fn ban_from_server(
        &mut self,
        turn: &mut Turn,
        said: &Said<'_>,
        banned: &Banned,
    ) -> Result<(), Refusal> {
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
        self.lift_ban(turn, said, &banned)
    }

    fn lift_ban(
        &mut self,
        turn: &mut Turn,
        said: &Said<'_>,
        banned: &Banned,
    ) -> Result<(), Refusal> {
        if !self.accounts.bans().contains_key(banned) {
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

fn no_account(name: &str) -> String {
    format!("there is no account {}: write ACCOUNTS", word(name))
}
