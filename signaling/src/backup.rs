//! The second codec of a track, for viewers who can't decode the first.
//!
//! A client that announces a track in two codecs sends the first. When somebody needs the other one,
//! the client hears so by `SubscribedQualityUpdate`, announces it by an `AddTrackRequest` with the
//! track's `sid`, and offers it in a section of its own. To the media server it is a track of its
//! own, to clients both are one.
//!
//! Invariant: a viewer gets a codec that it has refused under no circumstances.

use std::time::Instant;

use livekit_protocol::{AddTrackRequest, BackupCodecPolicy, SubscribedQualityUpdate, VideoLayer};
use sfu::{BoundTrack, Codec, MediaKind, PendingTrack, TrackId};

use crate::codecs;
use crate::dynacast::{CodecDemand, Demand, Dynacast, quality_update};
use crate::publication::{Publication, TRACK_TEXT_BYTES_MAX, layers_of};

/// In a room with fewer participants all go over to the codec that one needs, if the publisher leaves
/// it open: it is not worth to encode twice for a few.
const SMALL_ROOM: usize = 5;

/// The second codec, from the announcement of its track on.
#[derive(Debug, Clone)]
pub(crate) struct Backup {
    pub(crate) codec: Codec,
    pub(crate) dynacast: Dynacast,
    state: State,
    /// Everybody gets it who can.
    is_for_all: bool,
}

#[derive(Debug, Clone)]
enum State {
    /// The client would send it if it was asked.
    Possible,
    /// The next offer may carry it.
    Announced {
        track: TrackId,
        cid: String,
        at: Instant,
    },
    /// An offer carries it.
    Live {
        track: TrackId,
        /// Packets have come.
        has_begun: bool,
    },
}

/// What somebody gets of a publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) track: TrackId,
    pub(crate) codec: Codec,
    /// It can't be decoded: another one is to take its place.
    pub(crate) is_waiting: bool,
}

/// Why a backup codec was not announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BackupError {
    /// The track was not announced with such a codec.
    NotPromised,
    /// The id of the track is missing or endless.
    BadName,
}

impl Backup {
    /// Reads the second codec of an announcement. `None` if there is none that may be published
    /// beside `first`.
    pub(crate) fn of(
        request: &AddTrackRequest,
        first: Option<Codec>,
        enabled: &[Codec],
    ) -> Option<Self> {
        let wanted = request.simulcast_codecs.get(1)?;
        let wanted = codecs::from_name(&wanted.codec)?;
        let codec = codecs::choose_video(Some(wanted), enabled).ok()??;
        (Some(codec) != first).then(|| Self {
            codec,
            dynacast: Dynacast::default(),
            state: State::Possible,
            is_for_all: false,
        })
    }

    /// Returns its track, once it is announced.
    pub(crate) fn track(&self) -> Option<TrackId> {
        match self.state {
            State::Possible => None,
            State::Announced { track, .. } | State::Live { track, .. } => Some(track),
        }
    }

    /// Returns its track while an offer carries it.
    pub(crate) fn live(&self) -> Option<TrackId> {
        match self.state {
            State::Possible | State::Announced { .. } => None,
            State::Live { track, .. } => Some(track),
        }
    }

    /// Tells what decides who gets it: its track while an offer carries it, and whether all get it.
    pub(crate) fn stage(&self) -> (Option<TrackId>, bool) {
        (self.live(), self.is_for_all)
    }

    /// Takes what those want who wait for it, while it is not sent yet. Says what to announce now.
    pub(crate) fn handle_waiting(&mut self, now: Instant, demand: Demand) -> Option<Demand> {
        let was_wanted = self.dynacast.announced().flatten().is_some();
        if self.live().is_some() || (demand.is_none() && !was_wanted) {
            return None;
        }
        self.dynacast.handle_demand(now, demand)
    }
}

impl Publication {
    /// Lists its tracks, in the media server's eyes.
    pub(crate) fn tracks(&self) -> impl Iterator<Item = TrackId> + use<> {
        let backup = self.backup.as_ref().and_then(Backup::track);
        [self.id].into_iter().chain(backup)
    }

    /// Asks whether a track of the media server is one of its.
    pub(crate) fn carries(&self, track: TrackId) -> bool {
        self.tracks().any(|own| own == track)
    }

    /// Chooses what somebody gets who can't decode `refused`: the first codec, if it is possible and
    /// not all are to get the second. `None`: nothing that can be decoded is announced.
    pub(crate) fn source(&self, refused: &[Codec]) -> Option<Source> {
        let codec = self.codec?;
        let first = Source {
            track: self.id,
            codec,
            is_waiting: false,
        };
        let is_refused = refused.contains(&codec);
        let backup = self.backup.as_ref();
        let backup = backup.filter(|backup| !refused.contains(&backup.codec));
        let second = backup.and_then(|backup| {
            Some(Source {
                track: backup.live()?,
                codec: backup.codec,
                is_waiting: false,
            })
        });
        match (second, backup) {
            (Some(second), Some(backup)) if is_refused || backup.is_for_all => Some(second),
            (None, Some(_)) if is_refused => Some(Source {
                is_waiting: true,
                ..first
            }),
            (Some(_) | None, Some(_) | None) => (!is_refused).then_some(first),
        }
    }

    /// Takes the announcement of the second codec. `track` is the id for its track, which is returned
    /// if it is used.
    pub(crate) fn announce_backup(
        &mut self,
        request: &AddTrackRequest,
        track: TrackId,
        now: Instant,
    ) -> Result<Option<TrackId>, BackupError> {
        let wanted = request.simulcast_codecs.first();
        let wanted_codec = wanted.and_then(|wanted| codecs::from_name(&wanted.codec));
        let (Some(backup), Some(info)) = (&mut self.backup, self.info.codecs.get_mut(1)) else {
            return Err(BackupError::NotPromised);
        };
        if wanted_codec.is_some_and(|wanted| wanted != backup.codec) {
            return Err(BackupError::NotPromised);
        }
        if request.cid.is_empty() || request.cid.len() > TRACK_TEXT_BYTES_MAX {
            return Err(BackupError::BadName);
        }
        let (track, is_new) = match &backup.state {
            State::Live { .. } => return Ok(None),
            State::Announced { track, .. } => (*track, false),
            State::Possible => (track, true),
        };
        backup.state = State::Announced {
            track,
            cid: request.cid.clone(),
            at: now,
        };
        info.cid.clone_from(&request.cid);
        let layers = layers_of(request, wanted);
        if !layers.is_empty() {
            info.layers = layers;
        }
        Ok(is_new.then_some(track))
    }

    /// Says what the media server has to look for in the next offer.
    pub(crate) fn pending_backup(&self) -> Option<PendingTrack> {
        let backup = self.backup.as_ref()?;
        let State::Announced { track, cid, .. } = &backup.state else {
            return None;
        };
        Some(PendingTrack {
            track: *track,
            cid: cid.clone(),
            kind: MediaKind::Video,
            codec: Some(backup.codec),
            stereo: false,
            dtx: false,
        })
    }

    /// Forgets an announcement that no offer has carried since `limit`; returns its track.
    pub(crate) fn drop_stale_backup(&mut self, limit: Instant) -> Option<TrackId> {
        let backup = self.backup.as_ref()?;
        let State::Announced { track, at, .. } = backup.state else {
            return None;
        };
        (at <= limit).then(|| {
            self.end_backup();
            track
        })
    }

    /// Notes that an offer carries the second codec.
    pub(crate) fn bind_backup(&mut self, bound: &BoundTrack) {
        if let (Some(backup), Some(info)) = (&mut self.backup, self.info.codecs.get_mut(1)) {
            backup.codec = bound.codec;
            backup.state = State::Live {
                track: bound.track,
                has_begun: false,
            };
            crate::publication::fill(info, bound);
        }
    }

    /// Notes that packets of the second codec have come. Says whether all are to get it from now on, in a
    /// room of so many.
    pub(crate) fn begin_backup(&mut self, participants: usize) -> bool {
        let Some(backup) = &mut self.backup else {
            return false;
        };
        let State::Live { has_begun, .. } = &mut backup.state else {
            return false;
        };
        if std::mem::replace(has_begun, true) {
            return false;
        }
        backup.is_for_all = match self.info.backup_codec_policy() {
            BackupCodecPolicy::Simulcast => false,
            BackupCodecPolicy::Regression => true,
            BackupCodecPolicy::PreferRegression => participants < SMALL_ROOM,
        };
        backup.is_for_all
    }

    /// Notes that the client has stopped to send the second codec. It may send it again.
    pub(crate) fn end_backup(&mut self) {
        if let (Some(backup), Some(info)) = (&mut self.backup, self.info.codecs.get_mut(1)) {
            backup.state = State::Possible;
            backup.is_for_all = false;
            backup.dynacast = Dynacast::default();
            info.cid.clear();
            info.mid.clear();
        }
    }

    /// Returns the layers of one of its tracks, from small to large.
    pub(crate) fn layers(&self, track: TrackId) -> &[VideoLayer] {
        if track == self.id {
            self.codec_layers(0)
        } else {
            self.backup_layers()
        }
    }

    /// Returns the layers of the second codec, from small to large.
    pub(crate) fn backup_layers(&self) -> &[VideoLayer] {
        self.codec_layers(1)
    }

    fn codec_layers(&self, index: usize) -> &[VideoLayer] {
        let codec = self.info.codecs.get(index);
        codec.map_or(&[][..], |codec| codec.layers.as_slice())
    }

    /// Takes a change of demand for one of its tracks; says whether the client has to be told.
    pub(crate) fn handle_demand(&mut self, track: TrackId, now: Instant, demand: Demand) -> bool {
        let dynacast = match &mut self.backup {
            Some(backup) if backup.track() == Some(track) => &mut backup.dynacast,
            Some(_) | None => &mut self.dynacast,
        };
        dynacast.handle_demand(now, demand).is_some()
    }

    /// Lets time pass; says whether the client has to be told of less demand.
    pub(crate) fn lower_demand(&mut self, now: Instant) -> bool {
        let lowered = self.dynacast.handle_timeout(now).is_some();
        let backup = self.backup.as_mut();
        backup.is_some_and(|backup| backup.dynacast.handle_timeout(now).is_some()) || lowered
    }

    /// Writes which layers of which codec are watched; `None` if that was never told.
    pub(crate) fn quality_update(&self) -> Option<SubscribedQualityUpdate> {
        let first = self.dynacast.announced();
        let second = self.backup.as_ref();
        let second = second.and_then(|backup| Some((backup, backup.dynacast.announced()?)));
        if self.kind != MediaKind::Video || (first.is_none() && second.is_none()) {
            return None;
        }
        let mut demands = vec![CodecDemand {
            codec: self.codec_name(),
            layers: self.layers(self.id),
            // What was never told is sent.
            demand: first.unwrap_or(Some(u8::MAX)),
        }];
        demands.extend(second.map(|(backup, demand)| CodecDemand {
            codec: codecs::short_name(backup.codec),
            layers: self.backup_layers(),
            demand,
        }));
        Some(quality_update(&self.info.sid, &demands))
    }
}

#[cfg(test)]
#[path = "backup_tests.rs"]
mod tests;
