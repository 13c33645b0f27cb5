//! One run: a server, rooms full of clients, and windows of measurement.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use engine::{
    BoundTrack, Event, MediaKind, Offer, PendingTrack, SessionConfig, SessionId, SessionKind,
    Subscribe, Target,
};
use prometheus::Registry;
use sfu::{Sfu, SfuConfig};
use tokio::sync::mpsc;

use crate::Options;
use crate::link::{hear, say};
use crate::usage::{Usage, of_shards};

/// How long the clients of a room may take to connect.
const DEADLINE: Duration = Duration::from_secs(30);

/// How long media flows before it is measured.
const WARM_UP: Duration = Duration::from_secs(2);

/// Counters that are read, in this order.
const COUNTERS: [&str; 7] = [
    "clapt_packets_forwarded_total",
    "clapt_datagrams_received_total",
    "clapt_datagrams_sent_total",
    "clapt_send_calls_total",
    "clapt_packets_dropped_total",
    "clapt_nacked_packets_total",
    "clapt_send_messages_total",
];

/// What was measured in one window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
    pub(crate) kernel: Duration,
    pub(crate) user: Duration,
    /// Differences of the counters.
    pub(crate) forwarded: f64,
    pub(crate) received: f64,
    pub(crate) sent: f64,
    pub(crate) calls: f64,
    pub(crate) dropped: f64,
    pub(crate) nacked: f64,
    pub(crate) messages: f64,
    /// Datagrams per turn of the shard, in and out.
    pub(crate) batch_in: f64,
    pub(crate) batch_out: f64,
    /// One AES-128-GCM seal of 1200 bytes right after the window: tells how quiet the machine is.
    pub(crate) seal_ns: f64,
    /// Seconds from the kernel's receiving to sending, median and 99th percentile (upper bounds of
    /// the histogram's buckets).
    pub(crate) delay: [f64; 2],
}

/// What a run showed.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) windows: Vec<Window>,
    /// Media datagrams that reached all subscribers.
    pub(crate) arrived: u64,
    /// Packets that the sample decrypted, and how many of them were late, doubled or missing.
    pub(crate) checked: u64,
    pub(crate) disordered: u64,
    pub(crate) missing: u64,
}

/// The process of the clients.
struct Clients {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Clients {
    fn start() -> Self {
        let program = std::env::current_exe().expect("we know our own program");
        let mut process = Command::new(program)
            .arg("--clients")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("our own program starts");
        let input = process.stdin.take().expect("it is piped");
        let output = BufReader::new(process.stdout.take().expect("it is piped"));
        Self {
            process,
            input,
            output,
        }
    }

    fn tell(&mut self, words: &[&str]) {
        say(&mut self.input, words);
    }

    fn ask(&mut self, words: &[&str]) -> Vec<String> {
        self.tell(words);
        hear(&mut self.output).expect("the clients answer")
    }

    fn count(&mut self) -> [u64; 5] {
        let words = self.ask(&["count"]);
        let mut numbers = words.iter().map(|word| word.parse().expect("a number"));
        std::array::from_fn(|_| numbers.next().expect("five numbers"))
    }

    fn stop(mut self) {
        drop(self.input);
        let _ = self.output.fill_buf();
        let _ = self.process.wait();
    }
}

/// Rooms that are being filled.
struct Stage {
    sfu: Sfu,
    clients: Clients,
    numbers: HashMap<SessionId, usize>,
}

/// Runs `rooms` rooms side by side and measures.
pub(crate) async fn run(options: &Options, rooms: usize) -> Outcome {
    let config = SfuConfig {
        udp_port: 0,
        gather: options.gather,
        even_out_bytes_max: options.even_out,
        batch_datagrams_max: options.batch,
        batch_forwards_max: options.forwards,
        ..SfuConfig::default()
    };
    let registry = Registry::new();
    let (sfu, running) = sfu::start(&config, &registry).expect("the server starts");
    let mut stage = Stage {
        sfu,
        clients: Clients::start(),
        numbers: HashMap::new(),
    };
    let mut events = Vec::new();
    for room in 1..=rooms {
        events.push(stage.fill_room(options).await);
        let clients = room * (options.subscribers + 1);
        stage.settle(&mut events, clients).await;
    }
    tokio::time::sleep(WARM_UP).await;

    let before = stage.clients.count();
    let mut windows = Vec::new();
    let mut from = mark(&registry).await;
    for _ in 0..options.windows {
        tokio::time::sleep(options.window.saturating_sub(Duration::from_millis(500))).await;
        let to = mark(&registry).await;
        windows.push(window(&from, &to));
        from = to;
        for events in &mut events {
            while events.try_recv().is_ok() {}
        }
    }
    let [_, datagrams, checked, disordered, missing] = stage.clients.count();
    stage.clients.stop();
    running.shutdown();
    Outcome {
        windows,
        arrived: datagrams - before[1],
        checked,
        disordered,
        missing,
    }
}

impl Stage {
    async fn fill_room(&mut self, options: &Options) -> mpsc::Receiver<Event> {
        let (room, mut events) = self.sfu.open_room().await.expect("a room opens");
        let session = |kind| SessionConfig::new(kind);
        let publisher = self
            .sfu
            .create_session(room, session(SessionKind::Publisher), None);
        let publisher = publisher.await.expect("a session is created");
        let pacing = if options.is_paced { "paced" } else { "bursts" };
        let sizes = if options.is_uneven { "uneven" } else { "even" };
        let [number, sdp] = self
            .clients
            .ask(&["publish", pacing, sizes])
            .try_into()
            .expect("an offer");
        let kinds = [
            ("camera", MediaKind::Video),
            ("microphone", MediaKind::Audio),
        ];
        let pending = kinds.map(|(cid, kind)| PendingTrack {
            track: self.sfu.new_track_id(publisher),
            cid: cid.to_owned(),
            kind,
            codec: None,
            stereo: false,
            dtx: false,
        });
        let pending = pending.to_vec();
        let answer = self
            .sfu
            .handle_offer(publisher, Offer { sdp, pending })
            .await;
        let answer = answer.expect("the offer is good");
        self.clients.tell(&["answer", &number, &answer.sdp]);

        for index in 0..options.subscribers {
            let config = session(SessionKind::Subscriber);
            let subscriber = self.sfu.create_session(room, config, None).await;
            let subscriber = subscriber.expect("a session is created");
            let is_sampled = index % options.sample == 0;
            let kind = if is_sampled { "sampled" } else { "counting" };
            let number = self.clients.ask(&["subscribe", kind])[0].parse();
            self.numbers.insert(subscriber, number.expect("a number"));
            for track in &answer.published {
                self.subscribe(subscriber, track).await;
            }
        }
        while let Ok(event) = events.try_recv() {
            self.handle(event).await;
        }
        events
    }

    async fn subscribe(&self, session: SessionId, track: &BoundTrack) {
        let kind = if track.codec == engine::Codec::Opus {
            MediaKind::Audio
        } else {
            MediaKind::Video
        };
        let subscribe = Subscribe {
            track: track.track,
            kind,
            codec: track.codec,
            stream: "stream".to_owned(),
            name: format!("{kind:?}"),
            target: Target::ALL,
            cuts_trailer: false,
            hears_all: false,
            stereo: false,
        };
        let done = self.sfu.subscribe(session, subscribe).await;
        done.expect("the server runs");
    }

    async fn handle(&mut self, event: Event) {
        if let Event::Offer {
            session, id, sdp, ..
        } = event
        {
            let number = self.numbers[&session].to_string();
            let [answer] = self
                .clients
                .ask(&["offer", &number, &sdp])
                .try_into()
                .expect("an answer");
            let done = self.sfu.handle_answer(session, id, answer).await;
            done.expect("the answer is good");
        }
    }

    /// Waits until so many clients are connected.
    async fn settle(&mut self, rooms: &mut [mpsc::Receiver<Event>], clients: usize) {
        let deadline = Instant::now() + DEADLINE;
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        while self.clients.count()[0] < clients as u64 {
            let connected = self.clients.count()[0];
            assert!(
                Instant::now() < deadline,
                "{connected} of {clients} clients connect"
            );
            for events in &mut *rooms {
                while let Ok(event) = events.try_recv() {
                    self.handle(event).await;
                }
            }
            tick.tick().await;
        }
    }
}

/// Counters and CPU time at one moment.
struct Mark {
    usage: Usage,
    counters: [f64; COUNTERS.len()],
    batches: [(f64, f64); 2],
    delay: Vec<(f64, u64)>,
}

/// Waits until the shard publishes its counters, and reads them and its CPU time.
async fn mark(registry: &Registry) -> Mark {
    let old = counter(registry, COUNTERS[0]);
    let mut tick = tokio::time::interval(Duration::from_millis(1));
    while (counter(registry, COUNTERS[0]) - old).abs() < 0.5 {
        tick.tick().await;
    }
    let usage = of_shards();
    let names = [
        "clapt_receive_batch_datagrams",
        "clapt_send_batch_datagrams",
    ];
    Mark {
        usage,
        counters: COUNTERS.map(|name| counter(registry, name)),
        batches: names.map(|name| {
            let (sum, count, _) = histogram(registry, name);
            (sum, count)
        }),
        delay: histogram(registry, "clapt_forward_delay_seconds").2,
    }
}

fn window(from: &Mark, to: &Mark) -> Window {
    let difference = |index: usize| to.counters[index] - from.counters[index];
    let batch = |index: usize| {
        let (sum, count) = to.batches[index];
        let (old_sum, old_count) = from.batches[index];
        (sum - old_sum) / (count - old_count).max(1.0)
    };
    Window {
        wall: to.usage.at - from.usage.at,
        cpu: to.usage.total.saturating_sub(from.usage.total),
        kernel: to.usage.kernel.saturating_sub(from.usage.kernel),
        user: to.usage.user.saturating_sub(from.usage.user),
        forwarded: difference(0),
        received: difference(1),
        sent: difference(2),
        calls: difference(3),
        dropped: difference(4),
        nacked: difference(5),
        messages: difference(6),
        batch_in: batch(0),
        batch_out: batch(1),
        seal_ns: crate::report::seal_ns(),
        delay: [50, 99].map(|percent| percentile(&from.delay, &to.delay, percent)),
    }
}

fn percentile(from: &[(f64, u64)], to: &[(f64, u64)], percent: u64) -> f64 {
    let old = |index: usize| from.get(index).map_or(0, |(_, count)| *count);
    let counts = to.iter().enumerate();
    let counts = counts.map(|(index, (bound, count))| (*bound, count - old(index)));
    let counts: Vec<(f64, u64)> = counts.collect();
    let total = counts.last().map_or(0, |(_, count)| *count);
    let reached = counts
        .iter()
        .find(|(_, count)| count * 100 >= total * percent);
    reached.map_or(f64::INFINITY, |(bound, _)| *bound)
}

/// Sums up a counter over its labels.
fn counter(registry: &Registry, name: &str) -> f64 {
    let families = registry.gather();
    let family = families.iter().find(|family| family.name() == name);
    family.map_or(0.0, |family| {
        let values = family.get_metric().iter();
        values.map(|metric| metric.get_counter().get_value()).sum()
    })
}

/// Gives sum, count and the cumulative counts by upper bound.
fn histogram(registry: &Registry, name: &str) -> (f64, f64, Vec<(f64, u64)>) {
    let families = registry.gather();
    let family = families.iter().find(|family| family.name() == name);
    let histogram = family.expect("the metric is there").get_metric()[0].get_histogram();
    let buckets = histogram.get_bucket().iter();
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let count = histogram.get_sample_count() as f64;
    (
        histogram.get_sample_sum(),
        count,
        buckets
            .map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()))
            .collect(),
    )
}
