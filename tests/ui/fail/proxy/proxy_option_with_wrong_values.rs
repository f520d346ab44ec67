use signalr::hub;

pub struct One;

#[hub(proxy = "OneProxy")]
impl One {
    pub fn send(&self) {}
}

pub struct Two;

#[hub(proxy)]
impl Two {
    pub fn send(&self) {}
}

pub struct Three;

#[hub(proxy = pub)]
impl Three {
    pub fn send(&self) {}
}

fn main() {}
