//! `#[cfg]` on methods, blocks and traits goes for what is made of them as well.

use signalr::{Hub, hub, receiver};

struct Here;

#[hub]
impl Here {
    #[cfg(any())]
    pub fn absent(&self, _argument: NoSuchType) -> NoSuchType {}
    #[cfg(all())]
    pub fn present(&self) {}
    #[cfg(all())]
    pub fn either(&self) -> u8 {
        1
    }
    #[cfg(any())]
    pub fn either(&self) -> u16 {
        1
    }
}

#[hub(client = NoSuchTrait)]
#[cfg(any())]
impl NoSuchHub {
    pub fn absent(&self) {}
}

#[receiver]
trait Client {
    #[cfg(any())]
    async fn absent(&self, argument: u8);
    #[cfg(all())]
    async fn present(&self, argument: u8);
}

#[receiver]
#[cfg(any())]
trait NoClient {
    async fn note(&self);
}

struct Ui;

#[receiver]
impl Client for Ui {
    async fn present(&self, _argument: u8) {}
}

#[receiver]
#[cfg(any())]
impl NoClient for Ui {
    async fn note(&self) {}
}

fn main() {
    let names: Vec<_> = Here::METHODS.iter().map(|method| method.name).collect();
    assert_eq!(names, ["present", "either"]);
    let _ = (Here, Ui);
}
