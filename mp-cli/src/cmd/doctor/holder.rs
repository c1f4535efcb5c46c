//! Which process listens on a port, where the system tells: on Linux, of those processes that we may look into.

use std::fmt;
use std::fs;
use std::time::Duration;

use mp_config::interfaces;
use tokio::net::lookup_host;
use tokio::time::timeout;

use crate::output::plain;

/// The state of a socket that listens, in `/proc/net/tcp`.
const LISTENS: &str = "0A";

/// How long a name may take to be looked up.
const PATIENCE: Duration = Duration::from_millis(500);

/// A process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cmd) struct Holder {
    pub(in crate::cmd) id: u32,
    /// The program.
    pub(in crate::cmd) name: String,
    /// It was stopped by a signal or a debugger, and does nothing until it is let go on.
    pub(in crate::cmd) is_stopped: bool,
    /// SIGHUP neither ends it, as where its terminal is gone, nor is ignored, as under `nohup`: of a node of `aemp run`.
    pub(in crate::cmd) hears_hup: bool,
}

impl Holder {
    /// Whether it is a program of this name.
    pub(in crate::cmd) fn is_aemp(&self) -> bool {
        self.name == "aemp"
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stopped = if self.is_stopped { ", stopped" } else { "" };
        write!(f, "the process {} ({}{stopped})", self.id, self.name)
    }
}

/// The process that listens on this TCP port.
pub(in crate::cmd) fn of(port: u16) -> Option<Holder> {
    let sockets: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| table.lines().filter_map(|line| socket(line, port)).collect::<Vec<_>>())
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    if sockets.is_empty() {
        return None;
    }
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let mut holders = ids.filter(|id| holds(*id, &sockets));
    let id = holders.next()?;
    let name = fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let state = status.lines().find_map(|line| line.strip_prefix("State:")).unwrap_or_default();
    let is_stopped = state.trim_start().starts_with(['T', 't']);
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or_default();
    let ignores_hup = ignored.trim_end().ends_with(['1', '3', '5', '7', '9', 'b', 'd', 'f']);
    let hears_hup = !ignores_hup && !has_terminal(id);
    Some(Holder { id, name: plain(name.trim()), is_stopped, hears_hup })
}

/// The process that listens at an address, if that is one of this machine.
pub(in crate::cmd) async fn at(address: &str) -> Option<Holder> {
    let mut found = timeout(PATIENCE, lookup_host(address)).await.ok()?.ok()?;
    let own = interfaces();
    let here = found.find(|at| at.ip().is_loopback() || own.contains(&at.ip()))?;
    of(here.port())
}

/// Whether its input is a terminal.
fn has_terminal(process: u32) -> bool {
    let input = fs::read_link(format!("/proc/{process}/fd/0")).unwrap_or_default();
    ["/dev/pts/", "/dev/tty", "/dev/console"].iter().any(|at| input.to_string_lossy().starts_with(at))
}

/// The inode in a line of the table, if the line is about a socket that listens on the port.
fn socket(line: &str, port: u16) -> Option<String> {
    let mut fields = line.split_whitespace().skip(1);
    let local = fields.next()?.rsplit_once(':')?.1;
    let state = fields.nth(1)?;
    let inode = fields.nth(5)?;
    (u16::from_str_radix(local, 16) == Ok(port) && state == LISTENS).then(|| inode.to_owned())
}

fn holds(process: u32, sockets: &[String]) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{process}/fd")) else { return false };
    descriptors.flatten().any(|entry| {
        fs::read_link(entry.path())
            .is_ok_and(|target| sockets.iter().any(|socket| target.as_os_str() == &**socket))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_table_is_read() {
        let line = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 31415 1 0";
        assert_eq!(socket(line, 8080).as_deref(), Some("31415"));
        assert_eq!(socket(line, 8081), None);
        assert_eq!(socket(&line.replace(" 0A ", " 01 "), 8080), None);
        assert_eq!(socket("  sl  local_address rem_address", 8080), None);
    }

    #[test]
    fn we_find_ourselves() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let holder = of(listener.local_addr().unwrap().port());
        if cfg!(target_os = "linux") {
            let own = std::process::id();
            let text = holder.map(|who| who.to_string()).unwrap_or_default();
            assert!(text.contains(&format!("process {own} (")) && !text.contains("stopped"), "{text}");
        }
    }
}
