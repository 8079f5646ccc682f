//! `RPL_ISUPPORT`: what this server supports, in one list (<https://modern.ircdocs.horse/#feature-advertisement>).

use chat_core::proto::{
    KEY_BYTES_MAX, NICK_BYTES_MAX, Numeric, REALNAME_BYTES_MAX, ROOM_NAME_BYTES_MAX,
    TOPIC_BYTES_MAX, USER_BYTES_MAX,
};

use super::{Hub, Turn, modes::chanmodes};

/// Tokens in one line (<https://modern.ircdocs.horse/#rplisupport-005>).
const TOKENS_PER_LINE: usize = 13;

impl Hub {
    pub(super) fn isupport(&self, turn: &mut Turn<'_>) {
        let tokens = self.isupport_tokens();
        for line in tokens.chunks(TOKENS_PER_LINE) {
            let mut params: Vec<&str> = line.iter().map(String::as_str).collect();
            params.push("are supported by this server");
            turn.numeric(Numeric::RPL_ISUPPORT, &params);
        }
    }

    fn isupport_tokens(&self) -> Vec<String> {
        let network = &self.house.network;
        let limits = &self.house.limits;
        let mut tokens = vec![
            format!("AWAYLEN={TOPIC_BYTES_MAX}"),
            "BOT=B".into(),
            "CASEMAPPING=ascii".into(),
            format!("CHANLIMIT=#:{}", limits.rooms_per_person_max),
            format!("CHANMODES={}", chanmodes()),
            format!("CHANNELLEN={ROOM_NAME_BYTES_MAX}"),
            "CHANTYPES=#".into(),
            "ELIST=CMNTU".into(),
            "EXCEPTS=e".into(),
            "EXTBAN=~,am".into(),
            "ACCOUNTEXTBAN=a".into(),
            "INVEX=I".into(),
            format!("KEYLEN={KEY_BYTES_MAX}"),
            format!("KICKLEN={TOPIC_BYTES_MAX}"),
            format!("MAXLIST=Ibe:{}", limits.list_entries_max),
            format!("MODES={}", limits.modes_max),
            format!("NAMELEN={REALNAME_BYTES_MAX}"),
            format!("NETWORK={network}"),
            format!("NICKLEN={NICK_BYTES_MAX}"),
            "PREFIX=(ov)@+".into(),
            "SAFELIST".into(),
            "STATUSMSG=@+".into(),
            format!(
                "TARGMAX=JOIN:,KICK:{0},KILL:1,LIST:,NAMES:,NOTICE:{0},PART:,PRIVMSG:{0},TAGMSG:{0},WHOIS:{0},WHOWAS:{0}",
                limits.targets_max
            ),
            format!("TOPICLEN={TOPIC_BYTES_MAX}"),
            format!("USERLEN={USER_BYTES_MAX}"),
            "UTF8ONLY".into(),
            "WHOX".into(),
            // Those who send fast are read later, never closed for it.
            "soju.im/SAFERATE".into(),
        ];
        tokens.sort_unstable();
        tokens
    }
}
