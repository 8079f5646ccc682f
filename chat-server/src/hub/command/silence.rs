//! `SILENCE`: whose direct messages and invitations one does not get, as UnrealIRCd and InspIRCd have it
//! (<https://www.unrealircd.org/docs/User_%26_Oper_commands>).

use std::sync::Arc;

use chat_core::proto::Numeric;

use crate::hub::{
    Hub,
    refusal::Refusal,
    replies::turn::Turn,
    state::{
        change_purpose::ChangePurpose,
        masks::{self, MUTE},
        silence_lists::SilenceEntry,
        slots::Slot,
    },
};

impl Hub {
    pub(crate) fn silence(&mut self, turn: &mut Turn, change: Option<&str>) -> Result<(), Refusal> {
        let identity = self.identity_of(turn.person);
        let Some(change) = change else {
            let nick = Arc::clone(self.people.person(turn.person).nick.shown());
            for mask in self.accounts.silences().of(&identity) {
                turn.numeric(Numeric::RPL_SILELIST, &[&nick, mask]);
            }
            turn.numeric(Numeric::RPL_ENDOFSILELIST, &["End of those who are silenced"]);
            return Ok(());
        };
        let (is_set, text) = match change.strip_prefix('-') {
            Some(text) => (false, text),
            None => (true, change.strip_prefix('+').unwrap_or(change)),
        };
        let invalid = |why| Refusal::fail("SILENCE", "INVALID_MASK", &[change], why);
        let mask = masks::mask(text).filter(|mask| !mask.starts_with(MUTE)).ok_or_else(|| {
            invalid("write +mask or -mask, such as +nick, +*!*@example.org or +~a:account")
        })?;
        // Who sets one would learn by trying where others are.
        if is_set && masks::is_about_addresses(&mask) && !self.may_name_addresses(turn) {
            return Err(invalid(masks::NO_ADDRESSES));
        }
        let silence = SilenceEntry { identity, mask };
        if self.accounts.silences().has(&silence.identity, &silence.key()) == is_set {
            return Ok(());
        }
        if is_set && !self.has_slot(&Slot::silence(&silence), &[]) {
            return Err(Refusal::SilenceListFull(silence.mask.to_string()));
        }
        if !silence.is_registered() {
            self.accounts.set_silence(&silence, is_set);
            let lines = self.tell_of_silence(turn.conn, &silence, is_set);
            lines.into_iter().for_each(|line| turn.say(line));
            return Ok(());
        }
        let changes = [silence.change(is_set)].into();
        let purpose = ChangePurpose::Silence { silence, is_set };
        self.submit_changes(turn, changes, purpose)
            .map_err(|why| Refusal::fail("SILENCE", "INTERNAL_ERROR", &[change], why))
    }
}
