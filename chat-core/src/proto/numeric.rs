//! Every numeric reply in one table: number, name, and nothing else.
//!
//! Numbers and names as <https://modern.ircdocs.horse/#numerics> and RFC 2812 §5 give them.

/// A three-digit reply.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Numeric(
    /// The number, below 1000.
    pub u16,
);

macro_rules! numerics {
    ($($name:ident = $number:literal;)*) => {
        #[allow(missing_docs, reason = "the name is the definition; the module says where it stands")]
        impl Numeric {
            $(pub const $name: Self = Self($number);)*

            /// Every numeric of the table with its name.
            pub const ALL: &[(Self, &str)] = &[$((Self($number), stringify!($name))),*];
        }
    };
}

numerics! {
    RPL_WELCOME = 1;
    RPL_YOURHOST = 2;
    RPL_CREATED = 3;
    RPL_MYINFO = 4;
    RPL_ISUPPORT = 5;
    RPL_UMODEIS = 221;
    RPL_LUSERCLIENT = 251;
    RPL_LUSEROP = 252;
    RPL_LUSERUNKNOWN = 253;
    RPL_LUSERCHANNELS = 254;
    RPL_LUSERME = 255;
    RPL_ADMINME = 256;
    RPL_ADMINLOC1 = 257;
    RPL_ADMINLOC2 = 258;
    RPL_ADMINEMAIL = 259;
    RPL_LOCALUSERS = 265;
    RPL_GLOBALUSERS = 266;
    RPL_SILELIST = 271;
    RPL_ENDOFSILELIST = 272;
    RPL_AWAY = 301;
    RPL_USERHOST = 302;
    RPL_ISON = 303;
    RPL_UNAWAY = 305;
    RPL_NOWAWAY = 306;
    RPL_WHOISUSER = 311;
    RPL_WHOISSERVER = 312;
    RPL_WHOISOPERATOR = 313;
    RPL_WHOWASUSER = 314;
    RPL_ENDOFWHO = 315;
    RPL_WHOISIDLE = 317;
    RPL_ENDOFWHOIS = 318;
    RPL_WHOISCHANNELS = 319;
    RPL_LISTSTART = 321;
    RPL_LIST = 322;
    RPL_LISTEND = 323;
    RPL_CHANNELMODEIS = 324;
    RPL_CREATIONTIME = 329;
    RPL_WHOISACCOUNT = 330;
    RPL_NOTOPIC = 331;
    RPL_TOPIC = 332;
    RPL_TOPICWHOTIME = 333;
    RPL_WHOISBOT = 335;
    RPL_INVITELIST = 336;
    RPL_ENDOFINVITELIST = 337;
    RPL_INVITING = 341;
    RPL_INVEXLIST = 346;
    RPL_ENDOFINVEXLIST = 347;
    RPL_EXCEPTLIST = 348;
    RPL_ENDOFEXCEPTLIST = 349;
    RPL_VERSION = 351;
    RPL_WHOREPLY = 352;
    RPL_NAMREPLY = 353;
    RPL_WHOSPCRPL = 354;
    RPL_LINKS = 364;
    RPL_ENDOFLINKS = 365;
    RPL_ENDOFNAMES = 366;
    RPL_BANLIST = 367;
    RPL_ENDOFBANLIST = 368;
    RPL_ENDOFWHOWAS = 369;
    RPL_INFO = 371;
    RPL_MOTD = 372;
    RPL_ENDOFINFO = 374;
    RPL_MOTDSTART = 375;
    RPL_ENDOFMOTD = 376;
    RPL_WHOISHOST = 378;
    RPL_YOUREOPER = 381;
    RPL_REHASHING = 382;
    RPL_TIME = 391;
    RPL_HOSTHIDDEN = 396;
    ERR_UNKNOWNERROR = 400;
    ERR_NOSUCHNICK = 401;
    ERR_NOSUCHSERVER = 402;
    ERR_NOSUCHCHANNEL = 403;
    ERR_CANNOTSENDTOCHAN = 404;
    ERR_TOOMANYCHANNELS = 405;
    ERR_WASNOSUCHNICK = 406;
    ERR_TOOMANYTARGETS = 407;
    ERR_NOORIGIN = 409;
    ERR_INVALIDCAPCMD = 410;
    ERR_NORECIPIENT = 411;
    ERR_NOTEXTTOSEND = 412;
    ERR_INPUTTOOLONG = 417;
    ERR_UNKNOWNCOMMAND = 421;
    ERR_NOMOTD = 422;
    ERR_NOADMININFO = 423;
    ERR_NONICKNAMEGIVEN = 431;
    ERR_ERRONEUSNICKNAME = 432;
    ERR_NICKNAMEINUSE = 433;
    ERR_UNAVAILRESOURCE = 437;
    ERR_USERNOTINCHANNEL = 441;
    ERR_NOTONCHANNEL = 442;
    ERR_USERONCHANNEL = 443;
    ERR_NOTREGISTERED = 451;
    ERR_NEEDMOREPARAMS = 461;
    ERR_ALREADYREGISTERED = 462;
    ERR_PASSWDMISMATCH = 464;
    ERR_YOUREBANNEDCREEP = 465;
    ERR_CHANNELISFULL = 471;
    ERR_UNKNOWNMODE = 472;
    ERR_INVITEONLYCHAN = 473;
    ERR_BANNEDFROMCHAN = 474;
    ERR_BADCHANNELKEY = 475;
    ERR_BADCHANMASK = 476;
    ERR_BANLISTFULL = 478;
    ERR_NOPRIVILEGES = 481;
    ERR_CHANOPRIVSNEEDED = 482;
    ERR_UNIQOPPRIVSNEEDED = 485;
    ERR_NONONREG = 486;
    ERR_UMODEUNKNOWNFLAG = 501;
    ERR_USERSDONTMATCH = 502;
    ERR_SILELISTFULL = 511;
    ERR_HELPNOTFOUND = 524;
    ERR_INVALIDKEY = 525;
    RPL_WHOISSECURE = 671;
    ERR_INVALIDMODEPARAM = 696;
    RPL_HELPSTART = 704;
    RPL_HELPTXT = 705;
    RPL_ENDOFHELP = 706;
    RPL_KNOCK = 710;
    RPL_KNOCKDLVR = 711;
    ERR_TOOMANYKNOCK = 712;
    ERR_CHANOPEN = 713;
    ERR_KNOCKONCHAN = 714;
    RPL_MONONLINE = 730;
    RPL_MONOFFLINE = 731;
    RPL_MONLIST = 732;
    RPL_ENDOFMONLIST = 733;
    ERR_MONLISTFULL = 734;
    RPL_WHOISKEYVALUE = 760;
    RPL_KEYVALUE = 761;
    RPL_KEYNOTSET = 766;
    RPL_METADATASUBOK = 770;
    RPL_METADATAUNSUBOK = 771;
    RPL_METADATASUBS = 772;
    RPL_LOGGEDIN = 900;
    RPL_LOGGEDOUT = 901;
    ERR_NICKLOCKED = 902;
    RPL_SASLSUCCESS = 903;
    ERR_SASLFAIL = 904;
    ERR_SASLTOOLONG = 905;
    ERR_SASLABORTED = 906;
    ERR_SASLALREADY = 907;
    RPL_SASLMECHS = 908;
}

impl Numeric {
    /// The numeric that `command` is, if it is three digits.
    #[must_use]
    pub fn from_command(command: &str) -> Option<Self> {
        let is_numeric = command.len() == 3 && command.bytes().all(|byte| byte.is_ascii_digit());
        is_numeric.then(|| command.parse().ok().map(Self))?
    }

    /// Its name in the table.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        Self::ALL.iter().find(|(numeric, _)| *numeric == self).map(|(_, name)| *name)
    }

    /// Whether it refuses something (400 to 599).
    #[must_use]
    pub fn is_error(self) -> bool {
        (400..600).contains(&self.0)
    }
}

impl std::fmt::Display for Numeric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:03}", self.0)
    }
}

impl std::fmt::Debug for Numeric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self} {}", self.name().unwrap_or("(no name)"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_without_doubles() {
        assert!(Numeric::ALL.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn only_three_digits_are_a_numeric() {
        assert_eq!(Numeric::from_command("001"), Some(Numeric::RPL_WELCOME));
        for other in ["1", "0001", "PING", "+01", "٠٠١"] {
            assert_eq!(Numeric::from_command(other), None);
        }
    }
}
