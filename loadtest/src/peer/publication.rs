//! A track that a peer publishes: its names on the wire and its source.

use std::time::{Duration, Instant};

use livekit_protocol::{
    AddTrackRequest, SubscribedQuality, SubscribedQualityUpdate, TrackInfo, TrackPublishedResponse,
    VideoQuality,
};

use crate::measure::Totals;
use crate::media::TrackSource;
use crate::scene::TrackPlan;

use super::link::Link;
use super::requests;

/// A track of ours.
pub(super) struct Publication {
    cid: String,
    plan: TrackPlan,
    source: TrackSource,
    /// Its number among the tracks of the connection.
    place: Option<usize>,
    info: Option<TrackInfo>,
    /// When the source's clock began, since the run's beginning.
    began: Option<Duration>,
}

impl Publication {
    pub(super) fn new(peer: u32, track: u64, plan: &TrackPlan, seed: u64) -> Self {
        let seed = seed
            .wrapping_add(u64::from(peer) << 8)
            .wrapping_add(track + 1);
        Self {
            cid: format!("track-{peer}-{track}"),
            plan: plan.clone(),
            source: TrackSource::new(plan, seed),
            place: None,
            info: None,
            began: None,
        }
    }

    /// Announces it.
    pub(super) fn request(&self) -> AddTrackRequest {
        requests::add_track(&self.cid, &self.plan)
    }

    /// What the server said about it.
    pub(super) fn response(&self) -> Option<TrackPublishedResponse> {
        self.info.clone().map(|track| TrackPublishedResponse {
            cid: self.cid.clone(),
            track: Some(track),
        })
    }

    /// Takes what the server says about it. Gives whether it is this one.
    pub(super) fn accept(&mut self, response: &TrackPublishedResponse) -> bool {
        let is_mine = response.cid == self.cid;
        if is_mine {
            self.info.clone_from(&response.track);
        }
        is_mine
    }

    /// Tells whether the server knows it.
    pub(super) fn is_accepted(&self) -> bool {
        self.info.is_some()
    }

    /// For the offer: its name and what it is.
    pub(super) fn described(&self) -> (String, TrackPlan) {
        (self.cid.clone(), self.plan.clone())
    }

    /// Learns its number among the tracks of the connection.
    pub(super) fn place(&mut self, number: usize) {
        self.place = Some(number);
    }

    /// When [`Self::send`] has something to do, since the run's beginning.
    pub(super) fn due(&self) -> Option<Duration> {
        self.place?;
        Some(self.began.unwrap_or_default() + self.source.due())
    }

    /// Sends what is due.
    pub(super) fn send(
        &mut self,
        now: Instant,
        at: Duration,
        publisher: u32,
        is_talking: bool,
        link: &mut Link,
        totals: &mut Totals,
    ) {
        let Some(place) = self.place else {
            return;
        };
        let began = *self.began.get_or_insert(at);
        let clock = at.saturating_sub(began);
        while let Some(packet) = self.source.poll(clock, at, publisher, is_talking) {
            link.send(now, place, packet, totals);
        }
    }

    /// A keyframe is wanted of the track of a number: of one layer, or of all.
    pub(super) fn want_keyframe(&mut self, track: usize, layer: Option<u8>) {
        if self.place == Some(track) {
            self.source.want_keyframe(layer);
        }
    }

    /// Turns layers on and off as the server wants.
    pub(super) fn follow_demand(&mut self, update: &SubscribedQualityUpdate) {
        let is_mine = self
            .info
            .as_ref()
            .is_some_and(|info| info.sid == update.track_sid);
        let TrackPlan::Camera(_) = &self.plan else {
            return;
        };
        if is_mine {
            self.source.set_layers(&wanted_layers(update));
        }
    }
}

/// Which layers are wanted, smallest first.
#[expect(deprecated, reason = "older servers fill in nothing else")]
fn wanted_layers(update: &SubscribedQualityUpdate) -> [bool; 3] {
    let codec = update
        .subscribed_codecs
        .iter()
        .find(|codec| codec.codec.eq_ignore_ascii_case("vp8"));
    let qualities = codec.map_or(&update.subscribed_qualities, |codec| &codec.qualities);
    let is_wanted = |quality: VideoQuality| {
        let named = |one: &&SubscribedQuality| one.quality() == quality;
        let named = qualities.iter().find(named);
        named.is_some_and(|quality| quality.enabled)
    };
    [VideoQuality::Low, VideoQuality::Medium, VideoQuality::High].map(is_wanted)
}

#[cfg(test)]
mod tests {
    use livekit_protocol::SubscribedCodec;

    use super::*;

    fn quality(quality: VideoQuality, enabled: bool) -> SubscribedQuality {
        SubscribedQuality {
            quality: quality.into(),
            enabled,
        }
    }

    #[test]
    fn demand_of_our_codec_counts() {
        let update = SubscribedQualityUpdate {
            subscribed_codecs: vec![SubscribedCodec {
                codec: "VP8".to_owned(),
                qualities: vec![
                    quality(VideoQuality::Low, true),
                    quality(VideoQuality::Medium, false),
                    quality(VideoQuality::High, true),
                ],
            }],
            ..SubscribedQualityUpdate::default()
        };

        assert_eq!(wanted_layers(&update), [true, false, true]);
    }

    #[test]
    #[expect(deprecated, reason = "older servers fill in nothing else")]
    fn without_codecs_the_plain_list_counts() {
        let update = SubscribedQualityUpdate {
            subscribed_qualities: vec![quality(VideoQuality::Low, true)],
            ..SubscribedQualityUpdate::default()
        };

        assert_eq!(wanted_layers(&update), [true, false, false]);
    }
}
