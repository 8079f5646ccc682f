//! IRC over TLS, against `openssl s_client`: certificates, fingerprints, and what breaks it.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use chat_server::{Config, TlsSource, config::Account, config::Sts};
use chat_tests::{PATIENCE, TestClient, TestServer, program::Program};

/// A folder of its own for a test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("chat-tls-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // It lies in the system's folder for such things.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs `openssl` to its end.
fn openssl(arguments: &[&str]) -> String {
    let output = Command::new("openssl").args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Makes a certificate with `openssl`, and gives its fingerprint.
fn certificate(folder: &Folder, name: &str) -> String {
    let (certificate, key) =
        (folder.path(&format!("{name}.pem")), folder.path(&format!("{name}.key")));
    let arguments =
        ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    let subject = format!("/CN={name}");
    let files = ["-subj", &subject, "-days", "2", "-keyout", &key, "-out", &certificate];
    openssl(&[&arguments[..], &files].concat());
    fingerprint_of(Path::new(&certificate))
}

/// As this project writes it: hexadecimal without colons.
fn fingerprint_of(certificate: &Path) -> String {
    let path = certificate.to_str().unwrap();
    let text = openssl(&["x509", "-in", path, "-noout", "-fingerprint", "-sha256"]);
    text.trim().rsplit('=').next().unwrap().replace(':', "").to_lowercase()
}

/// A client behind `openssl s_client`.
fn s_client(address: SocketAddr, more: &[&str]) -> Program {
    let address = address.to_string();
    let arguments = ["s_client", "-quiet", "-verify_quiet", "-connect", &address];
    Program::run("openssl", Command::new("openssl").args([&arguments[..], more].concat()))
}

/// The fingerprint of the certificate that a client is shown.
fn shown_certificate(folder: &Folder, address: SocketAddr, more: &[&str]) -> String {
    let address = address.to_string();
    let mut client = Command::new("openssl");
    client.args(["s_client", "-connect", &address]).args(more).stdin(std::process::Stdio::null());
    let text = String::from_utf8(client.output().unwrap().stdout).unwrap();
    let path = folder.0.join("seen.pem");
    let (start, end) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----");
    let body = text.split(start).nth(1).unwrap().split(end).next().unwrap();
    std::fs::write(&path, format!("{start}{body}{end}\n")).unwrap();
    fingerprint_of(&path)
}

fn register(client: &mut Program, nick: &str) {
    client.send(&format!("NICK {nick}"));
    client.send("USER u 0 * :R");
}

fn with_tls(folder: &Folder, change: impl FnOnce(&mut Config)) -> TestServer {
    let folder = folder.0.join("own");
    TestServer::with(|config| {
        config.tls_listen = vec!["127.0.0.1:0".into()];
        config.tls = Some(TlsSource::SelfSigned { folder, names: vec!["chat.local".into()] });
        change(config);
    })
}

#[test]
fn people_with_and_without_tls_talk() {
    let folder = Folder::new("talk");
    let server = with_tls(&folder, |_| ());
    let shown = fingerprint_of(&folder.0.join("own/certificate.pem"));
    assert_eq!(server.fingerprint().as_deref(), Some(&*shown));
    let mut plain = TestClient::register(&server, "Pia");
    for version in ["-tls1_2", "-tls1_3"] {
        let mut secure = s_client(server.tls_address(), &[version]);
        register(&mut secure, "Sec");
        secure.expect(":chat.local 001 Sec *");
        plain.expect(":Sec!*@127.0.0.1 JOIN #lobby");
        secure.send("PRIVMSG #lobby :nobody read this on its way");
        plain.expect(":Sec!* PRIVMSG #lobby :nobody read this on its way");
        plain.send("WHOIS Sec");
        plain.expect("* 671 Pia Sec *");
        // Much at once, and in pieces of its own making.
        let text = "x".repeat(400);
        for n in 0..2000 {
            plain.send(&format!("PRIVMSG #lobby :{n} {text}"));
        }
        for n in 0..2000 {
            secure.expect(&format!(":Pia!* PRIVMSG #lobby :{n} {text}"));
        }
        secure.send("QUIT :bye");
        secure.expect("ERROR :You left*");
        plain.expect(":Sec!* QUIT :Quit: bye");
        assert_eq!(secure.exit_code(), Some(0), "it saw the end of TLS too");
    }
    plain.send("WHOIS Pia");
    plain.expect_none("* 671 *");
}

/// The certificate is made once, and its key is its owner's alone.
#[test]
fn what_was_made_is_kept() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("kept");
    let first = with_tls(&folder, |_| ()).fingerprint();
    assert_eq!(with_tls(&folder, |_| ()).fingerprint(), first);
    // People see the name where a program asks whether they trust it.
    let own = folder.path("own/certificate.pem");
    let subject = openssl(&["x509", "-in", &own, "-noout", "-subject"]);
    assert_eq!(subject.trim().replace(' ', ""), "subject=CN=chat.local");
    let mode = std::fs::metadata(folder.0.join("own/key.pem")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// SASL EXTERNAL with a real certificate.
#[test]
fn a_certificate_of_ones_own_logs_in() {
    let folder = Folder::new("external");
    // Also one whose time is over: it is the account's owner who vouches for it.
    let fingerprints = vec![certificate(&folder, "ann"), expired_certificate(&folder, "old")];
    certificate(&folder, "eve");
    let server = with_tls(&folder, |config| {
        let (name, password) = ("Ann".into(), String::new());
        config.accounts = vec![Account { name, password, scram: None, fingerprints }];
    });
    let answers = [("ann", "* 900 * Ann *"), ("old", "* 900 * Ann *"), ("eve", "* 904 *")];
    for (name, answer) in answers {
        let (own, key) = (folder.path(&format!("{name}.pem")), folder.path(&format!("{name}.key")));
        let mut client = s_client(server.tls_address(), &["-cert", &own, "-key", &key]);
        for line in ["CAP REQ :sasl", "AUTHENTICATE EXTERNAL"] {
            client.send(line);
        }
        client.expect("AUTHENTICATE +");
        client.send("AUTHENTICATE +");
        client.expect(answer);
    }
}

/// <https://ircv3.net/specs/extensions/webirc>: what a gateway says of its client's TLS counts where its
/// own connection is secure.
#[test]
fn a_gateway_over_tls_tells_of_its_clients_tls() {
    let folder = Folder::new("webirc");
    let server = with_tls(&folder, |config| {
        let (password, addresses) = ("hunter2".into(), vec!["127.0.0.1/32".parse().unwrap()]);
        config.gateways = vec![chat_server::config::Gateway { password, addresses }];
        let (name, password) = ("Ann".into(), String::new());
        let fingerprints = vec!["ab12".into()];
        config.accounts = vec![Account { name, password, scram: None, fingerprints }];
    });
    for (nick, options, is_secure, answer) in [
        ("ann", "secure certfp-sha-256=ab12", true, "* 900 *"),
        ("eve", "secure certfp-sha-256=ffff", true, "* 904 *"),
        ("old", "certfp-sha-256=ab12", false, "* 904 *"),
    ] {
        let mut client = s_client(server.tls_address(), &[]);
        client.send(&format!("WEBIRC hunter2 web host.example 198.51.100.3 :{options}"));
        for line in ["CAP REQ :sasl", "AUTHENTICATE EXTERNAL", "AUTHENTICATE +"] {
            client.send(line);
        }
        client.expect(answer);
        register(&mut client, nick);
        client.send("CAP END");
        client.expect(&format!(":{nick}!u@198.51.100.3 JOIN #lobby"));
        client.send(&format!("WHOIS {nick}"));
        client.expect("* 312 *");
        let next = client.expect(&format!("* {nick} *"));
        assert_eq!(next.contains(" 671 "), is_secure, "{nick}: {next}");
    }
}

#[test]
fn a_new_certificate_is_read_with_nobody_dropped() {
    let folder = Folder::new("reload");
    let first = certificate(&folder, "server");
    let (own, key) = (folder.path("server.pem"), folder.path("server.key"));
    let (mut program, _) = Program::start_server(&[
        "--tls-listen",
        "127.0.0.1:0",
        "--certificate",
        &own,
        "--key",
        &key,
    ]);
    let address = program.expect_address();
    program.expect(&format!("*fingerprint is {first}"));
    let mut stays = s_client(address, &[]);
    register(&mut stays, "sta");
    stays.expect("* 366 *");
    let seen = || shown_certificate(&folder, address, &[]);
    assert_eq!(seen(), first);
    // A file that is none changes nothing.
    std::fs::write(&own, "nonsense").unwrap();
    program.signal("HUP");
    program.expect("nothing has changed: *server.pem: *");
    assert_eq!(seen(), first);
    let second = certificate(&folder, "server");
    program.signal("HUP");
    program.expect("*read again");
    assert_eq!(seen(), second);
    stays.send("PING still");
    stays.expect("*PONG*still");
    program.signal("TERM");
    stays.expect("ERROR :The server is stopping");
    assert_eq!(program.exit_code(), Some(0));
}

#[test]
fn a_certificate_that_is_none_is_said_in_one_line() {
    let folder = Folder::new("wrong");
    let path = folder.path("none.pem");
    std::fs::write(&path, "nonsense").unwrap();
    for arguments in [
        vec!["--tls-listen", "127.0.0.1:0"],
        vec!["--tls-listen", "127.0.0.1:0", "--certificate", &path, "--key", &path],
        vec!["--tls-listen", "127.0.0.1:0", "--certificate", "/nowhere", "--key", &path],
    ] {
        let mut program =
            Program::start("chat-server", &[&["--listen", "127.0.0.1:0"], &*arguments].concat());
        assert_eq!(program.exit_code(), Some(1), "{arguments:?}");
        let errors = program.errors();
        assert!(errors.lines().count() == 1 && errors.contains("TLS cannot be spoken"), "{errors}");
    }
}

/// SNI: the certificate that has the name, also by a wildcard, and the first one for everybody else. Those are read again, too.
#[test]
fn whoever_asks_for_a_name_is_shown_its_certificate() {
    let folder = Folder::new("sni");
    let first = certificate(&folder, "first.example");
    let named = |file: &str, names: &[&str]| {
        let key = rcgen::KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let made = rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
        std::fs::write(folder.path(&format!("{file}.pem")), made.pem()).unwrap();
        std::fs::write(folder.path(&format!("{file}.key")), key.serialize_pem()).unwrap();
        fingerprint_of(Path::new(&folder.path(&format!("{file}.pem"))))
    };
    let second = named("second", &["second.example", "irc.second.example"]);
    let third = named("third", &["*.third.example"]);
    let file = folder.path("chat.toml");
    let write = |entries: &[&str]| {
        let own = |name: &str| {
            let (certificate, key) =
                (folder.path(&format!("{name}.pem")), folder.path(&format!("{name}.key")));
            format!("certificate = {certificate:?}\nkey = {key:?}\n")
        };
        let more = entries.iter().map(|entry| format!("[[sni]]\n{}", own(entry)));
        let more: String = more.collect();
        let text = format!("tls-listen = [\"127.0.0.1:0\"]\n{}{more}", own("first.example"));
        std::fs::write(&file, text).unwrap();
    };
    write(&["second", "third"]);
    let (mut program, _) = Program::start_server(&["--config", &file]);
    let address = program.expect_address();
    let shown = |name: Option<&str>| {
        let name = name.map_or_else(|| vec!["-noservername"], |name| vec!["-servername", name]);
        shown_certificate(&folder, address, &name)
    };
    assert_eq!(shown(None), first);
    assert_eq!(shown(Some("elsewhere.example")), first);
    assert_eq!(shown(Some("second.example")), second);
    assert_eq!(shown(Some("IRC.Second.Example")), second);
    assert_eq!(shown(Some("any.third.example")), third);
    // A wildcard is for one label (RFC 6125 §6.4.3).
    assert_eq!(shown(Some("one.more.third.example")), first);
    let mut client = s_client(address, &["-servername", "second.example"]);
    register(&mut client, "Sec");
    client.expect("* 366 *");
    write(&["third"]);
    program.signal("HUP");
    program.expect("*read again");
    assert_eq!(shown(Some("second.example")), first);
    // What cannot be used is said, and all stays.
    write(&["third", "missing"]);
    program.signal("HUP");
    program.expect("nothing has changed: *missing.pem: *");
    assert_eq!(shown(Some("any.third.example")), third);
    client.send("PING still");
    client.expect("*PONG*still");
    // A certificate for names alone would leave everybody else without one.
    let alone = format!(
        "[[sni]]\ncertificate = {:?}\nkey = {:?}\n",
        folder.path("third.pem"),
        folder.path("third.key")
    );
    std::fs::write(&file, alone).unwrap();
    let mut refused =
        Program::start("chat-server", &["--config", &file, "--listen", "127.0.0.1:0"]);
    assert_eq!(refused.exit_code(), Some(1));
    assert!(refused.errors().contains("there is none for everybody else"), "{}", refused.errors());
}

/// ALPN: `irc` for IRC, HTTP where WebSockets begin with it; who speaks something else alone is turned away before a word.
#[test]
fn the_protocol_behind_tls_is_negotiated() {
    let folder = Folder::new("alpn");
    let server = with_tls(&folder, |config| {
        config.web_socket_tls_listen = vec!["127.0.0.1:0".into()];
    });
    let negotiated = |address: SocketAddr, offered: &str| {
        let address = address.to_string();
        let mut client = Command::new("openssl");
        client.args(["s_client", "-connect", &address, "-alpn", offered]);
        let output = client.stdin(std::process::Stdio::null()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().find_map(|line| line.strip_prefix("ALPN protocol: "));
        (output.status.success(), line.map(str::to_owned))
    };
    let irc = server.tls_address();
    assert_eq!(negotiated(irc, "irc"), (true, Some("irc".into())));
    assert_eq!(negotiated(irc, "h2,irc"), (true, Some("irc".into())));
    assert_eq!(negotiated(irc, "h2,http/1.1"), (false, None));
    let web_socket = server.web_socket_tls_address();
    assert_eq!(negotiated(web_socket, "h2,http/1.1"), (true, Some("http/1.1".into())));
    assert_eq!(negotiated(web_socket, "irc"), (false, None));
    let mut client = s_client(irc, &["-alpn", "irc"]);
    register(&mut client, "Alp");
    client.expect("* 366 *");
}

/// A flag that names the one kind of certificate overrides a file that names the other.
#[test]
fn flags_choose_the_certificate() {
    let folder = Folder::new("flags");
    let fingerprint = certificate(&folder, "server");
    let (own, key) = (folder.path("server.pem"), folder.path("server.key"));
    let file = folder.path("file.toml");
    let text = format!("tls-listen = [\"127.0.0.1:0\"]\ncertificate = {own:?}\nkey = {key:?}\n");
    std::fs::write(&file, text).unwrap();
    let says = |arguments: &[&str]| {
        let (mut program, _) = Program::start_server(&[&["--config", &file], arguments].concat());
        program.expect("*fingerprint is *").contains(&fingerprint)
    };
    assert!(says(&[]));
    assert!(!says(&["--self-signed", &folder.path("own")]));
    std::fs::write(
        &file,
        format!("tls-listen = [\"127.0.0.1:0\"]\nself-signed = {:?}\n", folder.path("own")),
    )
    .unwrap();
    assert!(!says(&[]));
    assert!(says(&["--certificate", &own, "--key", &key]));
}

/// A certificate whose time is over, as two files; its fingerprint.
fn expired_certificate(folder: &Folder, name: &str) -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2019, 1, 1);
    params.not_after = rcgen::date_time_ymd(2020, 1, 2);
    let certificate = params.self_signed(&key).unwrap();
    let path = folder.path(&format!("{name}.pem"));
    std::fs::write(&path, certificate.pem()).unwrap();
    std::fs::write(folder.path(&format!("{name}.key")), key.serialize_pem()).unwrap();
    fingerprint_of(Path::new(&path))
}

/// It is said at once, those who check it stay away, and the others come.
#[test]
fn an_expired_certificate_is_said_to_whoever_runs_the_server() {
    let folder = Folder::new("expired");
    expired_certificate(&folder, "server");
    let (own, key) = (folder.path("server.pem"), folder.path("server.key"));
    let arguments = ["--tls-listen", "127.0.0.1:0", "--certificate", &own, "--key", &key];
    let (mut program, _) = Program::start_server(&arguments);
    let address = program.expect_address();
    program
        .expect("the certificate expired on 2020-01-02T00:00:00Z, *: renew it, then send SIGHUP");
    let mut careful = s_client(address, &["-verify_return_error", "-CAfile", &own]);
    assert_ne!(careful.exit_code(), Some(0));
    assert!(careful.errors().contains("certificate has expired"));
    // Whoever trusts its fingerprint comes, also without telling a name.
    let mut trusting = s_client(address, &["-noservername"]);
    register(&mut trusting, "tru");
    trusting.expect("* 366 *");
    certificate(&folder, "server");
    program.signal("HUP");
    program.expect("*read again");
    program.expect("the certificate expires on *: renew it, then send SIGHUP");
    trusting.send("PING still");
    trusting.expect("*PONG*still");
}

/// What is no TLS, or no safe one, harms nobody else.
#[test]
fn broken_handshakes_disturb_nobody() {
    let folder = Folder::new("broken");
    let server = with_tls(&folder, |config| {
        config.limits.registration_timeout = Duration::from_secs(2);
    });
    let mut good = s_client(server.tls_address(), &[]);
    register(&mut good, "goo");
    good.expect("* 366 *");
    // An old version, at the lowest security this openssl still allows.
    let address = server.tls_address().to_string();
    let old = ["s_client", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0", "-connect", &address];
    let old = Command::new("openssl").args(old).stdin(std::process::Stdio::null()).output();
    assert!(!old.unwrap().status.success());
    // IRC without TLS, garbage, and handshakes that end in the middle.
    for bytes in [&b"NICK a\r\nUSER u 0 * :A\r\n"[..], &[0; 100], &[22, 3, 1, 2, 0, 1, 0], b""] {
        let mut stream = TcpStream::connect(server.tls_address()).unwrap();
        stream.write_all(bytes).unwrap();
    }
    // A thousand that begin and say nothing more are let go when their time is up.
    let mut half_open = Vec::new();
    for _ in 0..1000 {
        let mut stream = TcpStream::connect(server.tls_address()).unwrap();
        stream.write_all(&[22, 3, 1, 2, 0, 1]).unwrap();
        half_open.push(stream);
    }
    good.send("PING among them");
    good.expect("*PONG*:among");
    for mut stream in half_open {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut rest = Vec::new();
        // Some get an alert, some a reset; what counts is that it ends.
        let _ = stream.read_to_end(&mut rest);
    }
    good.send("LUSERS");
    good.expect("* 251 goo *");
    // No 253: nobody is left who has not registered.
    let next = good.expect("*");
    assert!(next.contains(" 254 goo "), "{next}");
    good.send("PING after");
    good.expect("*PONG*:after");
}

/// <https://ircv3.net/specs/extensions/sts>
#[test]
fn clients_are_told_to_come_over_tls() {
    let folder = Folder::new("sts");
    let server = with_tls(&folder, |config| {
        config.sts = Some(Sts { port: 6697, duration: Duration::from_secs(86_400) });
    });
    let mut plain = TestClient::connect(server.address());
    plain.send("CAP LS 302");
    plain.expect("* LS *sts=port=6697 *");
    plain.send("CAP LS");
    assert!(!plain.expect("* LS *").contains(" sts"), "this version knows of no values");
    plain.send("CAP REQ :sts");
    plain.expect("* CAP * NAK :sts");
    let mut old = TestClient::connect(server.address());
    old.send("CAP LS");
    assert!(!old.expect("* LS *").contains(" sts"));
    let mut secure = s_client(server.tls_address(), &[]);
    secure.send("CAP LS 302");
    secure.expect("* LS *sts=duration=86400 *");
    // "Servers MUST NOT send CAP DEL": a policy of no duration ends it.
    let mut config = Config::default();
    config.limits = config.limits.unlimited();
    server.reloader().reload(&config).unwrap();
    secure.expect(":chat.local CAP * NEW :sts=duration=0");
    plain.send("CAP LIST");
    let next = plain.next_line().unwrap();
    assert!(next.contains(" LIST "), "{next}");
}
