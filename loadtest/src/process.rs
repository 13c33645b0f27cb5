//! What a process on this machine uses, from `/proc`.

use std::collections::HashSet;
use std::fs;
use std::time::Duration;

/// Clock ticks per second in `/proc` (`USER_HZ`, 100 on every Linux that we run on).
const TICK: Duration = Duration::from_millis(10);

/// What a process has used until now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Usage {
    /// Time on a core, all threads, those that ended included.
    pub(crate) cpu: Duration,
    /// Memory in RAM, in bytes.
    pub(crate) memory: u64,
    /// The most that it had, in bytes.
    pub(crate) memory_peak: u64,
}

/// Reads what a process uses; nothing if there is none of this id.
pub(crate) fn usage(pid: u32) -> Option<Usage> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    parse_usage(&stat, &status)
}

fn parse_usage(stat: &str, status: &str) -> Option<Usage> {
    // Behind the name, which is in parentheses: state is field 0, utime 11, stime 12 (proc(5)).
    let mut fields = stat.rsplit(')').next()?.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u32>().ok();
    let cpu = TICK * (ticks()? + ticks()?);
    let bytes = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name))?;
        let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kilobytes * 1024)
    };
    Some(Usage {
        cpu,
        memory: bytes("VmRSS:")?,
        memory_peak: bytes("VmHWM:")?,
    })
}

/// Counts datagrams that came to the open UDP sockets of this program and were dropped because it
/// didn't read in time.
pub(crate) fn dropped_datagrams() -> u64 {
    let Ok(files) = fs::read_dir("/proc/self/fd") else {
        return 0;
    };
    let targets = files
        .flatten()
        .filter_map(|file| fs::read_link(file.path()).ok());
    let sockets: HashSet<u64> = targets
        .filter_map(|target| {
            let name = target.to_str()?.strip_prefix("socket:[")?;
            name.strip_suffix(']')?.parse().ok()
        })
        .collect();
    let tables = ["/proc/net/udp", "/proc/net/udp6"];
    let tables = tables
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok());
    tables.map(|table| parse_drops(&table, &sockets)).sum()
}

/// Sums up what sockets of these inodes dropped (proc(5), `/proc/net/udp`).
fn parse_drops(table: &str, sockets: &HashSet<u64>) -> u64 {
    let drops = table.lines().skip(1).filter_map(|line| {
        let mut fields = line.split_whitespace().skip(9);
        let inode: u64 = fields.next()?.parse().ok()?;
        let drops: u64 = fields.nth(2)?.parse().ok()?;
        sockets.contains(&inode).then_some(drops)
    });
    drops.sum()
}

/// Finds the process that listens on a TCP port; nothing if it can't be told.
pub(crate) fn listener(port: u16) -> Option<u32> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let inode = tables.iter().find_map(|table| {
        let text = fs::read_to_string(table).ok()?;
        parse_listener(&text, port)
    })?;
    let wanted = format!("socket:[{inode}]");
    let processes = fs::read_dir("/proc").ok()?.flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .find(|pid| holds(*pid, &wanted))
}

fn holds(pid: u32, wanted: &str) -> bool {
    let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    let mut targets = files
        .flatten()
        .filter_map(|file| fs::read_link(file.path()).ok());
    targets.any(|target| target.to_str() == Some(wanted))
}

/// Finds the inode of a listening socket in a table of the kernel (proc(5), `/proc/net/tcp`).
fn parse_listener(table: &str, port: u16) -> Option<u64> {
    /// `TCP_LISTEN` of the kernel.
    const LISTEN: &str = "0A";
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let local = fields.get(1)?.rsplit(':').next()?;
        let is_it = u16::from_str_radix(local, 16) == Ok(port) && *fields.get(3)? == LISTEN;
        if is_it {
            fields.get(9)?.parse().ok()
        } else {
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn times_are_read_behind_any_name() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 9 9 20 0 1 0 5 6 7";
        let status = "Name:\ta\nVmHWM:\t   2000 kB\nVmRSS:\t   1000 kB\n";

        let usage = parse_usage(stat, status).unwrap();

        assert_eq!(usage.cpu, Duration::from_secs(3));
        assert_eq!(usage.memory, 1_024_000);
        assert_eq!(usage.memory_peak, 2_048_000);
    }

    #[test]
    fn the_process_behind_a_port_is_found() {
        let listener_of_ours = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener_of_ours.local_addr().unwrap().port();

        assert_eq!(listener(port), Some(std::process::id()));
        assert!(usage(std::process::id()).unwrap().memory > 0);
    }

    #[test]
    fn connections_to_the_port_are_not_taken_for_its_listener() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:1F40 0100007F:9999 01 00000000:00000000 00:00000000 00000000 0 0 41 1\n\
            1: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 42 1\n";

        assert_eq!(parse_listener(table, 8000), Some(42));
        assert_eq!(parse_listener(table, 8001), None);
    }

    #[test]
    fn drops_are_summed_up_over_our_sockets_only() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
            1: 0100007F:1F40 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 41 2 0 5\n\
            2: 0100007F:1F41 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 42 2 0 7\n\
            3: 0100007F:1F42 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 43 2 0 9\n";

        assert_eq!(parse_drops(table, &HashSet::from([41, 43])), 14);
    }

    #[test]
    fn a_socket_that_nobody_reads_drops() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let before = dropped_datagrams();
        for _ in 0..5000 {
            socket.send_to(&[0; 1200], address).unwrap();
        }

        assert!(dropped_datagrams() > before);
    }

    #[test]
    fn nothing_is_found_for_no_process() {
        assert_eq!(usage(u32::MAX), None);
    }
}
