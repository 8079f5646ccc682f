//! A server on free ports, which ends cleanly when the test does, or fails it.

use std::{net::SocketAddr, num::NonZeroUsize};

use chat_server::{Config, Server, ServerHandle, StartError, room_log::RoomLog};

/// A running server.
#[derive(Debug)]
pub struct TestServer {
    handle: Option<ServerHandle>,
    address: SocketAddr,
    text_address: SocketAddr,
}

impl TestServer {
    /// With defaults, on free ports, without limits on flooding.
    #[must_use]
    pub fn start() -> Self {
        Self::with(|_| ())
    }

    /// As [`TestServer::start`], changed by `change`.
    ///
    /// # Panics
    /// If it cannot start.
    #[must_use]
    pub fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::started(change, Server::start)
    }

    /// As [`TestServer::with`], with that log.
    ///
    /// # Panics
    /// If it cannot start.
    #[must_use]
    pub fn with_log(log: Box<dyn RoomLog>, change: impl FnOnce(&mut Config)) -> Self {
        Self::started(change, |config| Server::start_with(config, log, 7))
    }

    fn started(
        change: impl FnOnce(&mut Config),
        start: impl FnOnce(Config) -> Result<ServerHandle, StartError>,
    ) -> Self {
        let mut config = Config::default();
        config.listen = vec!["127.0.0.1:0".into()];
        config.text_listen = vec!["127.0.0.1:0".into()];
        config.limits = config.limits.unlimited();
        // Two who talk are on two threads.
        config.workers = NonZeroUsize::new(2);
        config.worker_connections = 1;
        // Who is `root` in a test about something else is nobody's likeness.
        config.reserved_names.clear();
        // Nor is a test about something else about what is shown in the place of an address.
        config.cloaks = false;
        change(&mut config);
        let handle = start(config).expect("this computer has free ports");
        let (address, text_address) = (handle.addresses()[0], handle.text_addresses()[0]);
        Self { handle: Some(handle), address, text_address }
    }

    /// The address at which IRC is spoken.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everywhere where IRC is spoken.
    ///
    /// # Panics
    /// If it has been stopped.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.handle.as_ref().expect("it runs").addresses()
    }

    /// The handle that changes its configuration while it runs.
    ///
    /// # Panics
    /// If it has been stopped.
    #[must_use]
    pub fn reloader(&self) -> chat_server::Reloader {
        self.handle.as_ref().expect("it runs").reloader()
    }

    /// The address at which plain text is spoken.
    #[must_use]
    pub fn text_address(&self) -> SocketAddr {
        self.text_address
    }

    /// The address at which IRC is spoken over TLS.
    ///
    /// # Panics
    /// If it is not.
    #[must_use]
    pub fn tls_address(&self) -> SocketAddr {
        self.handle.as_ref().expect("it runs").tls_addresses()[0]
    }

    /// The address at which IRC is spoken over WebSockets.
    ///
    /// # Panics
    /// If it is not.
    #[must_use]
    pub fn web_socket_address(&self) -> SocketAddr {
        self.handle.as_ref().expect("it runs").web_socket_addresses()[0]
    }

    /// The address at which IRC is spoken over WebSockets over TLS.
    ///
    /// # Panics
    /// If it is not.
    #[must_use]
    pub fn web_socket_tls_address(&self) -> SocketAddr {
        self.handle.as_ref().expect("it runs").web_socket_tls_addresses()[0]
    }

    /// The address at which health and numbers are told.
    ///
    /// # Panics
    /// If they are not.
    #[must_use]
    pub fn http_address(&self) -> SocketAddr {
        self.handle.as_ref().expect("it runs").http_addresses()[0]
    }

    /// Its certificate's fingerprint.
    #[must_use]
    pub fn fingerprint(&self) -> Option<String> {
        self.handle.as_ref().and_then(ServerHandle::fingerprint)
    }

    /// Stops it and waits for its threads.
    ///
    /// # Panics
    /// If a thread failed.
    pub fn stop(&mut self) {
        if let Some(handle) = self.handle.take() {
            handle.stop();
            handle.join().expect("the server ends properly");
        }
    }

    /// Waits until it ends by itself.
    ///
    /// # Panics
    /// If a thread failed.
    pub fn wait(&mut self) {
        if let Some(handle) = self.handle.take() {
            handle.join().expect("the server ends properly");
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take() {
            handle.stop();
            let ended = handle.join();
            assert!(std::thread::panicking() || ended.is_ok(), "{ended:?}");
        }
    }
}
