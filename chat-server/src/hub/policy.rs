//! Policy: who may do what in a room, decided by their standing towards it and by how far it is open, and by nothing else.
//! `docs/authorisation.md` is the table of it, and a test reads both. Beside it stands who is heard in a room. How people come in is
//! `state/entrance.rs`.

/// A person's standing towards a room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// Their place in it now.
    pub presence: Presence,
    /// Their account's claim to it, whether they are in it or not.
    pub claim: Claim,
    /// Whether they operate the server.
    pub is_server_operator: bool,
}

/// A person's place in a room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Presence {
    /// Outside the room, be they invited or not.
    #[default]
    Outside,
    /// In the room.
    Member,
    /// In the room, and operating it.
    Operator,
}

/// An account's claim to a room that is registered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// None, or they are not logged in.
    #[default]
    Nothing,
    /// The account operates it wherever it comes from.
    Operator,
    /// The room is the account's.
    Founder,
}

/// A room's openness: what of its modes decides on rights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Openness {
    /// The visibility of the room: who may know of it.
    pub visibility: Visibility,
    /// Whether only operators set its topic (`+t`).
    pub has_operator_topic: bool,
    /// Whether only operators invite others (`+i`).
    pub is_invite_only: bool,
    /// Whether everybody is put into it: those who operate the server look after it.
    pub is_lobby: bool,
}

/// A room's visibility.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Visibility {
    /// Everybody may come in.
    #[default]
    Open,
    /// A room that not everybody may come into.
    Closed,
    /// Nor is its name told to those outside (`+s`).
    Secret,
}

/// A right that a person has in a room or has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// To know that it is there.
    Know,
    /// To read its history, from its beginning.
    ReadHistory,
    /// To search its history.
    Search,
    /// To delete what others said.
    DeleteOthers,
    /// To delete what they said.
    DeleteOwn,
    /// To edit what they said.
    EditOwn,
    /// To edit what others said.
    EditOthers,
    /// To read its metadata.
    ReadMetadata,
    /// To set its metadata.
    SetMetadata,
    /// To see who is in it.
    ListMembers,
    /// To read what was done in it.
    ReadAuditLog,
    /// To set its topic.
    SetTopic,
    /// To invite others.
    Invite,
    /// To remove others, set its modes and give it another name.
    Operate,
    /// To do the same through `ChanServ`, also from outside.
    OperateByService,
    /// To read from `ChanServ` whose it is.
    ReadInfo,
    /// To end it, or to give it to somebody else.
    Own,
}

impl Right {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::Know,
        Self::ReadHistory,
        Self::Search,
        Self::DeleteOthers,
        Self::DeleteOwn,
        Self::EditOwn,
        Self::EditOthers,
        Self::ReadMetadata,
        Self::SetMetadata,
        Self::ListMembers,
        Self::ReadAuditLog,
        Self::SetTopic,
        Self::Invite,
        Self::Operate,
        Self::OperateByService,
        Self::ReadInfo,
        Self::Own,
    ];

    /// Whether somebody of that standing has it in a room that is so far open.
    #[must_use]
    pub fn is_given(self, standing: Standing, openness: Openness) -> bool {
        let Standing { presence, claim, is_server_operator } = standing;
        let is_inside = presence >= Presence::Member;
        let looks_after_it = openness.is_lobby && is_inside && is_server_operator;
        let operates = presence == Presence::Operator || looks_after_it;
        let knows = is_inside || openness.visibility != Visibility::Secret;
        match self {
            Self::Know | Self::ListMembers => knows,
            Self::ReadHistory | Self::Search | Self::DeleteOwn | Self::EditOwn => is_inside,
            Self::DeleteOthers => operates || is_inside && is_server_operator,
            Self::EditOthers => false,
            Self::ReadMetadata => {
                knows
                    && (is_inside || is_server_operator || openness.visibility == Visibility::Open)
            }
            Self::SetMetadata => {
                let reads = Self::ReadMetadata.is_given(standing, openness);
                operates || is_server_operator && reads
            }
            Self::SetTopic => operates || is_inside && !openness.has_operator_topic,
            Self::Invite => operates || is_inside && !openness.is_invite_only,
            Self::Operate => operates,
            Self::OperateByService | Self::ReadAuditLog => operates || claim >= Claim::Operator,
            Self::ReadInfo => knows || claim >= Claim::Operator,
            Self::Own => claim == Claim::Founder || knows && is_server_operator,
        }
    }
}

/// A speaker in a room: what of them decides whether their words are heard there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Speaker {
    /// Whether they are in the room.
    pub is_inside: bool,
    /// Whether they have a voice in it, or operate it.
    pub has_rank: bool,
    /// Their entry in the room's list of bans, unless they are excepted from it.
    pub sentence: Option<Sentence>,
    /// Whether they are logged in.
    pub has_account: bool,
    /// Whether it is slow or has a flood limit, and they have spoken too short a time ago.
    pub must_wait: bool,
}

/// An entry of a room's list of bans, as it is about somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sentence {
    /// A ban: they do not come in, and if they are in it, they do not speak.
    Banned,
    /// A mute: they do not speak.
    Muted,
}

/// A room's hearing: what of its modes decides on who is heard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hearing {
    /// Whether only those are heard who are in it (`+n`).
    pub is_for_members: bool,
    /// Whether only those are heard who have a rank (`+m`).
    pub is_moderated: bool,
    /// Whether only those are heard who are logged in, or have a rank (`+M`).
    pub is_for_accounts: bool,
}

/// The reason why somebody's words are not heard in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// Their absence from the room.
    Outside,
    /// The moderation of the room, in which they have no rank.
    Moderated,
    /// The lack of an account in a room that hears accounts alone.
    Guest,
    /// A ban or a mute.
    Sentenced(Sentence),
    /// The pause between two words in a slow room, or in one with a flood limit.
    Slow,
}

impl Speaker {
    /// The reason why they are not heard in a room that hears so; none if they are. It is asked for every command that carries words.
    #[must_use]
    pub fn silence(self, hearing: Hearing) -> Option<Silence> {
        let Self { is_inside, has_rank, has_account, sentence, must_wait } = self;
        if !is_inside && hearing.is_for_members {
            Some(Silence::Outside)
        } else if has_rank {
            None
        } else if hearing.is_moderated {
            Some(Silence::Moderated)
        } else if hearing.is_for_accounts && !has_account {
            Some(Silence::Guest)
        } else if let Some(sentence) = sentence {
            Some(Silence::Sentenced(sentence))
        } else {
            must_wait.then_some(Silence::Slow)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTSIDE: Standing = standing(Presence::Outside, Claim::Nothing, false);
    const SECRET: Openness = openness(Visibility::Secret);

    const fn standing(presence: Presence, claim: Claim, is_server_operator: bool) -> Standing {
        Standing { presence, claim, is_server_operator }
    }

    const fn openness(visibility: Visibility) -> Openness {
        Openness { visibility, has_operator_topic: true, is_invite_only: true, is_lobby: false }
    }

    #[test]
    fn a_stranger_has_no_right_in_a_secret_room() {
        for right in Right::ALL {
            assert!(!right.is_given(OUTSIDE, SECRET), "{right:?}");
        }
    }

    #[test]
    fn a_higher_standing_takes_no_right_away() {
        for visibility in [Visibility::Open, Visibility::Closed, Visibility::Secret] {
            let given = |right: Right, own| right.is_given(own, openness(visibility));
            for right in Right::ALL {
                for rules in [false, true] {
                    let at = |presence, claim| given(right, standing(presence, claim, rules));
                    let present = [Presence::Outside, Presence::Member, Presence::Operator];
                    let by_presence = present.map(|own| at(own, Claim::Nothing));
                    assert!(by_presence.is_sorted(), "{right:?}: {by_presence:?}");
                    let claims = [Claim::Nothing, Claim::Operator, Claim::Founder];
                    let by_claim = claims.map(|own| at(Presence::Outside, own));
                    assert!(by_claim.is_sorted(), "{right:?}: {by_claim:?}");
                }
            }
        }
    }

    #[test]
    fn in_the_lobby_who_operates_the_server_has_the_rights_of_its_operators_and_no_more() {
        let openness = Openness { is_lobby: true, ..openness(Visibility::Closed) };
        let inside = standing(Presence::Member, Claim::Nothing, true);
        let operator = standing(Presence::Operator, Claim::Nothing, true);
        for right in Right::ALL {
            assert_eq!(right.is_given(inside, openness), right.is_given(operator, openness));
        }
        let outside = standing(Presence::Outside, Claim::Nothing, true);
        assert!(!Right::Operate.is_given(outside, openness));
        assert!(
            !Right::Operate.is_given(standing(Presence::Member, Claim::Nothing, false), openness)
        );
    }

    #[test]
    fn a_room_is_its_founders_and_as_far_as_they_know_of_it_the_server_operators() {
        let founder = standing(Presence::Outside, Claim::Founder, false);
        let operator = standing(Presence::Outside, Claim::Nothing, true);
        assert!(Right::Own.is_given(founder, SECRET));
        assert!(Right::Own.is_given(operator, openness(Visibility::Closed)));
        assert!(!Right::Own.is_given(operator, SECRET));
        assert!(!Right::Own.is_given(OUTSIDE, openness(Visibility::Open)));
    }

    #[test]
    fn who_has_a_rank_is_heard_and_who_has_none_as_far_as_the_room_has_nothing_against_it() {
        let open = Hearing::default();
        let moderated = Hearing { is_moderated: true, ..open };
        let for_members = Hearing { is_for_members: true, ..open };
        let member = Speaker { is_inside: true, ..Speaker::default() };
        for sentence in [Sentence::Banned, Sentence::Muted] {
            let silenced = Speaker { sentence: Some(sentence), must_wait: true, ..member };
            assert_eq!(silenced.silence(open), Some(Silence::Sentenced(sentence)));
            assert_eq!(silenced.silence(moderated), Some(Silence::Moderated));
            let ranked = Speaker { has_rank: true, ..silenced };
            assert_eq!(ranked.silence(moderated), None);
        }
        assert_eq!(member.silence(open), None);
        let for_accounts = Hearing { is_for_accounts: true, ..open };
        assert_eq!(member.silence(for_accounts), Some(Silence::Guest));
        assert_eq!(Speaker { has_account: true, ..member }.silence(for_accounts), None);
        assert_eq!(Speaker { has_rank: true, ..member }.silence(for_accounts), None);
        assert_eq!(Speaker { must_wait: true, ..member }.silence(open), Some(Silence::Slow));
        assert_eq!(Speaker::default().silence(open), None);
        assert_eq!(Speaker::default().silence(for_members), Some(Silence::Outside));
    }
}
