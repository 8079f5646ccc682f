//! Connections over TLS.

use std::{
    net::{SocketAddr, TcpStream},
    path::Path,
    sync::Arc,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::PATIENCE;

/// A connection over TLS to a server with the certificate in `folder`.
///
/// # Panics
/// If there is none, or nobody listens.
#[must_use]
pub fn over_tls(address: SocketAddr, folder: &Path) -> StreamOwned<ClientConnection, TcpStream> {
    let own = CertificateDer::from_pem_file(folder.join("certificate.pem"));
    let mut trusted = RootCertStore::empty();
    trusted.add(own.expect("the server keeps it there")).expect("it is a certificate");
    let config = ClientConfig::builder().with_root_certificates(trusted).with_no_client_auth();
    let name = "chat.local".try_into().expect("it is a name");
    let stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("the time-out is not zero");
    let tls = ClientConnection::new(Arc::new(config), name).expect("the configuration is sound");
    StreamOwned::new(tls, stream)
}
