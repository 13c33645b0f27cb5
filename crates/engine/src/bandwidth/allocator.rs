//! Who gets how much of what a way can carry.
//!
//! Sound first. Then each picture in its smallest layer, those of higher priority first; then larger
//! layers, again by priority, and among equals by the size that is asked for, one step each in turn.
//! Whole layers only.
//!
//! Invariants:
//! - what is granted fits the budget, unless pausing is forbidden;
//! - nobody gets more than is asked for;
//! - a picture keeps its layer while that fits, and gets a larger one only if that fits with a margin.

use forwarding::LayerLimit;

use super::rates::LEVELS;

/// What a layer has to fit in if it is sent already, and if it is new, in percent of its cost.
const KEEP_PERCENT: u64 = 95;
const RAISE_PERCENT: u64 = 110;

/// What has to be proved before a layer is raised, in percent of what it adds.
const PROOF_PERCENT: u64 = 120;

/// A picture that a client wants.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// What each level costs, in bits per second; `None`: it doesn't flow.
    pub(crate) costs: [Option<u64>; LEVELS],
    /// The highest level that is asked for.
    pub(crate) top: u8,
    /// Higher goes first.
    pub(crate) priority: u8,
    /// What holds now.
    pub(crate) present: LayerLimit,
}

/// What may be spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    pub(crate) bits_per_second: u64,
    /// Whether pictures may be paused.
    pub(crate) may_pause: bool,
}

/// What is decided.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// For each picture, in the order in which they were given.
    pub(crate) grants: Vec<LayerLimit>,
    /// The budget with which one of them would get more; `None`: all have what they ask for.
    pub(crate) missing: Option<u64>,
}

/// A picture while it is decided on.
#[derive(Debug, Clone, Copy)]
struct Place<'a> {
    wanted: &'a Wanted,
    /// The level that it gets; `None`: none yet.
    level: Option<u8>,
}

impl Place<'_> {
    fn cost(&self, level: Option<u8>) -> u64 {
        level
            .and_then(|level| self.wanted.costs[usize::from(level)])
            .unwrap_or(0)
    }

    /// The next level above, if it flows and is asked for. When only larger ones than that flow, the
    /// smallest of them has to do.
    fn next(&self) -> Option<u8> {
        let above = self.level.map_or(0, |level| level + 1);
        let flows = |level: &u8| self.wanted.costs[usize::from(*level)].is_some();
        let next = (above..=u8::try_from(LEVELS - 1).unwrap_or(0)).find(flows)?;
        (next <= self.wanted.top || self.level.is_none()).then_some(next)
    }

    /// What going to a level adds, as it is weighed.
    fn weight(&self, next: u8) -> u64 {
        let is_kept = match self.wanted.present {
            LayerLimit::None => true,
            LayerLimit::UpTo(present) => next <= present,
            LayerLimit::Nothing => false,
        };
        let percent = if is_kept { KEEP_PERCENT } else { RAISE_PERCENT };
        self.added(next) * percent / 100
    }

    fn added(&self, next: u8) -> u64 {
        self.cost(Some(next)).saturating_sub(self.cost(self.level))
    }

    /// Without a next level there is nothing to hold back.
    fn grant(&self) -> LayerLimit {
        match (self.next(), self.level) {
            (None, _) => LayerLimit::None,
            (Some(_), Some(level)) => LayerLimit::UpTo(level),
            (Some(_), None) => LayerLimit::Nothing,
        }
    }
}

/// Divides `budget` among `sound`, in bits per second, and the pictures.
pub(crate) fn allocate(wanted: &[Wanted], sound: u64, budget: Budget) -> Plan {
    let mut places: Vec<Place<'_>> = wanted
        .iter()
        .map(|wanted| Place {
            wanted,
            level: None,
        })
        .collect();
    let mut order: Vec<usize> = (0..places.len()).collect();
    let rank = |index: &usize| (wanted[*index].priority, wanted[*index].top);
    order.sort_by_key(|index| std::cmp::Reverse(rank(index)));
    let mut left = budget.bits_per_second.saturating_sub(sound);
    for index in &order {
        raise(&mut places[*index], &mut left, !budget.may_pause);
    }
    for group in order.chunk_by(|a, b| wanted[*a].priority == wanted[*b].priority) {
        while group.iter().fold(false, |is_raised, index| {
            let place = &mut places[*index];
            (place.level.is_some() && raise(place, &mut left, false)) || is_raised
        }) {}
    }
    let spent: u64 = places.iter().map(|place| place.cost(place.level)).sum();
    let missing = order.iter().find_map(|index| {
        let place = &places[*index];
        let added = place.added(place.next()?) * PROOF_PERCENT / 100;
        Some(sound + spent + added)
    });
    Plan {
        grants: places.iter().map(Place::grant).collect(),
        missing,
    }
}

/// Gives a picture its next level if that fits, or has to be.
fn raise(place: &mut Place<'_>, left: &mut u64, must: bool) -> bool {
    let Some(next) = place.next() else {
        return false;
    };
    let weight = place.weight(next);
    if weight > *left && !must {
        return false;
    }
    *left = left.saturating_sub(weight);
    place.level = Some(next);
    true
}

#[cfg(test)]
#[path = "allocator_tests.rs"]
mod tests;
