//! CPU time of the server's shard threads.

use std::fs;
use std::time::{Duration, Instant};

/// Clock ticks per second in `/proc` (`CLK_TCK`, 100 on every Linux that we run on).
const TICK: Duration = Duration::from_millis(10);

/// CPU time until now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) at: Instant,
    /// On a core, from the scheduler.
    pub(crate) total: Duration,
    /// In the kernel, by ticks: only the ratio to user time is used.
    pub(crate) kernel: Duration,
    /// In user space, by ticks.
    pub(crate) user: Duration,
}

/// Sums up the threads whose name begins with `shard-`.
pub(crate) fn of_shards() -> Usage {
    let mut usage = Usage {
        at: Instant::now(),
        total: Duration::ZERO,
        kernel: Duration::ZERO,
        user: Duration::ZERO,
    };
    let tasks = fs::read_dir("/proc/self/task").expect("Linux lists our threads");
    for task in tasks.flatten() {
        let read = |file: &str| fs::read_to_string(task.path().join(file)).unwrap_or_default();
        if !read("comm").starts_with("shard-") {
            continue;
        }
        let ticks = |fields: &str, index: usize| {
            let field = fields.split_whitespace().nth(index);
            TICK * field.and_then(|field| field.parse().ok()).unwrap_or(0)
        };
        let stat = read("stat");
        // Behind the name, which is in parentheses: state is field 0, utime 11, stime 12.
        let fields = stat.rsplit(')').next().unwrap_or_default();
        usage.user += ticks(fields, 11);
        usage.kernel += ticks(fields, 12);
        let on_core = read("schedstat");
        let on_core = on_core.split_whitespace().next();
        let nanos = on_core.and_then(|nanos| nanos.parse().ok());
        usage.total += nanos.map_or(ticks(fields, 11) + ticks(fields, 12), Duration::from_nanos);
    }
    usage
}
