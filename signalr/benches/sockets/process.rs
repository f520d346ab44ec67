//! A server in a process of its own: this program once more.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

pub(crate) struct Server {
    child: Child,
    pub(crate) addr: SocketAddr,
}

impl Server {
    pub(crate) fn start(role: &str) -> Self {
        let program = std::env::current_exe().expect("this program");
        let child = Command::new(program)
            .arg(role)
            .stdout(Stdio::piped())
            .spawn();
        let mut child = child.expect("this program runs");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let addr = line.trim().parse().expect("an address");
        Self { child, addr }
    }

    /// CPU time so far, user and system.
    pub(crate) fn cpu_ticks(&self) -> u64 {
        let stat = self.read("stat");
        // Behind the name, which may hold anything, come fields without spaces; these are the 14th and 15th of all.
        let (_, fields) = stat.rsplit_once(") ").expect("a name");
        let mut fields = fields.split(' ').skip(11);
        let mut ticks = || fields.next().and_then(|field| field.parse::<u64>().ok());
        ticks()
            .zip(ticks())
            .map(|(user, system)| user + system)
            .expect("times")
    }

    /// Bytes of memory that are really there.
    pub(crate) fn resident(&self) -> usize {
        let status = self.read("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        kib.and_then(|kib| kib.parse::<usize>().ok())
            .expect("a size")
            * 1024
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).expect("Linux")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
