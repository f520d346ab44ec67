//! https and wss with certificates made on the spot.

use std::{net::SocketAddr, sync::Arc};

use rcgen::CertifiedKey;
use signalr::{
    Context, HttpTransportType, HubConnection, HubConnectionBuilder, HubProtocol, HubServer,
    PeerCertificates, Server, Tls, hub,
    rustls::{
        ClientConfig, RootCertStore, ServerConfig,
        crypto::{CryptoProvider, ring},
        pki_types::{CertificateDer, PrivateKeyDer},
        server::WebPkiClientVerifier,
    },
};

use crate::stand::{chain, in_time};

struct Identity(CertifiedKey<rcgen::KeyPair>);

impl Identity {
    fn new(name: &str) -> Self {
        let names = [name.to_owned()];
        Self(rcgen::generate_simple_self_signed(names).expect("a valid name"))
    }

    fn certificate(&self) -> CertificateDer<'static> {
        self.0.cert.der().clone()
    }

    fn key(&self) -> PrivateKeyDer<'static> {
        let key = self.0.signing_key.serialize_der();
        key.try_into().expect("PKCS#8")
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

/// A client's configuration that trusts one server, and shows a certificate if it has one.
fn trusting(server: &Identity, identity: Option<&Identity>) -> ClientConfig {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("ring has them")
        .with_root_certificates(server.roots());
    match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => builder
            .with_client_auth_cert(vec![identity.certificate()], identity.key())
            .expect("a pair"),
    }
}

struct Shown;

#[hub]
impl Shown {
    /// The version of HTTP and the certificates of the request that opened the connection.
    pub fn seen(&self, cx: &Context<Self>) -> (String, usize) {
        let request = cx.request();
        let chain = request.extensions.get::<PeerCertificates>();
        let version = format!("{:?}", request.version);
        (
            version,
            chain.map_or(0, |PeerCertificates(chain)| chain.len()),
        )
    }
}

/// Serves `https`, to clients that this identity vouches for if there is one.
async fn serve(identity: &Identity, clients: Option<&Identity>) -> SocketAddr {
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("ring has them");
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(clients) => {
            let roots = Arc::new(clients.roots());
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider()).build();
            builder.with_client_cert_verifier(verifier.expect("a root"))
        }
    };
    let config = builder.with_single_cert(vec![identity.certificate()], identity.key());
    let server = Server::new()
        .tls(Tls::from(config.expect("a pair")))
        .mount(HubServer::new(Shown).at("/shown"));
    let bound = server.bind("127.0.0.1:0").await.expect("a free port");
    let addr = bound.local_addr().expect("bound");
    tokio::spawn(bound.run());
    addr
}

fn client(addr: SocketAddr) -> HubConnectionBuilder {
    HubConnection::builder(format!("https://localhost:{}/shown", addr.port()))
}

#[tokio::test]
async fn every_transport_works_over_tls_and_http2_carries_all_but_sockets() {
    let identity = Identity::new("localhost");
    let addr = serve(&identity, None).await;
    for (transport, version) in [
        (HttpTransportType::WebSockets, "HTTP/1.1"),
        (HttpTransportType::ServerSentEvents, "HTTP/2.0"),
        (HttpTransportType::LongPolling, "HTTP/2.0"),
    ] {
        let builder = client(addr)
            .tls(trusting(&identity, None))
            .transports([transport]);
        let connection = in_time(builder.connect()).await.expect("connected");
        let seen: (String, usize) = connection.invoke("seen", ()).await.expect("seen");
        assert_eq!(seen, (version.to_owned(), 0), "{transport}");
        in_time(connection.stop()).await;
    }
    let builder = client(addr).tls(trusting(&identity, None));
    let connection = builder.protocol(HubProtocol::MessagePack).connect();
    let connection = in_time(connection).await.expect("connected");
    connection
        .invoke::<(String, usize)>("seen", ())
        .await
        .expect("seen");
}

#[tokio::test]
async fn a_client_shows_its_certificate() {
    let (server, ann) = (Identity::new("localhost"), Identity::new("ann"));
    let addr = serve(&server, Some(&ann)).await;
    for transport in HttpTransportType::ALL {
        let builder = client(addr).transports([*transport]);
        let builder = builder.tls(trusting(&server, Some(&ann)));
        let connection = in_time(builder.connect()).await.expect("connected");
        let seen: (String, usize) = connection.invoke("seen", ()).await.expect("seen");
        assert_eq!(seen.1, 1);
    }
    let nobody = client(addr).tls(trusting(&server, None)).connect();
    assert!(
        in_time(nobody)
            .await
            .expect_err("no certificate")
            .is_connect()
    );
}

#[tokio::test]
async fn a_server_that_is_not_trusted_is_refused() {
    let (server, other) = (Identity::new("localhost"), Identity::new("localhost"));
    let addr = serve(&server, None).await;
    let builder = client(addr).tls(trusting(&other, None));
    let error = in_time(builder.connect()).await.expect_err("not trusted");
    assert!(error.is_connect());
    let text = chain(&error);
    assert!(text.contains("invalid peer certificate"), "{text}");
    // Its own name counts, not the address it is found at.
    let url = format!("https://127.0.0.1:{}/shown", addr.port());
    let builder = HubConnection::builder(url).tls(trusting(&server, None));
    let error = in_time(builder.connect()).await.expect_err("another name");
    let text = chain(&error);
    assert!(text.contains("certificate not valid for name"), "{text}");
    // Nor do the platform's roots know it, if there are any.
    let error = in_time(client(addr).connect())
        .await
        .expect_err("not trusted");
    assert!(error.is_connect());
}

#[tokio::test]
async fn a_redirect_never_leads_out_of_tls() {
    let identity = Identity::new("localhost");
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("ring has them")
        .with_no_client_auth()
        .with_single_cert(vec![identity.certificate()], identity.key());
    let server = Server::new()
        .tls(Tls::from(config.expect("a pair")))
        .fallback(|_| async {
            http::Response::new(http_body_util::Full::<bytes::Bytes>::from(
                r#"{"url":"http://example.test/chat?secret=1"}"#,
            ))
        });
    let bound = server.bind("127.0.0.1:0").await.expect("a free port");
    let addr = bound.local_addr().expect("bound");
    tokio::spawn(bound.run());
    let builder = client(addr).tls(trusting(&identity, None));
    let error = in_time(builder.connect()).await.expect_err("refused");
    assert_eq!(
        error.to_string(),
        format!(
            "the URL that https://localhost:{}/shown redirects to is `http://example.test/chat`, which would show the access token and all messages",
            addr.port()
        )
    );
}
