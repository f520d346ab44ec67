//! A browser's way to send a request.

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Uri};
use js_sys::{
    Object, Promise, Reflect, Uint8Array, global,
    wasm_bindgen::{JsCast, JsValue},
};
use send_wrapper::SendWrapper;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, Headers, ReadableStreamDefaultReader, Request, RequestCache,
    RequestCredentials, RequestInit, Response, Window, WorkerGlobalScope,
};

/// Browsers keep `User-Agent` to themselves.
const AGENT: &str = "X-SignalR-User-Agent";
const PRODUCT: &str = concat!("signalr-rust/", env!("CARGO_PKG_VERSION"));

/// A response that was read to its end, unless its status is none of success.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: String,
    pub(super) body: Bytes,
}

/// Ends a request that nobody waits for any more.
struct Abort(AbortController);

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Posts nothing to an address. `limit`: bytes of the answer.
///
/// # Errors
/// What the browser says, which tells pages little, or that the answer is longer.
pub(super) fn post(
    uri: &Uri,
    token: Option<&HeaderValue>,
    with_credentials: bool,
    limit: usize,
) -> impl Future<Output = Result<Answer, String>> + Send + use<> {
    let request = request(uri, token, with_credentials);
    SendWrapper::new(async move {
        let (request, _abort) = request.map_err(|error| told(&error))?;
        let response = JsFuture::from(send(&request)?).await;
        let response: Response = response.map_err(|error| told(&error))?.unchecked_into();
        let content_type = response.headers().get("Content-Type").ok().flatten();
        Ok(Answer {
            status: response.status(),
            content_type: content_type.unwrap_or_else(|| "unknown".to_owned()),
            body: match response.ok() {
                true => read(&response, limit).await?,
                false => Bytes::new(),
            },
        })
    })
}

fn request(
    uri: &Uri,
    token: Option<&HeaderValue>,
    with_credentials: bool,
) -> Result<(Request, Abort), JsValue> {
    let headers = Headers::new()?;
    headers.set("X-Requested-With", "XMLHttpRequest")?;
    headers.set(AGENT, PRODUCT)?;
    if let Some(token) = token {
        let token = String::from_utf8_lossy(token.as_bytes());
        headers.set("Authorization", &token)?;
    }
    let abort = Abort(AbortController::new()?);
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_cache(RequestCache::NoStore);
    init.set_credentials(match with_credentials {
        true => RequestCredentials::Include,
        false => RequestCredentials::SameOrigin,
    });
    init.set_headers(&headers);
    init.set_signal(Some(&abort.0.signal()));
    let request = Request::new_with_str_and_init(&uri.to_string(), &init)?;
    Ok((request, abort))
}

fn send(request: &Request) -> Result<Promise, String> {
    let global = match global().dyn_into::<Window>() {
        Ok(window) => return Ok(window.fetch_with_request(request)),
        Err(global) => global,
    };
    let worker = global.dyn_into::<WorkerGlobalScope>();
    let worker = worker.map_err(|_| "there is no `fetch` here")?;
    Ok(worker.fetch_with_request(request))
}

/// Reads piece by piece, so that a long answer is given up in time.
async fn read(response: &Response, limit: usize) -> Result<Bytes, String> {
    let mut body = BytesMut::new();
    let Some(stream) = response.body() else {
        return Ok(Bytes::new());
    };
    let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    loop {
        let read = JsFuture::from(reader.read()).await;
        let read = read.map_err(|error| told(&error))?;
        let get = |name: &str| Reflect::get(&read, &name.into()).unwrap_or_default();
        if get("done").is_truthy() {
            return Ok(body.freeze());
        }
        let piece: Uint8Array = get("value").unchecked_into();
        if body.len().saturating_add(piece.length() as usize) > limit {
            return Err(format!("the answer has more than {limit} bytes"));
        }
        body.extend_from_slice(&piece.to_vec());
    }
}

/// What JavaScript has thrown.
pub(super) fn told(error: &JsValue) -> String {
    let error: &Object = error.unchecked_ref();
    error.to_string().into()
}
