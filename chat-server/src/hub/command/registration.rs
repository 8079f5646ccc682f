//! Registration, from a connection to a person: the nick, the welcome, the default room.

use std::{collections::VecDeque, sync::Arc};

use chat_core::{
    proto::{
        Command, CommandError, CommandSpec, Nick, Numeric, REALNAME_BYTES_MAX, TOPIC_BYTES_MAX,
        USER_BYTES_MAX, cut, nick_from_display_name,
    },
    text::printable,
};

use crate::{
    auth::{Question, WRONG_PASSWORD, same_secret},
    delivery::{Page, Reply, ReplyLine},
    event::ServerEvent,
    hub::{
        Hub,
        accounts::early_registration::complete_connection,
        accounts::login::logged_in,
        command::register::verified,
        effect::Effect,
        input::{Door, Registration},
        people::nick::NAMELESS,
        refusal::Refusal,
        replies::{
            incidents::WrongSecret,
            metadata,
            say::{VERSION, away_words},
            turn::Turn,
        },
        state::{
            accounts::Accounts,
            cloaks::cloak,
            codec::unix_seconds,
            device::Device,
            guesser::LoginSubject,
            metadata::Owner,
            modes::room_letters,
            newcomer::Delayed,
            password_check::CheckPurpose,
            people::People,
            person::{Particulars, Person, UserModes, source},
            queued_command::QueuedCommand,
            reserved_names::Bearer,
            sasl_exchange::{Sasl, Stage},
        },
    },
    ids::{ConnId, PersonId},
    settings::Settings,
};

impl Hub {
    pub(crate) fn register(&mut self, conn: ConnId, registration: Registration) {
        let now = self.now();
        if self.accounts.is_checking_pass(conn) {
            self.delay(conn, Delayed::Registration(registration));
            return;
        }
        // "The server SHOULD abort it, then register the client without authentication." (sasl-3.1)
        self.abort_sasl(conn);
        // What came before is answered before; it may begin to log in anew.
        self.take_newcomers_waiting(conn);
        while self.accounts.is_checking(conn) {
            self.abort_sasl(conn);
            self.take_newcomers_waiting(conn);
        }
        // A connection may have closed, or the server may be stopping.
        let Some(newcomer) = self.people.newcomer_mut(conn) else { return };
        // The account that is being registered is theirs before they are somebody.
        if newcomer.is_registering {
            if newcomer.waiting.is_empty() {
                self.out.push(Effect::Hold { conn });
            }
            return newcomer.waiting.push_back(Delayed::Registration(registration));
        }
        let Some(newcomer) = self.people.newcomer(conn) else { return };
        if self.settings.password.is_some() && !newcomer.has_entered {
            return self.turn_away(conn, WRONG_PASSWORD);
        }
        // The gateway may have told another address than the one it came from.
        if let Some(ban) =
            self.accounts.find_ban(now.wall, &newcomer.host, newcomer.account.as_deref())
        {
            let text = ban.text();
            self.forget_newcomer(conn);
            self.refuse(conn, None, &Refusal::BannedHere(text.clone()));
            return self.out.push(Effect::Close { conn, reason: text.into(), label: None });
        }
        if let Some(who) = self.people.find_same_person(newcomer.account.as_deref(), &registration)
        {
            return self.attach(conn, who);
        }
        let account = newcomer.account.as_deref();
        let nick =
            choose_nick(&self.people, &self.accounts, &self.settings, account, &registration);
        let Some(mut newcomer) = self.people.remove_newcomer(conn) else { return };
        let nick = match nick {
            Ok(nick) => nick,
            Err(refusal) => {
                newcomer.refused = Some(registration);
                self.people.insert_newcomer(conn, newcomer);
                return self.refuse(conn, None, &refusal);
            }
        };
        let user = clean_user(&registration.user);
        let cloak = self.cloak_of(&newcomer.host);
        let identity = newcomer.account.as_deref().map(|own| self.accounts.identity(own));
        let who = self.people.insert(|id| Person {
            id,
            source: source(&nick, &user, cloak.as_deref().unwrap_or(&newcomer.host)),
            nick: nick.clone(),
            realname: cut(&printable(&registration.realname), REALNAME_BYTES_MAX).into(),
            devices: smallvec::smallvec![conn],
            identity: None,
            account: newcomer.account.clone(),
            modes: UserModes::default(),
            particulars: Particulars { away: newcomer.away.clone(), ..Particulars::default() }
                .into(),
            rooms: Vec::new(),
            signed_on: unix_seconds(now.wall),
            last_spoke: now.mono,
        });
        let (door, host) = (newcomer.door, Arc::clone(&newcomer.host));
        self.people.insert_device(Device::new(conn, who, newcomer, cloak, now.wall));
        self.out
            .push(Effect::Report(ServerEvent::Arrived { nick: Arc::clone(nick.shown()), host }));
        // The text door leads to one room; who may not come into it has nowhere to be.
        let room = self.settings.room.clone();
        if door == Door::Text
            && let Err(refusal) = self.check_entrance(conn, &room, None)
        {
            let refusal = match refusal {
                // Nobody is asked to let in somebody who has gone.
                Refusal::NeedsApproval(room) => Refusal::InviteOnly(room),
                refusal => refusal,
            };
            self.refuse(conn, None, &refusal);
            return self.send_away(who, &format!("You cannot be in {room}").into());
        }
        self.out.push(Effect::Admit { conn, nick: Arc::clone(nick.shown()) });
        self.set_identity(who, identity);
        let person = self.people.person(who);
        self.tell_watchers(person.nick.key(), &person.source, true);
        self.introduce_to_watchers(who);

        let mut turn = Turn::new((conn, who), None);
        if door == Door::Irc {
            self.welcome(&mut turn);
            if let Some(cloak) = self.people.device(conn).cloak.as_deref() {
                let text = "is your host, as others see it";
                turn.numeric(Numeric::RPL_HOSTHIDDEN, &[cloak, text]);
            }
        }
        if self.settings.auto_join || door == Door::Text {
            let room = self.settings.room.clone();
            self.join_one(&mut turn, room, None);
        }
        self.end_turn(turn);
        self.note_connected(who, conn);
    }

    /// A newcomer gives a password: the server's, where it has one; what follows, or is the first elsewhere, is an account's
    /// behind its name, as programs without SASL log in.
    fn pass(&mut self, conn: ConnId, password: &str) {
        let Some(newcomer) = self.people.newcomer(conn) else { return };
        if self.settings.password.is_some() && !newcomer.has_entered {
            return self.enter_server(conn, password);
        }
        let Some((account, password)) = password.split_once(':') else { return };
        if newcomer.account.is_some() || newcomer.door != Door::Irc {
            return;
        }
        let account: Arc<str> = account.into();
        let question = Question::check(self.accounts.hash_of(&account), password.to_owned());
        let purpose = CheckPurpose::Pass { account };
        if let Err(why) = self.may_ask(conn, &question, &purpose) {
            return self.turn_away(conn, &why);
        }
        let checking = Sasl { stage: Stage::CheckingPass, response: String::new() };
        self.accounts.set_exchange(conn, checking);
        self.ask_for(conn, None, purpose, question);
    }

    /// The password of an account that was given with `PASS` has been checked; registration goes on, unless it is wrong.
    pub(crate) fn pass_checked(&mut self, conn: ConnId, account: &Arc<str>, is_right: bool) {
        if !self.accounts.is_checking_pass(conn) {
            return;
        }
        self.accounts.take_exchange(conn);
        let name = self.accounts.get(account).map(|own| Arc::<str>::from(own.name.as_str()));
        let Some(name) = name.filter(|_| is_right) else {
            self.report_wrong(conn, WrongSecret::Account { name: account, by: "PASS" });
            return self.turn_away(conn, "There is no such account, or its password is wrong");
        };
        if let Err(why) = self.may_log_in(conn, &name) {
            return self.turn_away(conn, why.text());
        }
        self.say_to(conn, None, vec![logged_in(&self.people, conn, &name)]);
        self.enter_account(conn, &name);
    }

    /// A newcomer gives the server's password, which is counted like any other before it is looked at.
    fn enter_server(&mut self, conn: ConnId, password: &str) {
        if let Err(why) = self.check_privacy(conn) {
            return self.turn_away(conn, why);
        }
        let guess = match self.take_guess(conn, LoginSubject::Server) {
            Ok(guess) => guess,
            Err(why) => return self.turn_away(conn, &why),
        };
        if !self.settings.password.as_ref().is_some_and(|own| same_secret(own, password)) {
            self.report_wrong(conn, WrongSecret::Server);
            return self.turn_away(conn, WRONG_PASSWORD);
        }
        self.guess_was_right(&guess);
        let Some(newcomer) = self.people.newcomer_mut(conn) else { return };
        newcomer.has_entered = true;
        if newcomer.door == Door::Text {
            // The text door goes on when it is answered.
            self.say_to(conn, None, Vec::new());
        }
    }

    /// Closes a newcomer's connection that does not come in.
    pub(crate) fn turn_away(&mut self, conn: ConnId, why: &str) {
        if self.people.newcomer(conn).is_some_and(|newcomer| newcomer.door == Door::Irc) {
            let line = ReplyLine::Numeric(Numeric::ERR_PASSWDMISMATCH, vec![why.into()]);
            self.say_to(conn, None, vec![line]);
        }
        self.forget_newcomer(conn);
        self.out.push(Effect::Close { conn, reason: why.into(), label: None });
    }

    /// The cloak of whoever comes from `host`, where there are any.
    fn cloak_of(&self, host: &str) -> Option<Box<str>> {
        self.settings.cloaks.then(|| cloak(self.accounts.secret(), host))
    }

    /// Another connection of somebody who is here: it is told all that the others were.
    fn attach(&mut self, conn: ConnId, who: PersonId) {
        let now = self.now();
        let Some(newcomer) = self.people.remove_newcomer(conn) else { return };
        let cloak = self.cloak_of(&newcomer.host);
        self.people.insert_device(Device::new(conn, who, newcomer, cloak, now.wall));
        let nick = Arc::clone(self.people.person(who).nick.shown());
        self.out.push(Effect::Admit { conn, nick });
        let mut turn = Turn::new((conn, who), None);
        self.welcome(&mut turn);
        let person = self.people.person(who);
        // Whether another one is an operator's of the server is not this one's.
        let modes = UserModes { shows_operator: false, ..person.modes };
        if modes != UserModes::default() {
            turn.numeric(Numeric::RPL_UMODEIS, &[&modes.shown(false)]);
        }
        self.show_all_rooms(&mut turn);
        if self.settings.auto_join {
            let room = self.settings.room.clone();
            self.join_one(&mut turn, room, None);
        }
        self.end_turn(turn);
        self.note_away(who, None);
        self.note_connected(who, conn);
    }

    /// Goes on with what waited for a newcomer's password to be checked, up to their registration.
    pub(crate) fn take_newcomers_waiting(&mut self, conn: ConnId) {
        while !self.accounts.is_checking(conn)
            && let Some(newcomer) = self.people.newcomer_mut(conn)
            && !newcomer.is_registering
            && !matches!(newcomer.waiting.front(), Some(Delayed::Registration(_)))
            && let Some(delayed) = newcomer.waiting.pop_front()
        {
            if newcomer.waiting.is_empty() {
                self.out.push(Effect::Release { conn });
            }
            match delayed {
                Delayed::Answer(reply) => self.out.push(Effect::Reply { conn, reply }),
                Delayed::Command(QueuedCommand { label, command }) => {
                    self.newcomer_command(conn, label, command);
                }
                Delayed::Registration(registration) => self.register(conn, registration),
            }
        }
    }

    /// The registration that has waited for an account, if its time has come, and what came behind it.
    pub(crate) fn take_late_registration(
        &mut self,
        conn: ConnId,
    ) -> Option<(Registration, VecDeque<Delayed>)> {
        if self.accounts.is_checking_pass(conn) {
            return None;
        }
        let newcomer = self.people.newcomer_mut(conn).filter(|own| !own.is_registering)?;
        let Some(Delayed::Registration(registration)) = newcomer.waiting.front() else {
            return None;
        };
        let registration = registration.clone();
        let behind = newcomer.waiting.drain(..).skip(1).collect();
        self.out.push(Effect::Release { conn });
        Some((registration, behind))
    }

    /// Keeps what a newcomer said while a password is checked, and reads no more of them; gives it back
    /// if there is nothing to wait for.
    fn delay(&mut self, conn: ConnId, delayed: Delayed) -> Option<Delayed> {
        let is_checking = self.accounts.is_checking(conn);
        let newcomer = self.people.newcomer_mut(conn);
        let Some(newcomer) = newcomer.filter(|own| is_checking || own.is_registering) else {
            return Some(delayed);
        };
        if newcomer.waiting.is_empty() {
            self.out.push(Effect::Hold { conn });
        }
        newcomer.waiting.push_back(delayed);
        None
    }

    /// An answer that a newcomer's session has made: it is given in its turn.
    pub(crate) fn newcomer_answer(&mut self, conn: ConnId, reply: Reply) {
        if let Some(Delayed::Answer(reply)) = self.delay(conn, Delayed::Answer(reply)) {
            self.out.push(Effect::Reply { conn, reply });
        }
    }

    /// A command of someone who has not registered: only a new nick helps.
    pub(crate) fn newcomer_command(
        &mut self,
        conn: ConnId,
        label: Option<Arc<str>>,
        command: Result<Command, CommandError>,
    ) {
        let delayed = Delayed::Command(QueuedCommand { label, command });
        let Some(Delayed::Command(QueuedCommand { label, command })) = self.delay(conn, delayed)
        else {
            return;
        };
        let Some(newcomer) = self.people.newcomer_mut(conn) else { return };
        match command {
            Ok(command) if !command.spec().is_for_newcomers(newcomer.capabilities) => {
                self.refuse(conn, label, &Refusal::NotRegistered);
            }
            Ok(Command::Nick { nick }) if newcomer.refused.is_none() => newcomer.nick = Some(nick),
            Ok(Command::Nick { nick }) => {
                newcomer.other_nick = Some(nick);
                self.register_again(conn);
            }
            Ok(Command::Authenticate { argument }) => {
                self.authenticate(conn, label, &argument);
            }
            Ok(Command::Away { reason }) => {
                newcomer.away = reason.map(|reason| cut(&reason, TOPIC_BYTES_MAX).into());
                let (numeric, text) = away_words(newcomer.away.is_some());
                let lines = vec![ReplyLine::Numeric(numeric, vec![text.into()])];
                let reply = Reply { label, nick: "*".into(), lines, page: Page::Only };
                self.out.push(Effect::Reply { conn, reply });
            }
            Ok(Command::Isupport) => {
                let capabilities = newcomer.capabilities;
                let lines = self.isupport_lines(capabilities);
                let reply = Reply { label, nick: "*".into(), lines, page: Page::Only };
                self.out.push(Effect::Reply { conn, reply });
            }
            Ok(Command::Webirc { password, address, options }) => {
                self.webirc(conn, &password, &address, &options);
            }
            Ok(Command::Cap { subcommand, arguments }) => {
                // "the server MUST not complete registration until the client sends a CAP END"
                // (capability-negotiation)
                newcomer.is_negotiating = match &*subcommand.to_ascii_uppercase() {
                    "LS" | "REQ" => true,
                    "END" => false,
                    _ => newcomer.is_negotiating,
                };
                let nick = "*".into();
                self.out.push(Effect::Negotiate { conn, nick, label, subcommand, arguments });
                self.register_again(conn);
            }
            Ok(Command::Ping { token }) => {
                let lines = vec![ReplyLine::Pong { token: token.into() }];
                let reply = Reply { label, nick: "*".into(), lines, page: Page::Only };
                self.out.push(Effect::Reply { conn, reply });
            }
            Ok(Command::Pong) => {}
            Ok(Command::Pass { password }) if newcomer.refused.is_none() => {
                self.pass(conn, &password);
            }
            // They have said who they are; only the nick is missing.
            Ok(Command::User { .. } | Command::Pass { .. }) if newcomer.refused.is_some() => {
                self.refuse(conn, label, &Refusal::AlreadyRegistered);
            }
            Ok(Command::Register { account, password, .. }) => {
                self.register_early(conn, label, &account, &password);
            }
            Ok(Command::Verify { account, .. }) => {
                let refusal = if self.settings.registration_before_connect {
                    verified(newcomer.account.as_deref(), &account)
                } else {
                    complete_connection("VERIFY")
                };
                self.refuse(conn, label, &refusal);
            }
            Ok(Command::Quit { .. }) => {
                self.forget_newcomer(conn);
                self.out.push(Effect::Close { conn, reason: "You left".into(), label });
            }
            // What only the registered may do needs no looking at its parameters.
            Ok(_) | Err(CommandError::NoRecipient(_) | CommandError::NoText) => {
                self.refuse(conn, label, &Refusal::NotRegistered);
            }
            Err(CommandError::NeedMoreParams(word))
                if !CommandSpec::by_word(word)
                    .is_some_and(|spec| spec.is_for_newcomers(newcomer.capabilities)) =>
            {
                self.refuse(conn, label, &Refusal::NotRegistered);
            }
            Err(error) => self.refuse(conn, label, &error.into()),
        }
    }

    fn refuse(&self, conn: ConnId, label: Option<Arc<str>>, refusal: &Refusal) {
        self.say_to(conn, label, vec![refusal.reply()]);
    }

    /// Registers who was refused for their nick, once they have asked for another one and all is settled.
    fn register_again(&mut self, conn: ConnId) {
        let Some(newcomer) = self.people.newcomer_mut(conn) else { return };
        if !newcomer.is_negotiating
            && let Some(registration) = newcomer.refused.take_if(|_| newcomer.other_nick.is_some())
            && let Some(nick) = newcomer.other_nick.take()
        {
            self.register(conn, Registration { nick, ..registration });
        }
    }

    /// RFC 2812 §5.1, 001 to 005, then LUSERS and MOTD as <https://modern.ircdocs.horse/#connection-registration> has them.
    fn welcome(&mut self, turn: &mut Turn) {
        let (name, network) =
            (self.settings.name.as_str().to_owned(), self.settings.network.clone());
        let nick = Arc::clone(self.people.person(turn.person).nick.shown());
        let started = self.started.expect("set by the first input");
        let started = humantime::format_rfc3339_seconds(started).to_string();
        turn.numeric(Numeric::RPL_WELCOME, &[&format!("Welcome to the {network} Network, {nick}")]);
        let host = format!("Your host is {name}, running version {VERSION}");
        turn.numeric(Numeric::RPL_YOURHOST, &[&host]);
        turn.numeric(Numeric::RPL_CREATED, &[&format!("This server was created {started}")]);
        let (all, with_parameter) = room_letters();
        turn.numeric(
            Numeric::RPL_MYINFO,
            &[&name, VERSION, UserModes::LETTERS, &all, &with_parameter],
        );
        self.isupport(turn);
        self.lusers(turn);
        // "as part of the registration burst, i.e. before RPL_ENDOFMOTD or ERR_NOMOTD" (metadata)
        if self.people.device(turn.conn).told_metadata_in().is_some() {
            let own = Owner::Person(turn.person);
            let keys = self.metadata_of(own).keys().cloned().collect();
            let dialect = self.people.device(turn.conn).metadata_dialect();
            turn.say(metadata::batch(&nick, self.metadata_lines(dialect, own, &keys)));
        }
        self.motd(turn);
    }
}

/// The nick a newcomer gets.
fn choose_nick(
    people: &People,
    accounts: &Accounts,
    settings: &Settings,
    account: Option<&str>,
    registration: &Registration,
) -> Result<Nick, Refusal> {
    let wanted = &registration.nick;
    let bearer = Bearer { account, is_operator: false };
    let is_taken = |nick: &Nick| people.by_nick(nick.key()).is_some();
    if registration.take_any_nick {
        let nameless = Nick::new(NAMELESS).expect("a valid nick");
        let usable =
            nick_from_display_name(wanted).filter(|nick| !settings.reserves_nick(nick, bearer));
        let nick = usable.unwrap_or(nameless);
        let numbered = (1..).map(|number| nick.numbered(number));
        let may_have =
            |nick: &Nick| !is_taken(nick) && !accounts.is_anothers(nick.as_str(), account);
        let free = std::iter::once(nick.clone()).chain(numbered).find(may_have);
        return Ok(free.expect("there are more numbers than people"));
    }
    let nick = Nick::new(wanted).map_err(|_| Refusal::ErroneousNick(wanted.clone()))?;
    if settings.reserves_nick(&nick, bearer) {
        return Err(Refusal::ErroneousNick(wanted.clone()));
    }
    if is_taken(&nick) {
        return Err(Refusal::NickInUse(wanted.clone()));
    }
    if accounts.is_anothers(wanted, account) {
        return Err(Refusal::NickOfAccount(wanted.clone()));
    }
    Ok(nick)
}

/// A user name as it can stand in `nick!user@host`.
fn clean_user(user: &str) -> String {
    let is_allowed =
        |c: &char| c.is_ascii_graphic() && !matches!(c, '!' | '@' | ':' | ',' | '*' | '?');
    let user: String = user.chars().filter(is_allowed).take(USER_BYTES_MAX).collect();
    if user.is_empty() { "user".into() } else { user }
}
