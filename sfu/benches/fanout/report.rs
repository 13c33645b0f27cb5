//! Printing what was measured.

use std::time::Instant;

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::Options;
use crate::scene::{Outcome, Window};

/// First stage of the plan: str0m's own send path.
const BUDGET_NS: f64 = 2500.0;

/// Says what follows.
pub(crate) fn head(options: &Options) {
    let pacing = if options.is_paced {
        "paced"
    } else {
        "in bursts"
    };
    println!(
        "1 -> {} over loopback UDP, 210 x 1200 B/s video {pacing} + Opus per room; \
         {} windows of {} s, medians; shard thread CPU",
        options.subscribers,
        options.windows,
        options.window.as_secs(),
    );
    println!(
        "rooms  forwards/s  load   ns/forward (min-max)  socket  SRTP  rest  in/turn  out/turn  out/message  out/call  \
         delay p50/p99 ms  arrived  AES ns"
    );
}

/// Prints a run. Gives whether the sample got everything once and in order.
pub(crate) fn outcome(options: &Options, rooms: usize, outcome: &Outcome) -> bool {
    let windows = &outcome.windows;
    let median = |value: fn(&Window) -> f64| median(windows.iter().map(value));
    let cost = |window: &Window| window.cpu.as_secs_f64() * 1e9 / window.forwarded;
    let costs: Vec<f64> = windows.iter().map(cost).collect();
    let lowest = costs.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = costs.iter().copied().fold(0.0, f64::max);
    let forward = median(cost);
    let kernel = median(|window| {
        let kernel = window.kernel.as_secs_f64();
        kernel / (kernel + window.user.as_secs_f64()).max(1e-9)
    });
    // Bytes of a forward: 7 x 30 packets of 1200 B and 50 of 90 B a second.
    let srtp = median(|window| window.seal_ns) * (210.0 + 50.0 * 0.3) / 260.0 / forward;
    let forwarded: f64 = windows.iter().map(|window| window.forwarded).sum();
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let arrived = outcome.arrived as f64 / forwarded;
    println!(
        "{rooms:5}  {:10.0}  {:3.0} %  {forward:10.0} ({lowest:.0}-{highest:.0})  {:4.0} %  {:2.0} %  {:2.0} %  \
         {:7.1}  {:8.1}  {:11.1}  {:8.1}  {:6.2}/{:.2}  {:.3}  {:.0}",
        median(|window| window.forwarded / window.wall.as_secs_f64()),
        median(|window| window.cpu.as_secs_f64() / window.wall.as_secs_f64()) * 100.0,
        kernel * 100.0,
        srtp * 100.0,
        (1.0 - kernel - srtp) * 100.0,
        median(|window| window.batch_in),
        median(|window| window.batch_out),
        median(|window| window.sent / window.messages.max(1.0)),
        median(|window| window.sent / window.calls.max(1.0)),
        median(|window| window.delay[0]) * 1e3,
        median(|window| window.delay[1]) * 1e3,
        arrived,
        median(|window| window.seal_ns),
    );
    println!(
        "       received/s {:.0}, dropped {:.0}, nacked {:.0}; sample of 1/{}: {} packets, {} late or twice, {} missing; {}",
        median(|window| window.received / window.wall.as_secs_f64()),
        windows.iter().map(|window| window.dropped).sum::<f64>(),
        windows.iter().map(|window| window.nacked).sum::<f64>(),
        options.sample,
        outcome.checked,
        outcome.disordered,
        outcome.missing,
        if forward <= BUDGET_NS {
            "within the budget of 2500 ns"
        } else {
            "ABOVE the budget of 2500 ns"
        },
    );
    outcome.disordered == 0 && outcome.checked > 0
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Measures one seal of 1200 bytes.
pub(crate) fn seal_ns() -> f64 {
    const ROUNDS: u32 = 4000;
    let key = UnboundKey::new(&AES_128_GCM, &[7; 16]).expect("16 bytes are a key");
    let key = LessSafeKey::new(key);
    let mut payload = [0_u8; 1200];
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let start = Instant::now();
        for round in 0..ROUNDS {
            let mut nonce = [0; 12];
            nonce[..4].copy_from_slice(&round.to_be_bytes());
            let nonce = Nonce::assume_unique_for_key(nonce);
            let tag = key.seal_in_place_separate_tag(nonce, Aad::from(&[0; 20]), &mut payload);
            let _ = std::hint::black_box(tag.expect("sealing works"));
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e9 / f64::from(ROUNDS));
    }
    best
}
