//! TLS for our own listener.

use std::{fmt, io, path::Path, sync::Arc};

use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::{CryptoProvider, ring},
        pki_types::{
            CertificateDer, PrivateKeyDer,
            pem::{self, PemObject},
        },
    },
};

/// What the listener can speak, what it likes best first.
const ALPN: &[&[u8]] = &[
    #[cfg(feature = "http2")]
    b"h2",
    b"http/1.1",
];

/// How a [`Server`](crate::Server) serves `https` and `wss`: a certificate chain and its key, or all that rustls can be told.
///
/// Clients choose between HTTP/2, with the feature `http2`, and HTTP/1.1. A configuration of your own that names protocols for that
/// (`alpn_protocols`) keeps them. TLS 1.2 and 1.3 are spoken, with the process's crypto provider if it has installed one, else ring.
///
/// # Example
///
/// From files, as certificate authorities hand them out:
///
/// ```no_run
/// # use signalr::{HubServer, Server, Tls, hub};
/// # struct Chat;
/// # #[hub]
/// # impl Chat {}
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let tls = Tls::from_pem_files("fullchain.pem", "privkey.pem")?;
/// let server = Server::new().tls(tls).mount(HubServer::new(Chat).at("/chat"));
/// server.bind("0.0.0.0:443").await?.run().await;
/// # Ok(())
/// # }
/// ```
///
/// All else is rustls's: client certificates, several names, certificates that are renewed while the server runs.
///
/// ```no_run
/// use std::sync::Arc;
/// use signalr::{Server, rustls};
/// # use rustls::server::{ResolvesServerCert, WebPkiClientVerifier};
///
/// # fn build(
/// #     roots: Arc<rustls::RootCertStore>,
/// #     certificates: Arc<dyn ResolvesServerCert>,
/// # ) -> Result<Server, Box<dyn std::error::Error>> {
/// let provider = Arc::new(rustls::crypto::ring::default_provider());
/// let clients = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider)).build()?;
/// let config = rustls::ServerConfig::builder_with_provider(provider)
///     .with_safe_default_protocol_versions()?
///     .with_client_cert_verifier(clients)
///     .with_cert_resolver(certificates);
/// # Ok(
/// Server::new().tls(config)
/// # )
/// # }
/// ```
#[derive(Clone)]
pub struct Tls(Arc<ServerConfig>);

impl Tls {
    /// Reads PEM files: the certificate of this server with those that lead to a root behind it, and its private key, in PKCS#8,
    /// PKCS#1 or SEC1 form.
    ///
    /// # Errors
    /// A file cannot be read, holds nothing of the kind, or the key does not fit the certificate.
    ///
    /// # Example
    ///
    /// ```
    /// let error = signalr::Tls::from_pem_files("no-such-chain.pem", "no-such-key.pem").unwrap_err();
    /// assert!(error.to_string().contains("no-such-chain.pem"));
    /// ```
    pub fn from_pem_files(chain: impl AsRef<Path>, key: impl AsRef<Path>) -> io::Result<Self> {
        let (chain, key) = (chain.as_ref(), key.as_ref());
        let read = |path: &Path| std::fs::read(path).map_err(|error| of_file(path, &error));
        let (chain_pem, key_pem) = (read(chain)?, read(key)?);
        let certificates = certificates(&chain_pem).map_err(|error| of_file(chain, &error))?;
        let secret = secret(&key_pem).map_err(|error| of_file(key, &error))?;
        Self::new(certificates, secret).map_err(|error| of_file(chain, &error))
    }

    /// The same from PEM texts in memory.
    ///
    /// # Errors
    /// A text holds nothing of the kind, or the key does not fit the certificate.
    ///
    /// # Example
    ///
    /// ```
    /// use signalr::{Server, Tls};
    ///
    /// /// From wherever secrets are kept.
    /// fn server(chain: &str, key: &str) -> std::io::Result<Server> {
    ///     Ok(Server::new().tls(Tls::from_pem(chain, key)?))
    /// }
    /// assert!(server("no PEM", "none").is_err());
    /// ```
    pub fn from_pem(chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> io::Result<Self> {
        Self::new(certificates(chain.as_ref())?, secret(key.as_ref())?)
    }

    fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> io::Result<Self> {
        let provider = CryptoProvider::get_default()
            .map_or_else(|| Arc::new(ring::default_provider()), Arc::clone);
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(invalid)?;
        Ok(config.into())
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        Arc::clone(&self.0).into()
    }
}

impl From<ServerConfig> for Tls {
    fn from(mut config: ServerConfig) -> Self {
        let protocols = &mut config.alpn_protocols;
        if protocols.is_empty() {
            protocols.extend(ALPN.iter().map(|name| name.to_vec()));
        }
        // A client that was promised HTTP/2 would speak it.
        #[cfg(not(feature = "http2"))]
        protocols.retain(|name| name != b"h2");
        Self(Arc::new(config))
    }
}

impl From<Arc<ServerConfig>> for Tls {
    fn from(config: Arc<ServerConfig>) -> Self {
        Arc::unwrap_or_clone(config).into()
    }
}

/// Keys are not shown.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// The certificates that a client has shown and the server's verifier accepted, its own first; in the extensions of a request that
/// came over TLS to a [`Server`](crate::Server) whose configuration asks for them.
///
/// # Example
///
/// ```
/// use signalr::{Context, PeerCertificates, hub};
///
/// struct Vault;
///
/// #[hub]
/// impl Vault {
///     pub fn shown(&self, cx: &Context<Self>) -> usize {
///         let shown = cx.request().extensions.get::<PeerCertificates>();
///         shown.map_or(0, |PeerCertificates(chain)| chain.len())
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerCertificates(pub Arc<[CertificateDer<'static>]>);

fn certificates(pem: &[u8]) -> io::Result<Vec<CertificateDer<'static>>> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(invalid)?;
    if chain.is_empty() {
        return Err(invalid("no certificate in PEM form is in it"));
    }
    Ok(chain)
}

fn secret(pem: &[u8]) -> io::Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        pem::Error::NoItemsFound => invalid("no private key in PEM form is in it"),
        error => invalid(error),
    })
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

fn of_file(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
