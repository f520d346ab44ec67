//! Certificates made on the spot, and a rustls client that trusts them alone.

use std::{
    net::SocketAddr,
    sync::{Arc, LazyLock},
};

use rcgen::CertifiedKey;
use signalr::{
    Tls,
    rustls::{
        ClientConfig, RootCertStore, ServerConfig,
        crypto::{CryptoProvider, ring},
        pki_types::{CertificateDer, PrivateKeyDer, ServerName},
        server::WebPkiClientVerifier,
    },
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

pub const H2: &[u8] = b"h2";
pub const HTTP1: &[u8] = b"http/1.1";

/// The server's identity, and its own root.
pub static SERVER: LazyLock<Identity> = LazyLock::new(Identity::new);

/// A certificate signed by itself, for `localhost`, and its key.
pub struct Identity(pub CertifiedKey<rcgen::KeyPair>);

impl Identity {
    pub fn new() -> Self {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        Self(rcgen::generate_simple_self_signed(names).expect("valid names"))
    }

    pub fn certificate(&self) -> CertificateDer<'static> {
        self.0.cert.der().clone()
    }

    pub fn key(&self) -> PrivateKeyDer<'static> {
        self.0
            .signing_key
            .serialize_der()
            .try_into()
            .expect("PKCS#8")
    }

    pub fn chain_pem(&self) -> String {
        self.0.cert.pem()
    }

    pub fn key_pem(&self) -> String {
        self.0.signing_key.serialize_pem()
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate()).expect("a certificate");
        roots
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// What a user would write.
pub fn tls() -> Tls {
    Tls::from_pem(SERVER.chain_pem(), SERVER.key_pem()).expect("a pair")
}

/// A configuration of one's own, which asks for certificates of one client if there is one.
pub fn server_config(client: Option<&Identity>) -> ServerConfig {
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("ring has them");
    let builder = match client {
        None => builder.with_no_client_auth(),
        Some(client) => {
            let roots = Arc::new(client.roots());
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider())
                .allow_unauthenticated()
                .build();
            builder.with_client_cert_verifier(verifier.expect("a root"))
        }
    };
    let chain = vec![SERVER.certificate()];
    builder
        .with_single_cert(chain, SERVER.key())
        .expect("a pair")
}

/// A client that offers these protocols, and shows a certificate if it has one.
pub fn client_config(alpn: &[&[u8]], identity: Option<&Identity>) -> Arc<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("ring has them")
        .with_root_certificates(SERVER.roots());
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => builder
            .with_client_auth_cert(vec![identity.certificate()], identity.key())
            .expect("a pair"),
    };
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    Arc::new(config)
}

/// Shakes hands with a server at `localhost`.
pub async fn secure(
    addr: SocketAddr,
    config: Arc<ClientConfig>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let socket = TcpStream::connect(addr).await.expect("it listens");
    socket.set_nodelay(true).expect("a socket");
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(config).connect(name, socket).await
}

/// A client that offers these protocols.
pub async fn offering(addr: SocketAddr, alpn: &[&[u8]]) -> TlsStream<TcpStream> {
    let secured = secure(addr, client_config(alpn, None)).await;
    secured.expect("both can agree")
}
