//! Starting and stopping: the threads, and nothing else.

use std::{
    io,
    net::{SocketAddr, ToSocketAddrs},
    num::NonZeroUsize,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{Builder, JoinHandle},
    time::SystemTime,
};

use chat_core::text::is_printable;
use crossbeam_channel::Sender;
use mio::{Poll, Waker};

use crate::{
    auth::{self, CHECKERS_MAX},
    config::{self, Account, Config},
    hub::{Hub, Input, Seed},
    ids::WorkerId,
    net::{
        acceptor::{self, Acceptor},
        admission::Admission,
        hub_executor::{HubExecutor, Scratch, Work},
        hub_sender::HubSender,
        hub_thread::HubThread,
        listener_kind::ListenerKind,
        mailbox::{Mailbox, Order},
        password_thread,
        to_hub::ToHub,
        worker::{self, Worker},
    },
    private_files,
    public_address::{self, PublicAddressSource},
    room_log::{MemoryLog, RoomLog},
    settings::Settings,
    store::{LocalLog, StoreError},
    tls::{Certificates, TlsSource},
};

/// The reason why a server cannot start. Nothing is left running.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address is none.
    #[error("{address} is no address to listen on; write HOST:PORT, such as 127.0.0.1:53000")]
    Address {
        /// The address, as it was given.
        address: String,
        /// The fault in it.
        source: io::Error,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {}", in_words(source))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's words.
        source: io::Error,
    },
    /// The network's name cannot stand where clients read it.
    #[error("the network's name must be one word, not {0:?}")]
    NetworkName(String),
    /// A setting cannot do what it says.
    #[error("{0}")]
    Contradiction(String),
    /// The certificate cannot be used.
    #[error("TLS cannot be spoken: {0}")]
    Tls(String),
    /// No address was given.
    #[error("there is no address to listen on")]
    NoAddress,
    /// There is nothing to keep messages in.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The persisted state is nothing that this version has written.
    #[error(
        "the database holds what this version cannot read: {0}; run the version that wrote it, or restore a backup"
    )]
    State(String),
    /// The system gives no threads or descriptors.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] io::Error),
}

fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "the port is taken; is a server running already?".into(),
        io::ErrorKind::AddrNotAvailable => "this computer has no such address".into(),
        io::ErrorKind::PermissionDenied => "not allowed; ports below 1024 are the system's".into(),
        _ => error.to_string(),
    }
}

/// The reason why a server did not end as it should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StopError {
    /// A thread failed; all others were stopped.
    #[error("the server's thread {thread} failed: {what}")]
    Failed {
        /// The thread's name.
        thread: String,
        /// The words it ended with.
        what: String,
    },
}

/// The words everyone reads when a server is stopped by whoever runs it.
pub const STOPPING: &str = "The server is stopping";

/// The name of the account of whoever hosts a server by the way.
const HOST: &str = "host";

/// The account of whoever hosts a server ([`Server::host_account`]), for their program to log in to.
#[derive(Clone)]
pub struct HostAccount {
    /// Its name.
    pub name: String,
    /// Its password, another one each time.
    pub password: String,
}

impl std::fmt::Debug for HostAccount {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HostAccount")
    }
}

/// Starts servers.
#[derive(Debug)]
pub struct Server;

/// A running server. It runs until it is stopped or, with [`Config::exit_when_empty`], until the last
/// person leaves; dropping the handle stops it and waits for its threads.
#[derive(Debug)]
pub struct ServerHandle {
    addresses: Vec<(ListenerKind, SocketAddr)>,
    reloader: Reloader,
    stopper: Stopper,
    threads: Vec<JoinHandle<Result<(), String>>>,
    warnings: Vec<String>,
}

/// Stops a server from any thread.
#[derive(Debug, Clone)]
pub struct Stopper {
    is_stopping: Arc<AtomicBool>,
    acceptor: Arc<Waker>,
    /// Apart from the hub's queue, which may be full.
    stops: Sender<Arc<str>>,
}

impl Stopper {
    /// Tells everyone why and ends the server. Returns at once; see [`ServerHandle::join`].
    pub fn stop(&self, reason: &str) {
        self.is_stopping.store(true, Ordering::SeqCst);
        // A waker that cannot be woken has been woken already.
        let _ = self.acceptor.wake();
        // A hub that has ended needs no stopping.
        let _ = self.stops.send(reason.into());
    }
}

/// Changes a server's configuration while it runs, from any thread.
#[derive(Debug, Clone)]
pub struct Reloader {
    reached: PublicAddressSource,
    admission: Arc<Admission>,
    settings: Arc<Settings>,
    to_hub: HubSender,
    mailboxes: Vec<Arc<Mailbox>>,
    /// One configuration is taken at a time, so that all parts end with the same.
    turn: Arc<Mutex<()>>,
}

impl Reloader {
    /// Goes on by `config`, and reads the certificate's files again. Nobody is dropped; what is kept too long
    /// by its rules is deleted now. Where is listened
    /// and from which proxies, the server's and the network's name, the number of workers and the sizes of
    /// the queues between threads stay as they were.
    ///
    /// # Errors
    /// A sentence about the certificate that cannot be used, or the setting that cannot do what it says; then all stays as it
    /// was.
    pub fn reload(&self, config: &Config) -> Result<(), String> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        config::check_contradictions(config)?;
        if let Some(certificates) = &self.reached.certificates {
            certificates.reload(config.tls.as_ref(), &config.named_certificates)?;
        }
        let settings = self.settings.renewed(config, self.reached.now(config));
        self.admission.set_limits(&settings.limits);
        for mailbox in &self.mailboxes {
            mailbox.post(&mut vec![Order::Reload { settings: Arc::clone(&settings) }]);
        }
        // A server that has ended goes on by nothing.
        let _ = self.to_hub.send(Input::Reload { settings });
        Ok(())
    }

    /// The time the first of the certificates in use expires, if there is one and it says so.
    #[must_use]
    pub fn certificate_expires(&self) -> Option<SystemTime> {
        self.reached.certificates.as_ref()?.expires()
    }
}

impl Server {
    /// Starts a server that keeps its messages where [`Config::data`] says. Returns once it listens.
    ///
    /// Installs no signal handler and no logger; several servers can live in one process.
    ///
    /// # Errors
    /// [`StartError`], with nothing left running.
    pub fn start(config: Config) -> Result<ServerHandle, StartError> {
        let mut seed = Seed([0; 32]);
        getrandom::fill(&mut seed.0).map_err(|error| StartError::Thread(error.into()))?;
        let log: Box<dyn RoomLog> = match &config.data {
            Some(folder) => {
                let log = LocalLog::open(folder, config.durability)?;
                Box::new(log.retaining(config.retention.clone()))
            }
            None => Box::new(MemoryLog),
        };
        Self::start_with(config, log, seed)
    }

    /// Starts a server for a program that hosts by the way: messages are kept in the user's folder for such things,
    /// unless there is none or another server has it ([`ServerHandle::keeps_history`] tells).
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn start_hosted(mut config: Config) -> Result<ServerHandle, StartError> {
        config.data = config.data.or_else(config::default_folder);
        match Self::start(config.clone()) {
            Err(StartError::Store(StoreError::Locked(_))) => {
                config.data = None;
                Self::start(config)
            }
            started => started,
        }
    }

    /// Gives the person who hosts a server by the way an account in `config`, with a password that nobody knows but the
    /// program that asks for it, and the room that everybody is put into to look after.
    ///
    /// # Errors
    /// [`StartError::Thread`], if the system has no randomness.
    pub fn host_account(config: &mut Config) -> Result<HostAccount, StartError> {
        let no_randomness = |why: String| StartError::Thread(io::Error::other(why));
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| no_randomness(error.to_string()))?;
        let password: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let name = HOST.to_owned();
        let scram = Some(auth::scram_credentials(&password).map_err(no_randomness)?);
        // With SCRAM alone, which our client speaks.
        let account = Account {
            name: name.clone(),
            password: String::new(),
            scram,
            fingerprints: Vec::new(),
        };
        config.accounts.push(account);
        config.room_operators.push(name.clone());
        Ok(HostAccount { name, password })
    }

    /// Starts a server with a room log of your own; what it draws at random follows from `seed`.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn start_with(
        config: Config,
        mut log: Box<dyn RoomLog>,
        seed: impl Into<Seed>,
    ) -> Result<ServerHandle, StartError> {
        let is_word =
            is_printable(&config.network) && !config.network.contains(char::is_whitespace);
        if !is_word || config.network.starts_with(':') {
            return Err(StartError::NetworkName(config.network));
        }
        config::check_contradictions(&config).map_err(StartError::Contradiction)?;
        let certificates = match &config.tls {
            Some(source) => {
                let loaded = Certificates::load(source.clone(), &config.named_certificates);
                Some(loaded.map_err(StartError::Tls)?)
            }
            None if config.tls_listen.is_empty() && config.web_socket_tls_listen.is_empty() => None,
            None => return Err(StartError::Tls("no certificate is given".to_owned())),
        };
        let tls = certificates.as_ref().map(Certificates::server_configs).transpose();
        let tls = tls.map_err(StartError::Tls)?;
        let (listeners, addresses) = listen(&config)?;
        let n_cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        // What workers hand to each other costs both, and the log and the system want cores too.
        let n_workers =
            config.workers.map_or_else(|| n_cores.div_ceil(2), NonZeroUsize::get).min(64);
        let n_workers = u16::try_from(n_workers).expect("at most 64");
        let reached = PublicAddressSource { certificates, addresses: addresses.clone() };
        let settings = Settings {
            keeps_history: log.keeps_history(),
            reached: reached.now(&config),
            ..Settings::of(&config, n_workers)
        };
        let settings = Arc::new(settings);

        let (to_hub, inputs) = crossbeam_channel::bounded(settings.limits.hub_queue_max);
        let (pokes, poked) = crossbeam_channel::bounded(1);
        let (answerer, answers) = crossbeam_channel::bounded(settings.limits.hub_queue_max);
        let answerer = HubSender::new(answerer, Some(pokes.clone()));
        let (stops, stop_reasons) = crossbeam_channel::unbounded();
        let acceptor_poll = Poll::new()?;
        let acceptor_waker = Arc::new(Waker::new(acceptor_poll.registry(), acceptor::WAKER)?);
        let stopper = Stopper {
            is_stopping: Arc::new(AtomicBool::new(false)),
            acceptor: acceptor_waker,
            stops,
        };
        let mut polls = Vec::new();
        let mut mailboxes = Vec::new();
        for _ in 0..n_workers {
            let poll = Poll::new()?;
            let waker = Waker::new(poll.registry(), worker::WAKER)?;
            mailboxes.push(Arc::new(Mailbox::new(waker, Arc::clone(&settings.metrics))));
            polls.push(poll);
        }
        let admission = Admission::new(&settings.limits, n_workers, config.worker_connections);
        let reloader = Reloader {
            reached,
            admission: Arc::clone(&admission),
            settings: Arc::clone(&settings),
            to_hub: answerer.clone(),
            mailboxes: mailboxes.clone(),
            turn: Arc::default(),
        };
        let mut hub = Hub::new(Arc::clone(&settings), seed);
        hub.begin_after(log.latest_time());
        for (conversation, name) in log.conversations() {
            hub.load_conversation(conversation, name);
        }
        for (path, value) in log.load() {
            hub.load(&path, &value).map_err(StartError::State)?;
        }
        // Before there is a thread of ours that would have to be ended.
        let health = Arc::clone(&settings.log_health);
        log.start(answerer.appender().with_health(health))?;
        let warnings = private_files::warnings(&secret_paths(&config));
        let (questions, asked) = crossbeam_channel::unbounded();
        let work = Work {
            hub,
            inputs,
            answers: answers.clone(),
            mailboxes: mailboxes.clone(),
            mailbox_bytes_max: settings.limits.mailbox_bytes_max,
            log,
            questions,
            events: config.events,
            metrics: Arc::clone(&settings.metrics),
            scratch: Scratch::default(),
            looks_at: None,
            is_backed_up: false,
            is_over: false,
        };
        let hub_executor = Arc::new(HubExecutor::new(work, pokes));
        let mut handle =
            ServerHandle { addresses, reloader, stopper, threads: Vec::new(), warnings };
        for (index, poll) in (0..n_workers).zip(polls) {
            let mailbox = Arc::clone(&mailboxes[usize::from(index)]);
            let own = Some(Arc::clone(&mailbox));
            let (settings, tls) = (Arc::clone(&settings), tls.clone());
            let hub = ToHub::new(to_hub.clone(), Arc::clone(&hub_executor));
            let worker = Worker::new(WorkerId(index), settings, tls, poll, mailbox, hub);
            handle.spawn(&format!("chat-io-{index}"), &mailboxes, own, || worker.run())?;
        }
        let acceptor = Acceptor {
            poll: acceptor_poll,
            listeners,
            admission,
            proxies: config.proxies,
            metrics: Arc::clone(&settings.metrics),
            mailboxes: mailboxes.clone(),
            is_stopping: Arc::clone(&handle.stopper.is_stopping),
            accepted: mailboxes.iter().map(|_| Vec::new()).collect(),
            n_accepted: 0,
        };
        handle.spawn("chat-accept", &mailboxes, None, || acceptor.run())?;
        // Each needs 19 MiB while it works, and takes a core from the workers.
        let n_password_threads = (n_cores / 2).clamp(1, CHECKERS_MAX);
        for number in 0..n_password_threads {
            let (asked, answerer) = (asked.clone(), answerer.clone());
            handle.spawn(&format!("chat-auth-{number}"), &mailboxes, None, move || {
                password_thread::run(&asked, &answerer);
                Ok(())
            })?;
        }
        let hub = HubThread {
            hub_executor,
            pokes: poked,
            answers,
            stops: stop_reasons,
            mailboxes: mailboxes.clone(),
            mailbox_bytes_max: settings.limits.mailbox_bytes_max,
        };
        let stopper = handle.stopper.clone();
        handle.spawn("chat-hub", &mailboxes, None, move || {
            hub.run();
            // The hub may have ended the server by itself.
            stopper.is_stopping.store(true, Ordering::SeqCst);
            stopper.acceptor.wake()
        })?;
        Ok(handle)
    }
}

/// The paths of what others on this computer should not look into.
fn secret_paths(config: &Config) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        config.data.as_deref().map(LocalLog::paths).into_iter().flatten().collect();
    match &config.tls {
        Some(TlsSource::Files { key, .. }) => paths.push(key.clone()),
        Some(TlsSource::SelfSigned { folder, .. }) => paths.push(folder.join("key.pem")),
        None => {}
    }
    paths.extend(config.named_certificates.iter().map(|own| own.key.clone()));
    paths.extend(config.password_file.clone());
    paths
}

type Listeners = (Vec<(mio::net::TcpListener, ListenerKind)>, Vec<(ListenerKind, SocketAddr)>);

fn listen(config: &Config) -> Result<Listeners, StartError> {
    let (mut listeners, mut addresses) = (Vec::new(), Vec::new());
    let gates = [
        (ListenerKind::IRC, &config.listen),
        (ListenerKind::IRC_OVER_TLS, &config.tls_listen),
        (ListenerKind::WEB_SOCKET, &config.web_socket_listen),
        (ListenerKind::WEB_SOCKET_OVER_TLS, &config.web_socket_tls_listen),
        (ListenerKind::TEXT, &config.text_listen),
        (ListenerKind::HTTP, &config.http_listen),
    ];
    for (gate, wanted) in gates {
        for text in wanted {
            let named = text.to_socket_addrs();
            let named =
                named.map_err(|source| StartError::Address { address: text.clone(), source })?;
            for address in named {
                let failed = |source| StartError::Listen { address, source };
                let listener = acceptor::bind(address).map_err(failed)?;
                addresses.push((gate, listener.local_addr().map_err(failed)?));
                listeners.push((listener, gate));
            }
        }
    }
    for inherited in &config.inherited {
        let listener = inherited.try_clone()?;
        listener.set_nonblocking(true)?;
        addresses.push((ListenerKind::IRC, listener.local_addr()?));
        listeners.push((acceptor::listening(listener), ListenerKind::IRC));
    }
    if listeners.is_empty() {
        return Err(StartError::NoAddress);
    }
    Ok((listeners, addresses))
}

impl ServerHandle {
    /// Sentences for whoever runs it: files that others on this computer can look into.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The addresses at which IRC is spoken, with their real ports.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.addresses_of(ListenerKind::IRC)
    }

    /// The addresses at which IRC is spoken over TLS.
    #[must_use]
    pub fn tls_addresses(&self) -> Vec<SocketAddr> {
        self.addresses_of(ListenerKind::IRC_OVER_TLS)
    }

    /// The addresses at which IRC is spoken over WebSockets.
    #[must_use]
    pub fn web_socket_addresses(&self) -> Vec<SocketAddr> {
        self.addresses_of(ListenerKind::WEB_SOCKET)
    }

    /// The addresses at which IRC is spoken over WebSockets over TLS.
    #[must_use]
    pub fn web_socket_tls_addresses(&self) -> Vec<SocketAddr> {
        self.addresses_of(ListenerKind::WEB_SOCKET_OVER_TLS)
    }

    /// The addresses at which health and numbers are told.
    #[must_use]
    pub fn http_addresses(&self) -> Vec<SocketAddr> {
        self.addresses_of(ListenerKind::HTTP)
    }

    /// The addresses at which plain text is spoken.
    #[must_use]
    pub fn text_addresses(&self) -> Vec<SocketAddr> {
        self.addresses_of(ListenerKind::TEXT)
    }

    fn addresses_of(&self, gate: ListenerKind) -> Vec<SocketAddr> {
        let own = self.addresses.iter().filter(|(own, _)| *own == gate);
        own.map(|(_, address)| *address).collect()
    }

    /// The SHA-256 fingerprint of the server's certificate, in hexadecimal.
    #[must_use]
    pub fn fingerprint(&self) -> Option<String> {
        let certificates = self.reloader.reached.certificates.as_ref();
        certificates.map(|certificates| certificates.fingerprint())
    }

    /// Whether what is said is kept, and can be asked for.
    #[must_use]
    pub fn keeps_history(&self) -> bool {
        self.reloader.settings.keeps_history
    }

    /// A way to change the configuration from another thread.
    #[must_use]
    pub fn reloader(&self) -> Reloader {
        self.reloader.clone()
    }

    /// The address at which programs on this computer find it.
    #[must_use]
    pub fn own_address(&self) -> SocketAddr {
        public_address::own(self.addresses[0].1)
    }

    /// The address to give to others: for a server that listens on every address, the one this
    /// computer has in its network, as far as the system knows.
    #[must_use]
    pub fn shared_address(&self) -> SocketAddr {
        public_address::shared(self.addresses[0].1)
    }

    /// A way to stop this server from another thread.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Tells everyone that the server stops, and ends it. Returns at once; see [`ServerHandle::join`].
    pub fn stop(&self) {
        self.stopper.stop(STOPPING);
    }

    /// Waits until the server has ended and all its threads are gone.
    ///
    /// # Errors
    /// [`StopError`] if a thread panicked or failed.
    pub fn join(mut self) -> Result<(), StopError> {
        self.join_threads()
    }

    fn join_threads(&mut self) -> Result<(), StopError> {
        let mut outcome = Ok(());
        for thread in self.threads.drain(..) {
            let name = thread.thread().name().unwrap_or("?").to_owned();
            let what = match thread.join() {
                Ok(Ok(())) => continue,
                Ok(Err(what)) => what,
                Err(_) => "it panicked".to_owned(),
            };
            if outcome.is_ok() {
                outcome = Err(StopError::Failed { thread: name, what });
            }
        }
        outcome
    }

    /// Starts a thread. If it fails or panics the whole server stops: nothing goes on half alive.
    fn spawn(
        &mut self,
        name: &str,
        mailboxes: &[Arc<Mailbox>],
        own_mailbox: Option<Arc<Mailbox>>,
        run: impl FnOnce() -> io::Result<()> + Send + 'static,
    ) -> Result<(), StartError> {
        let alarm = Alarm {
            stopper: self.stopper.clone(),
            mailboxes: mailboxes.to_vec(),
            own_mailbox,
            is_fine: false,
        };
        let thread = Builder::new().name(name.to_owned()).spawn(move || {
            let mut alarm = alarm;
            let outcome = run().map_err(|error| error.to_string());
            alarm.is_fine = outcome.is_ok();
            outcome
        });
        self.threads.push(thread?);
        Ok(())
    }
}

impl Drop for ServerHandle {
    fn drop(&mut self) {
        if !self.threads.is_empty() {
            self.stop();
            // Dropping has nobody to tell; `join` is how to hear of it.
            let _ = self.join_threads();
        }
    }
}

/// Stops everything when its thread ends in any other way than it should.
struct Alarm {
    stopper: Stopper,
    mailboxes: Vec<Arc<Mailbox>>,
    /// The mailbox the thread was to take from, if it was a worker.
    own_mailbox: Option<Arc<Mailbox>>,
    is_fine: bool,
}

impl Drop for Alarm {
    fn drop(&mut self) {
        // The hub waits for a worker only as long as there is one.
        if let Some(own) = &self.own_mailbox {
            own.close();
        }
        if self.is_fine {
            return;
        }
        self.stopper.is_stopping.store(true, Ordering::SeqCst);
        let _ = self.stopper.acceptor.wake();
        // The hub may be the one that failed, so the workers are told here too.
        let _ = self.stopper.stops.send("The server has failed".into());
        for mailbox in &self.mailboxes {
            mailbox.post(&mut vec![Order::Stop]);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    /// A hub that waits for a worker that has panicked would wait for ever, and `join` with it.
    #[test]
    fn a_worker_that_panics_keeps_nobody_waiting() {
        let config = Config { listen: vec!["127.0.0.1:0".into()], ..Config::default() };
        let mut handle = Server::start(config).unwrap();
        let poll = Poll::new().unwrap();
        let waker = Waker::new(poll.registry(), worker::WAKER).unwrap();
        let mailbox = Arc::new(Mailbox::new(waker, Arc::default()));
        let mailboxes = [Arc::clone(&mailbox)];
        let (full, is_full) = crossbeam_channel::bounded(0);
        let hubs = Arc::clone(&mailbox);
        let waiting = move || {
            hubs.post(&mut vec![Order::Stop]);
            full.send(()).unwrap();
            hubs.wait_below(1);
            Ok(())
        };
        handle.spawn("waiting", &mailboxes, None, waiting).unwrap();
        is_full.recv().unwrap();
        let failing = || panic!("on purpose");
        handle.spawn("failing", &mailboxes, Some(mailbox), failing).unwrap();
        let error = handle.join().unwrap_err();
        assert_eq!(error.to_string(), "the server's thread failing failed: it panicked");
    }
}
