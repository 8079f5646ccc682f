//! `MONITOR` (<https://ircv3.net/specs/extensions/monitor>): whether certain people are here, told when
//! it changes.

use std::sync::Arc;

use chat_core::proto::{CommandError, Nick, Numeric};

use crate::hub::{Hub, refusal::Refusal, replies::turn::Turn};

/// Bytes of targets in one line; the rest of the line's 512 stands before them.
const TARGETS_BYTES_MAX: usize = 400;

impl Hub {
    pub(crate) fn monitor(
        &mut self,
        turn: &mut Turn,
        action: &str,
        targets: &[String],
    ) -> Result<(), Refusal> {
        match action {
            "+" => self.monitor_more(turn, targets),
            "-" => {
                for nick in targets.iter().filter_map(|target| Nick::new(target).ok()) {
                    self.people.unwatch(turn.conn, nick.key());
                }
            }
            "C" | "c" => self.people.watch_nobody(turn.conn),
            "L" | "l" => {
                let watched = self.people.device(turn.conn).particulars.monitored.values();
                let nicks: Vec<Arc<str>> = watched.cloned().collect();
                say_targets(turn, Numeric::RPL_MONLIST, &nicks);
                turn.numeric(Numeric::RPL_ENDOFMONLIST, &["End of MONITOR list"]);
            }
            "S" | "s" => {
                let watched =
                    self.people.device(turn.conn).particulars.monitored.values().cloned().collect();
                self.say_presence(turn, watched, false);
            }
            _ => return Err(CommandError::NeedMoreParams("MONITOR").into()),
        }
        Ok(())
    }

    fn monitor_more(&mut self, turn: &mut Turn, targets: &[String]) {
        let n_max = self.settings.limits.monitored_max;
        let (mut added, mut refused) = (Vec::new(), Vec::new());
        for target in targets {
            // "target MUST be a valid nick as determined by the IRC daemon."
            let Ok(nick) = Nick::new(target) else { continue };
            let device = self.people.device(turn.conn);
            if device.particulars.monitored.contains_key(nick.key()) {
                continue;
            }
            if device.particulars.monitored.len() >= n_max {
                refused.push(nick.to_string());
                continue;
            }
            self.people.watch(turn.conn, &nick);
            added.push(Arc::clone(nick.shown()));
        }
        self.say_presence(turn, added, true);
        if !refused.is_empty() {
            let (n_max, refused) = (n_max.to_string(), refused.join(","));
            turn.numeric(Numeric::ERR_MONLISTFULL, &[&n_max, &refused, "Monitor list is full"]);
        }
    }

    /// Tells which of `nicks`, watched from now on if `is_new`, are here and which are not.
    fn say_presence(&self, turn: &mut Turn, nicks: Vec<Arc<str>>, is_new: bool) {
        let (mut here, mut people, mut away) = (Vec::new(), Vec::new(), Vec::new());
        for nick in nicks {
            match self.people.find(&nick) {
                Ok(person) => {
                    here.push(Arc::clone(&person.source));
                    people.push(person.id);
                }
                Err(_) => away.push(nick),
            }
        }
        say_targets(turn, Numeric::RPL_MONONLINE, &here);
        say_targets(turn, Numeric::RPL_MONOFFLINE, &away);
        self.sync_watched(turn, &people, is_new);
    }
}

/// Says as many lines as the targets need.
fn say_targets(turn: &mut Turn, numeric: Numeric, targets: &[Arc<str>]) {
    let mut line = String::new();
    for target in targets {
        if line.len() + target.len() + 1 > TARGETS_BYTES_MAX {
            turn.numeric(numeric, &[&std::mem::take(&mut line)]);
        }
        if !line.is_empty() {
            line.push(',');
        }
        line.push_str(target);
    }
    if !line.is_empty() {
        turn.numeric(numeric, &[&line]);
    }
}
