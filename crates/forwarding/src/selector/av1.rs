//! Decode targets of AV1, by its dependency descriptor.
//!
//! Invariants:
//! - a decode target is begun with a keyframe, or with a frame that has the switch indication for it
//!   and refers only to frames that were sent, unless the picture has ended for the subscriber;
//! - a frame is sent if it is part of the current decode target;
//! - a subscriber that gets fewer targets than the publisher sends is told so with every structure
//!   and for [`TELL_FOR`] after each change.

use std::time::{Duration, Instant};

use super::{PacketPlace, Verdict};
use crate::descriptor::av1::{Av1Frame, DecodeTargets, Indication};
use crate::layer::LayerTarget;

/// How long a change of the active decode targets is repeated in every packet: long enough that
/// losing all of them means losing the call.
const TELL_FOR: Duration = Duration::from_secs(1);

/// How long to wait for a switch indication before a keyframe is asked for: with full SVC the base
/// layer brings one every fourth frame at the latest.
const SWITCH_PATIENCE: Duration = Duration::from_millis(300);

#[derive(Debug, Clone, Copy)]
struct Wait {
    since: Instant,
    current: u8,
    wanted: u8,
}

/// Chooses a decode target.
#[derive(Debug, Default)]
pub(crate) struct Av1Filter {
    current: Option<u8>,
    sent: FrameHistory,
    /// The subscriber has got the last packet of the present picture.
    has_ended: bool,
    /// Active targets that the subscriber was told last.
    told: Option<u32>,
    tell_until: Option<Instant>,
    /// A change of the spatial layer that is waited for.
    waits: Option<Wait>,
}

impl Av1Filter {
    pub(super) fn decide(
        &mut self,
        frame: &Av1Frame,
        limit: LayerTarget,
        place: PacketPlace,
    ) -> Verdict {
        let Some(wanted) = best_target(&frame.targets, frame.active_targets, limit) else {
            return Verdict::PASS;
        };
        if place.is_picture_start {
            self.has_ended = false;
        }
        if place.is_newest && frame.start {
            self.advance(frame, wanted, place.now);
        }
        let Some(current) = self.current else {
            return Verdict::Skip;
        };
        if !frame.is_part_of(current) {
            return Verdict::Skip;
        }
        self.sent.insert(frame.number);
        let highest = layer_of(&frame.targets, current);
        let ends_picture = frame.end && highest.spatial == frame.layer.spatial;
        self.has_ended |= ends_picture;
        Verdict::Forward {
            ends_picture,
            active_targets: self.targets_to_tell(frame, highest, place.now),
        }
    }

    fn advance(&mut self, frame: &Av1Frame, wanted: u8, now: Instant) {
        if frame.keyframe {
            self.sent = FrameHistory::default();
            self.current = Some(wanted);
        }
        let Some(current) = self.current else {
            return;
        };
        if current != wanted
            && !self.has_ended
            && frame.indications.of(wanted) == Indication::Switch
            && self.sent.has_all(frame)
        {
            self.current = Some(wanted);
        }
        let current = layer_of(&frame.targets, self.current.unwrap_or(wanted)).spatial;
        let wanted = layer_of(&frame.targets, wanted).spatial;
        self.waits = (current != wanted).then(|| Wait {
            since: self.waits.map_or(now, |waits| waits.since),
            current,
            wanted,
        });
    }

    fn targets_to_tell(
        &mut self,
        frame: &Av1Frame,
        highest: LayerTarget,
        now: Instant,
    ) -> Option<u32> {
        let mut active = 0;
        for (target, layer) in frame.targets.layers().iter().enumerate() {
            if layer.spatial <= highest.spatial && layer.temporal <= highest.temporal {
                active |= frame.active_targets & 1 << target;
            }
        }
        if self.told != Some(active) {
            // Who has never been told anything else takes all targets of the structure for granted.
            let known = self.told.unwrap_or(frame.targets.all());
            self.told = Some(active);
            if known != active {
                self.tell_until = Some(now + TELL_FOR);
            }
        }
        let repeats = self.tell_until.is_some_and(|until| now < until);
        let differs = frame.tells_targets() && active != frame.active_targets;
        (repeats || differs).then_some(active)
    }

    /// Downwards a keyframe always helps, upwards only if there is more to be had.
    pub(super) fn needs_keyframe(&self, spatial_flowing: u8, now: Instant) -> bool {
        self.waits.is_some_and(|waits| {
            now.saturating_duration_since(waits.since) >= SWITCH_PATIENCE
                && (waits.wanted < waits.current || spatial_flowing > waits.current)
        })
    }
}

fn layer_of(targets: &DecodeTargets, target: u8) -> LayerTarget {
    targets
        .layers()
        .get(usize::from(target))
        .map_or(LayerTarget::ALL, |layer| LayerTarget {
            spatial: layer.spatial,
            temporal: layer.temporal,
        })
}

/// Gives the best active decode target within `limit`, else the smallest active one.
fn best_target(targets: &DecodeTargets, active: u32, limit: LayerTarget) -> Option<u8> {
    let usable = || {
        (0_u8..)
            .zip(targets.layers())
            .filter(|&(target, _)| active == 0 || active >> target & 1 == 1)
    };
    usable()
        .filter(|(_, layer)| layer.spatial <= limit.spatial && layer.temporal <= limit.temporal)
        .max_by_key(|&(_, layer)| layer)
        .or_else(|| usable().min_by_key(|&(_, layer)| layer))
        .map(|(target, _)| target)
}

/// Which of the newest [`FrameHistory::FRAMES`] frames were sent.
#[derive(Debug, Default)]
struct FrameHistory {
    newest: Option<u16>,
    /// Bit `n`: the frame `n` before the newest.
    sent: u128,
}

impl FrameHistory {
    /// More than the distance of any reference in the structures that are in use (12), and over 1 s
    /// of three spatial layers at 30 fps.
    const FRAMES: u16 = 128;

    fn insert(&mut self, number: u16) {
        let Some(newest) = self.newest else {
            self.newest = Some(number);
            self.sent = 1;
            return;
        };
        let ahead = number.wrapping_sub(newest);
        if ahead == 0 {
            return;
        }
        if ahead < 1 << 15 {
            self.sent = self.sent.checked_shl(u32::from(ahead)).unwrap_or(0) | 1;
            self.newest = Some(number);
        } else {
            let behind = newest.wrapping_sub(number);
            if behind < Self::FRAMES {
                self.sent |= 1 << behind;
            }
        }
    }

    fn has(&self, number: u16) -> bool {
        self.newest.is_some_and(|newest| {
            let behind = newest.wrapping_sub(number);
            behind < Self::FRAMES && self.sent >> behind & 1 == 1
        })
    }

    fn has_all(&self, frame: &Av1Frame) -> bool {
        frame
            .references
            .as_slice()
            .iter()
            .all(|&diff| self.has(frame.number.wrapping_sub(diff)))
    }
}
