//! Server bans: people who may not come to the server at all.

use chat_tests::{
    operators::{OPER_ROOT, with_root},
    script::check_with,
};

#[test]
fn only_operators_of_the_server_speak_with_operserv() {
    check_with(
        &format!(
            "ann> OS BANS
             ann< * 481 *
             {OPER_ROOT}
             root> OS HELP
             root< :OperServ!services@chat.local NOTICE root :BAN *
             root> OPERSERV BANS
             root< * NOTICE root :nobody is banned from this server
             root> OS BAN
             root< * NOTICE root :write BAN address*
             root> OS BAN nick!*@*
             root< * NOTICE root :write an address, *
             root> OS BAN 0.0.0.0/0
             root< * NOTICE root :that is everybody: *
             root> OS UNBAN 192.0.2.1
             root< * NOTICE root :there is no such ban: write BANS"
        ),
        with_root,
    );
}

#[test]
fn who_is_banned_by_account_goes_and_does_not_come_back_until_it_ends() {
    check_with(
        &format!(
            "ann> NS REGISTER correcthorse
             ann< * 900 *
             {OPER_ROOT}
             root> OS BAN ~a:Ann 1d spam
             root< * NOTICE root :~a:ann is banned until * (spam)
             ann< ERROR *banned from this server until * (spam)*
             root> OS BANS
             root< * NOTICE root :~a:ann was banned by root at * until 2027-01-16* (spam)
             restart
             // The account is nobody's meanwhile.
             bob> NS IDENTIFY ann correcthorse
             bob< * NOTICE bob :You are banned from this server until * (spam)
             login ann
             ann> JOIN #x
             ann< * 451 *
             wait 86500
             carl> NS IDENTIFY ann correcthorse
             carl< * 900 *"
        ),
        with_root,
    );
}

#[test]
fn who_is_banned_by_address_goes_and_others_do_not_come() {
    check_with(
        &format!(
            "ann> JOIN #x
             ann< * 366 *
             {OPER_ROOT}
             root> OS BAN 192.0.2.0/24 other places
             root< * NOTICE root :192.0.2.0/24 is banned (other places)
             ann! ERROR *
             root> OS BAN 127.0.0.1 2h this place
             ann< ERROR *banned from this server until * (this place)*
             new bob
             bob< ERROR *banned from this server*
             // Operators stay, and can take it back.
             root> OS UNBAN 127.0.0.1
             root< * NOTICE root :127.0.0.1/32 is banned no more
             carl> JOIN #x
             carl< * 366 *"
        ),
        with_root,
    );
}

#[test]
fn there_are_only_so_many_bans() {
    check_with(
        &format!(
            "{OPER_ROOT}
             root> OS BAN 192.0.2.1 3m
             root< * is banned until *
             root> OS BAN 192.0.2.2
             root< * is banned
             root> OS BAN 192.0.2.3
             root< * NOTICE root :there are as many bans as there may be: *
             root> OS BAN 192.0.2.2 again
             root< * is banned (again)
             // What is over makes place.
             wait 120
             root> PING x
             wait 120
             root> OS BAN 192.0.2.3
             root< * NOTICE root :192.0.2.3/32 is banned
             root> OS BANS
             root! *192.0.2.1/32 *
             root< *192.0.2.2/32 was *
             root< *192.0.2.3/32 was *"
        ),
        |config| {
            with_root(config);
            config.limits.server_bans_max = 2;
        },
    );
}
