//! Certificates: from files, reloaded with nobody dropped, or made and kept by the server itself.

use std::{
    fmt::Write,
    io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::{SystemTime, UNIX_EPOCH},
};

use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject},
    server::{
        ClientHello, ResolvesServerCert,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    sign::CertifiedKey,
};
use sha2::{Digest, Sha256};
use x509_cert::{Certificate, der::Decode};

use crate::private_files;

/// The source of a server's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsSource {
    /// PEM files: the chain, the server's own certificate first, and its key.
    Files {
        /// The chain.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
    },
    /// A certificate for these names that nobody has signed but the server: made once and kept in this
    /// folder, for people who compare its fingerprint.
    SelfSigned {
        /// The folder it is kept in.
        folder: PathBuf,
        /// The names and addresses it is for.
        names: Vec<String>,
    },
}

/// A certificate that can be replaced while connections live.
#[derive(Debug)]
pub(crate) struct Certificates {
    source: TlsSource,
    provider: Arc<CryptoProvider>,
    current: RwLock<Arc<CertifiedKey>>,
}

impl Certificates {
    /// # Errors
    /// A sentence about the file that cannot be used.
    pub(crate) fn load(source: TlsSource) -> Result<Arc<Self>, String> {
        let provider = Arc::new(ring::default_provider());
        let current = RwLock::new(Arc::new(read(&source, &provider)?));
        Ok(Arc::new(Self { source, provider, current }))
    }

    /// Reads the files again, or others. Connections that live keep what they have.
    ///
    /// # Errors
    /// As [`Certificates::load`]; the certificate that was is used on.
    pub(crate) fn reload(&self, source: Option<&TlsSource>) -> Result<(), String> {
        let read = Arc::new(read(source.unwrap_or(&self.source), &self.provider)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(())
    }

    fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The certificate's fingerprint.
    pub(crate) fn fingerprint(&self) -> String {
        self.current().cert.first().map(fingerprint).unwrap_or_default()
    }

    /// The time the certificate expires, if it says so in a way that can be read.
    pub(crate) fn expires(&self) -> Option<SystemTime> {
        let certificate = Certificate::from_der(self.current().cert.first()?).ok()?;
        Some(UNIX_EPOCH + certificate.tbs_certificate.validity.not_after.to_unix_duration())
    }

    /// The configuration the workers begin TLS with.
    ///
    /// # Errors
    /// If the library has no safe version of TLS, which would be a fault of ours.
    pub(crate) fn server_config(self: &Arc<Self>) -> Result<Arc<ServerConfig>, String> {
        let provider = Arc::clone(&self.provider);
        let verifier = Arc::new(AnyClient { provider: Arc::clone(&provider) });
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for Certificates {
    /// There is one certificate, whatever name the client asks for, if any.
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

fn read(source: &TlsSource, provider: &CryptoProvider) -> Result<CertifiedKey, String> {
    let (certificate, key) = match source {
        TlsSource::Files { certificate, key } => (certificate.clone(), key.clone()),
        TlsSource::SelfSigned { folder, names } => self_signed(folder, names)?,
    };
    let wrong = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(&certificate).and_then(Iterator::collect);
    let chain = chain.map_err(|error| wrong(&certificate, &error))?;
    if chain.is_empty() {
        return Err(wrong(&certificate, &"there is no certificate in it"));
    }
    let own = PrivateKeyDer::from_pem_file(&key).map_err(|error| wrong(&key, &error))?;
    CertifiedKey::from_der(chain, own, provider).map_err(|error| wrong(&key, &error))
}

/// The files of the certificate in `folder`, made if they are not there.
fn self_signed(folder: &Path, names: &[String]) -> Result<(PathBuf, PathBuf), String> {
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    if certificate.exists() && key.exists() {
        return Ok((certificate, key));
    }
    let made = rcgen::generate_simple_self_signed(names.to_vec())
        .map_err(|error| format!("cannot make a certificate for {}: {error}", names.join(", ")))?;
    let write = || -> io::Result<()> {
        private_files::create_folder(folder)?;
        private_files::write_secret(&key, &made.signing_key.serialize_pem())?;
        private_files::write_secret(&certificate, &made.cert.pem())
    };
    write()
        .map_err(|error| format!("cannot keep a certificate in {}: {error}", folder.display()))?;
    Ok((certificate, key))
}

/// SHA-256 of a certificate, in hexadecimal, as people compare it.
pub(crate) fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    Sha256::digest(certificate).iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Takes any certificate of a client, or none: who it belongs to is said by its fingerprint
/// (SASL EXTERNAL). That the client has its key is checked; that its time is over is not held against
/// a certificate, for it is not an authority but the account's owner who vouches for it.
#[derive(Debug)]
struct AnyClient {
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for AnyClient {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
