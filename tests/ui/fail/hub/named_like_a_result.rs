use signalr::hub;

#[derive(serde::Serialize)]
pub struct SearchResult<T> {
    hits: Vec<T>,
}

pub struct Chat;

#[hub]
impl Chat {
    pub async fn search(&self) -> SearchResult<u32> {
        SearchResult { hits: vec![] }
    }
}

fn main() {}
