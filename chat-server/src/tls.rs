//! Certificates: from files, reloaded with nobody dropped, or made and kept by the server itself; and the protocols that are
//! spoken behind them.

use std::{
    fmt::Write,
    io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::{SystemTime, UNIX_EPOCH},
};

use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme,
    client::{danger::HandshakeSignatureValid, verify_server_name},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    server::{
        ClientHello, ParsedCertificate, ResolvesServerCert,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    sign::CertifiedKey,
};
use serde::{Deserialize, Serialize};
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

/// A certificate for those who ask for one of its names (SNI, RFC 6066 §3), in PEM files.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NamedCertificate {
    /// The chain, the server's own certificate first.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// The certificates of a server, which can be replaced while connections live.
#[derive(Debug)]
pub(crate) struct Certificates {
    source: TlsSource,
    provider: Arc<CryptoProvider>,
    current: RwLock<Arc<Loaded>>,
}

/// The certificates that are in use.
#[derive(Debug)]
struct Loaded {
    /// The one for who asks for no name, or for one that none of the others has.
    default: Arc<CertifiedKey>,
    named: Vec<Arc<CertifiedKey>>,
}

/// The configurations that workers begin TLS with: one for each protocol that is spoken behind it (ALPN, RFC 7301).
#[derive(Debug, Clone)]
pub(crate) struct TlsConfigs {
    pub(crate) irc: Arc<ServerConfig>,
    pub(crate) web_socket: Arc<ServerConfig>,
}

/// The name of IRC among the protocols that are negotiated (IANA, "TLS Application-Layer Protocol Negotiation Protocol IDs").
const IRC: &[u8] = b"irc";

/// The name of the protocol that WebSockets begin with.
const HTTP: &[u8] = b"http/1.1";

impl Certificates {
    /// # Errors
    /// A sentence about the file that cannot be used.
    pub(crate) fn load(source: TlsSource, named: &[NamedCertificate]) -> Result<Arc<Self>, String> {
        let provider = Arc::new(ring::default_provider());
        let current = RwLock::new(Arc::new(Loaded::read(&source, named, &provider)?));
        Ok(Arc::new(Self { source, provider, current }))
    }

    /// Reads the files again, or others. Connections that live keep what they have.
    ///
    /// # Errors
    /// As [`Certificates::load`]; the certificates that were are used on.
    pub(crate) fn reload(
        &self,
        source: Option<&TlsSource>,
        named: &[NamedCertificate],
    ) -> Result<(), String> {
        let source = source.unwrap_or(&self.source);
        let read = Arc::new(Loaded::read(source, named, &self.provider)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(())
    }

    fn current(&self) -> Arc<Loaded> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The fingerprint of the certificate for who asks for no name.
    pub(crate) fn fingerprint(&self) -> String {
        self.current().default.cert.first().map(fingerprint).unwrap_or_default()
    }

    /// The time the first of the certificates expires, of those that say so in a way that can be read.
    pub(crate) fn expires(&self) -> Option<SystemTime> {
        let current = self.current();
        let all = current.named.iter().chain([&current.default]);
        all.filter_map(|own| expiry_of(own.cert.first()?)).min()
    }

    /// The configurations the workers begin TLS with.
    ///
    /// # Errors
    /// If the library has no safe version of TLS, which would be a fault of ours.
    pub(crate) fn server_configs(self: &Arc<Self>) -> Result<TlsConfigs, String> {
        let [irc, web_socket] = [IRC, HTTP].map(|protocol| self.server_config(protocol));
        Ok(TlsConfigs { irc: irc?, web_socket: web_socket? })
    }

    /// The configuration for who speaks `protocol`. Who names protocols and not this one is turned away (RFC 7301 §3.2), so
    /// that no web page's words are taken for IRC; who names none is taken at their word.
    fn server_config(self: &Arc<Self>, protocol: &[u8]) -> Result<Arc<ServerConfig>, String> {
        let provider = Arc::clone(&self.provider);
        let verifier = Arc::new(AnyClient { provider: Arc::clone(&provider) });
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![protocol.to_vec()];
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current().of(hello.server_name()))
    }
}

impl Loaded {
    fn read(
        source: &TlsSource,
        named: &[NamedCertificate],
        provider: &CryptoProvider,
    ) -> Result<Self, String> {
        let default = read(source, provider)?.into();
        let named = named.iter().map(|own| {
            let NamedCertificate { certificate, key } = own.clone();
            let read = read(&TlsSource::Files { certificate, key }, provider)?;
            match read.end_entity_cert().map(ParsedCertificate::try_from) {
                Ok(Ok(_)) => Ok(read.into()),
                Ok(Err(error)) | Err(error) => {
                    Err(format!("{}: {error}", own.certificate.display()))
                }
            }
        });
        Ok(Self { default, named: named.collect::<Result<_, String>>()? })
    }

    /// The certificate for who asks for that name: the first that has it, or the default.
    fn of(&self, name: Option<&str>) -> Arc<CertifiedKey> {
        let name = name.and_then(|name| ServerName::try_from(name).ok());
        let has_name = |own: &&Arc<CertifiedKey>| {
            let parsed = own.end_entity_cert().and_then(ParsedCertificate::try_from);
            let both = parsed.ok().zip(name.as_ref());
            both.is_some_and(|(parsed, name)| verify_server_name(&parsed, name).is_ok())
        };
        Arc::clone(self.named.iter().find(has_name).unwrap_or(&self.default))
    }
}

/// The time a certificate expires.
fn expiry_of(certificate: &CertificateDer<'_>) -> Option<SystemTime> {
    let certificate = Certificate::from_der(certificate).ok()?;
    Some(UNIX_EPOCH + certificate.tbs_certificate.validity.not_after.to_unix_duration())
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
    let make = || -> Result<_, rcgen::Error> {
        let signing_key = rcgen::KeyPair::generate()?;
        let mut made = rcgen::CertificateParams::new(names.to_vec())?;
        // People see it where a program asks whether they trust it.
        made.distinguished_name = rcgen::DistinguishedName::new();
        if let Some(name) = names.first() {
            made.distinguished_name.push(rcgen::DnType::CommonName, &**name);
        }
        Ok((made.self_signed(&signing_key)?, signing_key))
    };
    let (made, signing_key) = make()
        .map_err(|error| format!("cannot make a certificate for {}: {error}", names.join(", ")))?;
    let write = || -> io::Result<()> {
        private_files::create_folder(folder)?;
        private_files::write_secret(&key, &signing_key.serialize_pem())?;
        private_files::write_secret(&certificate, &made.pem())
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
