//! `RPL_ISUPPORT`: what this server supports, in one list (<https://modern.ircdocs.horse/#feature-advertisement>).

use std::sync::Arc;

use chat_core::proto::{
    KEY_BYTES_MAX, NICK_BYTES_MAX, Numeric, REALNAME_BYTES_MAX, ROOM_NAME_BYTES_MAX,
    TOPIC_BYTES_MAX, USER_BYTES_MAX,
};

use crate::{
    delivery::ReplyLine,
    hub::state::{modes::chanmodes, silence_lists::SILENCES_MAX},
    settings::Settings,
};

/// Tokens in one line (<https://modern.ircdocs.horse/#rplisupport-005>).
const TOKENS_PER_LINE: usize = 13;

/// The lines of a house, made once for all who come.
pub(crate) fn lines_of(settings: &Settings) -> Vec<ReplyLine> {
    let as_line = |tokens: &[String]| {
        let mut params: Vec<Box<str>> = tokens.iter().map(|token| token.as_str().into()).collect();
        params.push("are supported by this server".into());
        ReplyLine::Shared(Arc::new(ReplyLine::Numeric(Numeric::RPL_ISUPPORT, params)))
    };
    tokens(settings).chunks(TOKENS_PER_LINE).map(as_line).collect()
}

fn tokens(settings: &Settings) -> Vec<String> {
    let network = &settings.network;
    let limits = &settings.limits;
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
        "EXTBAN=~,aim".into(),
        "ACCOUNTEXTBAN=a,account".into(),
        "INVEX=I".into(),
        format!("KEYLEN={KEY_BYTES_MAX}"),
        format!("KICKLEN={TOPIC_BYTES_MAX}"),
        format!("MAXLIST=Ibe:{}", limits.list_entries_max),
        format!("MODES={}", limits.modes_max),
        format!("NAMELEN={REALNAME_BYTES_MAX}"),
        format!("NETWORK={network}"),
        format!("NICKLEN={NICK_BYTES_MAX}"),
        "PREFIX=(ov)@+".into(),
        format!("MONITOR={}", limits.monitored_max),
        "SAFELIST".into(),
        format!("SILENCE={SILENCES_MAX}"),
        "STATUSMSG=@+".into(),
        format!(
            "TARGMAX=JOIN:,KICK:{0},KILL:1,LIST:{0},NAMES:{0},NOTICE:{0},PART:,PRIVMSG:{0},TAGMSG:{0},WHOIS:{0},WHOWAS:{0}",
            limits.targets_max
        ),
        format!("TOPICLEN={TOPIC_BYTES_MAX}"),
        format!("USERLEN={USER_BYTES_MAX}"),
        "UTF8ONLY".into(),
        "WHOX".into(),
        // Those who send fast are read later, never closed for it.
        "soju.im/SAFERATE".into(),
    ];
    if settings.keeps_history {
        tokens.push(format!("CHATHISTORY={}", limits.history_page_max));
        tokens.push("MSGREFTYPES=msgid,timestamp".into());
    }
    if let Some(icon) = &settings.network_icon {
        tokens.push(format!("draft/ICON={icon}"));
    }
    tokens.sort_unstable();
    tokens
}
