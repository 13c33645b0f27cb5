//! Blind fuzzing in a test: seeds of a target, changed at random, where there is no nightly Rust.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use super::replay::replay;

/// Gives `count` changed seeds of a target to `run`, or as many as fit into `FUZZ_SECONDS` of the environment.
pub fn mutate(target: &str, count: usize, run: fn(&[u8])) {
    let mut seeds: Vec<Vec<u8>> = Vec::new();
    replay(target, |seed| seeds.push(seed.to_vec()));
    let seconds = std::env::var("FUZZ_SECONDS").ok();
    let time = seconds
        .and_then(|seconds| seconds.parse().ok())
        .map(Duration::from_secs);
    let mut noise = Noise(RandomState::new().hash_one(target) | 1);
    let started = Instant::now();
    let mut done = 0;
    while time.map_or(done < count, |time| started.elapsed() < time) {
        let begins_with = noise.0;
        let mut bytes = seeds[noise.below(seeds.len())].clone();
        for _ in 0..=noise.below(4) {
            noise.change(&mut bytes, &seeds);
        }
        // Shown by the test that fails.
        println!("{target}: {begins_with:#x} {bytes:02x?}");
        run(&bytes);
        done += 1;
    }
    eprintln!("{target}: {done} changed seeds");
}

/// A generator of numbers (xorshift).
struct Noise(u64);

impl Noise {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or(0) % end.max(1)
    }

    fn byte(&mut self) -> u8 {
        const EDGES: [u8; 8] = [0, 1, 0x7f, 0x80, 0xff, b'"', b'\n', b'='];
        match self.below(2) {
            0 => EDGES[self.below(EDGES.len())],
            _ => u8::try_from(self.below(256)).unwrap_or(0),
        }
    }

    fn change(&mut self, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let at = self.below(bytes.len() + 1);
        match self.below(6) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, self.byte()),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            3 => {
                let other = &seeds[self.below(seeds.len())];
                let from = self.below(other.len() + 1);
                let tail = other[from..].to_vec();
                bytes.splice(at.., tail);
            }
            4 => {
                let end = at + self.below(bytes.len() - at + 1);
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
            _ => {
                let byte = self.byte();
                if let Some(changed) = bytes.get_mut(at) {
                    *changed = byte;
                }
            }
        }
    }
}
