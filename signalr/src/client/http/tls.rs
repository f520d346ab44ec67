//! TLS to a server, by rustls.

use std::sync::{Arc, OnceLock};

use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::{CryptoProvider, ring},
        pki_types::ServerName,
    },
};

use super::{
    dial::{Dialled, Purpose},
    failures::BoxError,
};

const HTTP1: &[u8] = b"http/1.1";
const HTTP2: &[u8] = b"h2";

/// Shakes hands with a server of this name.
///
/// # Errors
/// The server's certificate is not trusted, or it speaks no TLS that fits.
pub(super) async fn secure(
    config: Option<&Arc<ClientConfig>>,
    host: &str,
    stream: TcpStream,
    purpose: Purpose,
) -> Result<Dialled, BoxError> {
    let config = match config {
        Some(config) => Arc::clone(config),
        None => platform().await?,
    };
    let mut config = ClientConfig::clone(&config);
    config.alpn_protocols = match purpose {
        Purpose::Requests if cfg!(feature = "http2") => vec![HTTP2.to_vec(), HTTP1.to_vec()],
        _ => vec![HTTP1.to_vec()],
    };
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(name)?.to_owned();
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await?;
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(HTTP2);
    Ok(Dialled::new(stream, is_http2))
}

/// The platform's roots; they are read once.
///
/// # Errors
/// There are none.
async fn platform() -> Result<Arc<ClientConfig>, BoxError> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(Arc::clone(config));
    }
    let config = tokio::task::spawn_blocking(load).await??;
    Ok(Arc::clone(CONFIG.get_or_init(|| Arc::new(config))))
}

fn load() -> Result<ClientConfig, BoxError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (kept, _) = roots.add_parsable_certificates(found.certs);
    if kept == 0 {
        let why = found.errors.first().map(ToString::to_string);
        return Err(format!(
            "the platform has no root certificates, so the option `tls` must name some: {}",
            why.unwrap_or_else(|| "none was found".to_owned())
        )
        .into());
    }
    let provider = CryptoProvider::get_default()
        .map_or_else(|| Arc::new(ring::default_provider()), Arc::clone);
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
