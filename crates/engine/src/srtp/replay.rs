//! Tells packets that came before from new ones (RFC 3711, section 3.3.2).

/// Packets back from the newest that are told apart; older ones count as seen.
const WINDOW_PACKETS: u32 = u128::BITS;

/// Sources whose packets are told apart. A client has one SSRC per layer that it sends and one to report
/// with; beyond, the one that was silent for longest is forgotten. Only the client itself can do that,
/// since no packet enters here before it was authenticated.
const SOURCES_MAX: usize = 64;

/// What was received of each source.
#[derive(Debug, Default)]
pub(super) struct ReplayWindows {
    /// The last one heard stands first.
    sources: Vec<Window>,
}

#[derive(Debug)]
struct Window {
    source: u32,
    newest: u32,
    /// Bit `n` stands for `newest - n`.
    seen: u128,
}

impl Window {
    fn has_seen(&self, index: u32) -> bool {
        match self.newest.checked_sub(index) {
            None => false,
            Some(age) => age >= WINDOW_PACKETS || self.seen >> age & 1 == 1,
        }
    }

    fn insert(&mut self, index: u32) {
        if let Some(age) = self.newest.checked_sub(index) {
            self.seen |= 1 << age;
        } else {
            self.seen = self.seen.checked_shl(index - self.newest).unwrap_or(0) | 1;
            self.newest = index;
        }
    }
}

impl ReplayWindows {
    /// Tells whether a packet may have come before.
    pub(super) fn has_seen(&self, source: u32, index: u32) -> bool {
        self.sources
            .iter()
            .find(|window| window.source == source)
            .is_some_and(|window| window.has_seen(index))
    }

    /// Remembers an authenticated packet that was not seen before.
    pub(super) fn insert(&mut self, source: u32, index: u32) {
        let known = self
            .sources
            .iter()
            .position(|window| window.source == source);
        let at = known.unwrap_or_else(|| {
            self.sources.truncate(SOURCES_MAX - 1);
            self.sources.push(Window {
                source,
                newest: index,
                seen: 0,
            });
            self.sources.len() - 1
        });
        self.sources[at].insert(index);
        self.sources[..=at].rotate_right(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn no_packet_passes_twice_and_none_within_the_window_is_taken_for_another(
            steps in proptest::collection::vec((0_u32..3, 0_u32..400), 1..300),
        ) {
            let mut windows = ReplayWindows::default();
            let mut passed = BTreeSet::new();
            let mut newest = [None; 3];
            for (source, index) in steps {
                let seen = windows.has_seen(source, index);
                let newest = &mut newest[source as usize];
                let is_old = newest.is_some_and(|newest| index + WINDOW_PACKETS <= newest);
                prop_assert_eq!(seen, is_old || passed.contains(&(source, index)));
                if !seen {
                    windows.insert(source, index);
                    passed.insert((source, index));
                    *newest = Some(newest.map_or(index, |newest| index.max(newest)));
                }
            }
        }
    }

    #[test]
    fn the_source_that_was_silent_for_longest_is_forgotten() {
        let mut windows = ReplayWindows::default();
        for source in 0..64 {
            windows.insert(source, 9);
        }
        windows.insert(0, 10);

        windows.insert(64, 9);

        assert_eq!(windows.sources.len(), SOURCES_MAX);
        assert!(!windows.has_seen(1, 9));
        assert!(windows.has_seen(0, 9) && windows.has_seen(2, 9) && windows.has_seen(64, 9));
    }
}
