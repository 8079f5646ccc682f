//! The doings of the other people of a row, whose waiting is measured, and the floor: what the machine alone makes them wait.
//! They come from another address than the strangers.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use chat_tests::{PATIENCE, folder::TempFolder};
use socket2::{Domain, Socket, Type};

use super::{PACE, pause_until, server::ACCOUNT};

/// The address of those who are no strangers.
pub(super) const ADDRESS: [u8; 4] = [127, 9, 9, 9];

/// Two people in a room: one talks and one listens.
pub(super) struct Talk {
    speaker: TcpStream,
    listener: BufReader<TcpStream>,
}

impl Talk {
    pub(super) fn begin(irc: SocketAddr) -> Self {
        let mut speaker = enter(connect_from(ADDRESS, irc), "speaker", "#quiet");
        let listener = enter(connect_from(ADDRESS, irc), "listener", "#quiet");
        // What the speaker is told is of no interest; a reader that never reads is another row.
        let mut deaf = speaker.get_ref().try_clone().unwrap();
        thread::spawn(move || while deaf.read(&mut [0; 65536]).is_ok_and(|n| n > 0) {});
        Self { speaker: speaker.get_mut().try_clone().unwrap(), listener }
    }

    /// The time each page of the quiet room's history took that was asked for meanwhile.
    pub(super) fn read_for(&mut self, time: Duration) -> Vec<Duration> {
        let start = Instant::now();
        let mut latencies = Vec::new();
        for n in 0.. {
            pause_until(start, PACE * n);
            if start.elapsed() > time {
                break;
            }
            let asked = Instant::now();
            self.listener.get_mut().write_all(b"CHATHISTORY LATEST #quiet * 10\r\n").unwrap();
            await_line(&mut self.listener, " BATCH -");
            latencies.push(asked.elapsed());
        }
        latencies
    }

    /// The time each message took that was said meanwhile.
    pub(super) fn go_on_for(&mut self, time: Duration, pace: Duration) -> Vec<Duration> {
        let start = Instant::now();
        let n_messages = ((time.as_secs_f64() / pace.as_secs_f64()) as u32).max(1);
        thread::scope(|scope| {
            scope.spawn(|| {
                for n in 0..n_messages {
                    pause_until(start, pace * n);
                    let said = start.elapsed().as_nanos();
                    self.speaker
                        .write_all(format!("PRIVMSG #quiet :at {said}\r\n").as_bytes())
                        .unwrap();
                }
            });
            let mut latencies = Vec::new();
            let mut line = String::new();
            while latencies.len() < n_messages as usize {
                line.clear();
                let n = self.listener.read_line(&mut line).unwrap();
                assert!(n > 0, "the listener was closed");
                let heard = start.elapsed();
                if let Some((_, said)) = line.split_once(" PRIVMSG #quiet :at ") {
                    let said = said.trim_end().parse().unwrap();
                    latencies.push(heard.saturating_sub(Duration::from_nanos(said)));
                }
            }
            pause_until(start, time);
            latencies
        })
    }
}

/// Three threads that pass a few bytes round over sockets at the pace of those who talk, and one of them has them on disk first: as a
/// speaker, a server and a listener do where nothing else is to be done.
pub(super) struct Floor {
    is_over: Arc<AtomicBool>,
    longest: Arc<AtomicU64>,
    sender: JoinHandle<()>,
}

impl Floor {
    pub(super) fn begin() -> Self {
        let door = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut sender = TcpStream::connect(door.local_addr().unwrap()).unwrap();
        let (mut echo, _) = door.accept().unwrap();
        sender.set_nodelay(true).unwrap();
        echo.set_nodelay(true).unwrap();
        let mut listener = sender.try_clone().unwrap();
        let (is_over, longest) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let start = Instant::now();
        thread::spawn(move || {
            let folder = TempFolder::new("misuse-floor");
            let mut file = fs::File::create(folder.path().join("log")).unwrap();
            let mut bytes = [0; 8];
            while echo.read_exact(&mut bytes).is_ok() {
                file.write_all(&bytes).unwrap();
                file.sync_data().unwrap();
                if echo.write_all(&bytes).is_err() {
                    return;
                }
            }
        });
        let seen = Arc::clone(&longest);
        let listening = thread::spawn(move || {
            let mut bytes = [0; 8];
            while listener.read_exact(&mut bytes).is_ok() {
                let took = (start.elapsed().as_nanos() as u64) - u64::from_le_bytes(bytes);
                seen.fetch_max(took, Ordering::Relaxed);
            }
        });
        let end = Arc::clone(&is_over);
        let sender = thread::spawn(move || {
            for n in 0.. {
                pause_until(start, PACE * n);
                if end.load(Ordering::Acquire) {
                    break;
                }
                let now = start.elapsed().as_nanos() as u64;
                sender.write_all(&now.to_le_bytes()).unwrap();
            }
            sender.shutdown(std::net::Shutdown::Write).unwrap();
            listening.join().unwrap();
        });
        Self { is_over, longest, sender }
    }

    /// Begins to count: all that has been until now is nothing.
    pub(super) fn watch(&self) {
        self.longest.store(0, Ordering::Relaxed);
    }

    /// The longest time that a byte took since it is watched.
    pub(super) fn end(self) -> Duration {
        self.is_over.store(true, Ordering::Release);
        self.sender.join().unwrap();
        Duration::from_nanos(self.longest.load(Ordering::Relaxed))
    }
}

pub(super) fn register_account(irc: SocketAddr) {
    let mut reader = enter(connect_from(ADDRESS, irc), ACCOUNT[0], "#accounts");
    reader.get_mut().write_all(format!("NS REGISTER {}\r\n", ACCOUNT[1]).as_bytes()).unwrap();
    await_line(&mut reader, " 900 ");
}

/// The time that each login took of somebody who comes from another address than the strangers.
pub(super) fn log_in_for(irc: SocketAddr, time: Duration) -> Vec<Duration> {
    let mut reader = enter(connect_from(ADDRESS, irc), "elsewhere", "#accounts");
    let line = format!("NS IDENTIFY {} {}\r\n", ACCOUNT[0], ACCOUNT[1]);
    let start = Instant::now();
    let mut latencies = Vec::new();
    while start.elapsed() < time || latencies.is_empty() {
        let asked = Instant::now();
        reader.get_mut().write_all(line.as_bytes()).unwrap();
        await_line(&mut reader, " 900 ");
        latencies.push(asked.elapsed());
    }
    latencies
}

fn connect_from(address: [u8; 4], to: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((address, 0)).into()).unwrap();
    socket.connect(&to.into()).unwrap();
    socket.into()
}

/// Connects, registers and joins, as a stranger.
pub(super) fn register(irc: SocketAddr, nick: &str, rooms: &str) -> BufReader<TcpStream> {
    enter(TcpStream::connect(irc).unwrap(), nick, rooms)
}

/// Registers and joins on a connection.
fn enter(stream: TcpStream, nick: &str, rooms: &str) -> BufReader<TcpStream> {
    try_enter(stream, nick, rooms).expect("the server lets everybody in")
}

/// Registers and joins on a connection; nothing, if it is closed meanwhile.
pub(super) fn try_enter(
    mut stream: TcpStream,
    nick: &str,
    rooms: &str,
) -> Option<BufReader<TcpStream>> {
    stream.set_nodelay(true).unwrap();
    // Who waits for an answer that never comes ends the benchmark.
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let caps = "batch draft/chathistory draft/channel-rename chat.local/search chat.local/changes \
                message-tags";
    let lines = format!(
        "CAP REQ :{caps}\r\nNICK {nick}\r\nUSER u 0 * :R\r\nCAP END\r\nJOIN {rooms}\r\nPING :ready\r\n"
    );
    stream.write_all(lines.as_bytes()).ok()?;
    let mut reader = BufReader::new(stream);
    read_until(&mut reader, |line| line.contains(" PONG ")).then_some(reader)
}

/// Reads up to a line that has `word` in it.
pub(super) fn await_line(reader: &mut BufReader<TcpStream>, word: &str) {
    assert!(read_until(reader, |line| line.contains(word)), "closed before {word:?} came");
}

/// Reads up to a line that is the last; whether it came before the end.
pub(super) fn read_until(
    reader: &mut BufReader<TcpStream>,
    mut is_last: impl FnMut(&str) -> bool,
) -> bool {
    let mut line = String::new();
    loop {
        line.clear();
        match reader.read_line(&mut line) {
            Ok(n) if n > 0 => {}
            // Also reset, when it was closed with something unread.
            Ok(_) => return false,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return false,
            Err(error) => panic!("{error}"),
        }
        if is_last(&line) {
            return true;
        }
    }
}
