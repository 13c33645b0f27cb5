//! Which sections have carried a track, for clients that need a fresh one each time.
//!
//! Bound: a client gets [`FRESH_MAX`] sections for use only once; then they are used again after all, as
//! a description has to stay readable.

use str0m::media::Mid;

/// Half of what a description may have.
const FRESH_MAX: usize = 250;

/// The sections in which one client receives.
#[derive(Debug)]
pub(crate) struct Sections {
    may_be_reused: bool,
    /// Those that have carried a track. Not kept where that makes no difference.
    used: Vec<Mid>,
}

impl Sections {
    pub(crate) fn new(may_be_reused: bool) -> Self {
        Self {
            may_be_reused,
            used: Vec::new(),
        }
    }

    /// Notes that a section carries a track.
    pub(crate) fn take(&mut self, mid: Mid) {
        if !self.may_be_reused && self.used.len() < FRESH_MAX && !self.used.contains(&mid) {
            self.used.push(mid);
        }
    }

    /// Tells whether a section that carries nothing now may carry a track.
    pub(crate) fn may_carry(&self, mid: Mid) -> bool {
        self.may_be_reused || self.used.len() >= FRESH_MAX || !self.used.contains(&mid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mid(number: usize) -> Mid {
        Mid::from(number.to_string().as_str())
    }

    #[test]
    fn a_section_is_used_again_where_it_may_be() {
        for may_be_reused in [true, false] {
            let mut sections = Sections::new(may_be_reused);

            sections.take(mid(1));

            assert_eq!(sections.may_carry(mid(1)), may_be_reused);
            assert!(sections.may_carry(mid(2)));
        }
    }

    #[test]
    fn fresh_sections_come_to_an_end_before_descriptions_get_endless() {
        let mut sections = Sections::new(false);
        for number in 1..FRESH_MAX {
            sections.take(mid(number));
            sections.take(mid(number));
        }
        assert!(!sections.may_carry(mid(7)));

        for number in FRESH_MAX..1000 {
            sections.take(mid(number));
            assert!(sections.may_carry(mid(7)) && sections.may_carry(mid(2000)));
        }

        assert_eq!(sections.used.len(), FRESH_MAX);
    }
}
