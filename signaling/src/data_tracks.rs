//! Data tracks: named streams of small frames over the channel `_data_track`.
//!
//! A publisher numbers its tracks by handles of its own, and each subscriber gets handles of its
//! own, so that a packet is forwarded by replacing two bytes of it.
//!
//! Invariants:
//! - handles and names of one publisher differ;
//! - a subscriber has one handle for each track that it receives, and no handle for two.

use std::collections::BTreeMap;

use livekit_protocol::data_track_subscriber_handles::PublishedDataTrack;
use livekit_protocol::request_response::Reason;
use livekit_protocol::{
    DataTrackFrameEncoding, DataTrackInfo, DataTrackSchemaEncoding, DataTrackSubscriberHandles,
    PublishDataTrackRequest, data_track_frame_encoding, data_track_schema_encoding,
};

use crate::ids;

/// Longest name, as in the protocol's definition.
const NAME_BYTES_MAX: usize = 256;

/// Longest name of an encoding that is not well known, as in the protocol's definition.
const ENCODING_BYTES_MAX: usize = 32;

/// Bytes of the fixed part of a packet's header.
const HEADER_BYTES: usize = 12;

/// Where the handle is in a header.
const HANDLE: std::ops::Range<usize> = 2..4;

/// Marks a header that is followed by extensions.
const EXTENSIONS_BIT: u8 = 1 << 2;

/// The data tracks that one participant publishes. Bounded by `limit.data_tracks_max`.
#[derive(Debug, Default)]
pub(crate) struct DataTracks(Vec<DataTrackInfo>);

impl DataTracks {
    /// Publishes a track, of `tracks_max` at most.
    ///
    /// # Errors
    ///
    /// Reason and text for the client.
    pub(crate) fn publish(
        &mut self,
        request: &PublishDataTrackRequest,
        tracks_max: usize,
    ) -> Result<DataTrackInfo, (Reason, &'static str)> {
        let is_handle = (1..=u32::from(u16::MAX)).contains(&request.pub_handle);
        if !is_handle {
            return Err((Reason::InvalidHandle, "a handle is 1 to 65535"));
        }
        if request.name.is_empty() || request.name.len() > NAME_BYTES_MAX {
            return Err((Reason::InvalidName, "a name has 1 to 256 bytes"));
        }
        let schema = request.schema.as_ref();
        let is_named = is_frame_encoding(request.frame_encoding.as_ref())
            && is_schema_encoding(schema.and_then(|schema| schema.encoding.as_ref()))
            && schema.is_none_or(|schema| schema.name.len() <= NAME_BYTES_MAX);
        if !is_named {
            return Err((
                Reason::InvalidRequest,
                "an encoding's name has 1 to 32 bytes",
            ));
        }
        if self
            .0
            .iter()
            .any(|track| track.pub_handle == request.pub_handle)
        {
            return Err((Reason::DuplicateHandle, "the handle is in use"));
        }
        if self.0.iter().any(|track| track.name == request.name) {
            return Err((Reason::DuplicateName, "the name is in use"));
        }
        if self.0.len() >= tracks_max {
            return Err((Reason::LimitExceeded, "too many data tracks"));
        }
        let info = DataTrackInfo {
            pub_handle: request.pub_handle,
            sid: ids::data_track_sid(),
            name: request.name.clone(),
            encryption: request.encryption,
            frame_encoding: request.frame_encoding.clone(),
            schema: request.schema.clone(),
        };
        self.0.push(info.clone());
        Ok(info)
    }

    /// Ends a track.
    pub(crate) fn unpublish(&mut self, handle: u32) -> Option<DataTrackInfo> {
        let index = self.0.iter().position(|track| track.pub_handle == handle)?;
        Some(self.0.remove(index))
    }

    /// Ends all tracks.
    pub(crate) fn take_all(&mut self) -> Vec<DataTrackInfo> {
        std::mem::take(&mut self.0)
    }

    /// Lists the tracks.
    pub(crate) fn infos(&self) -> &[DataTrackInfo] {
        &self.0
    }

    /// Finds a track by its publisher's handle.
    pub(crate) fn sid_of(&self, handle: u16) -> Option<&str> {
        let mut tracks = self.0.iter();
        let track = tracks.find(|track| track.pub_handle == u32::from(handle))?;
        Some(&track.sid)
    }

    /// Asks for a track by its id.
    pub(crate) fn has(&self, sid: &str) -> bool {
        self.0.iter().any(|track| track.sid == sid)
    }
}

fn is_frame_encoding(encoding: Option<&DataTrackFrameEncoding>) -> bool {
    match encoding.and_then(|encoding| encoding.value.as_ref()) {
        Some(data_track_frame_encoding::Value::Custom(name)) => is_encoding_name(name),
        Some(data_track_frame_encoding::Value::WellKnown(_)) | None => true,
    }
}

fn is_schema_encoding(encoding: Option<&DataTrackSchemaEncoding>) -> bool {
    match encoding.and_then(|encoding| encoding.value.as_ref()) {
        Some(data_track_schema_encoding::Value::Custom(name)) => is_encoding_name(name),
        Some(data_track_schema_encoding::Value::WellKnown(_)) | None => true,
    }
}

fn is_encoding_name(name: &str) -> bool {
    (1..=ENCODING_BYTES_MAX).contains(&name.len())
}

/// The data tracks that one participant receives. Bounded by the tracks of the room.
#[derive(Debug)]
pub(crate) struct DataSubscriptions {
    auto_subscribe: bool,
    next_handle: u16,
    tracks: BTreeMap<String, DataSubscription>,
}

#[derive(Debug, Default)]
struct DataSubscription {
    /// What the client said; `None`: nothing.
    chosen: Option<bool>,
    /// The client's permission as it was told.
    told: Option<bool>,
    /// While it is received.
    active: Option<PublishedAs>,
}

#[derive(Debug)]
struct PublishedAs {
    handle: u16,
    publisher_sid: String,
    publisher_identity: String,
}

/// What changed about one track for one subscriber.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct DataChange {
    /// The permission, if it is news.
    pub(crate) permission: Option<bool>,
    /// Whether the handles are others now.
    pub(crate) handles: bool,
}

impl DataSubscriptions {
    /// Starts without any.
    pub(crate) fn new(auto_subscribe: bool) -> Self {
        Self {
            auto_subscribe,
            next_handle: 1,
            tracks: BTreeMap::new(),
        }
    }

    /// Takes the client's choice about a track that exists.
    pub(crate) fn choose(&mut self, sid: &str, subscribe: bool) {
        let track = self.tracks.entry(sid.to_owned()).or_default();
        track.chosen = Some(subscribe);
        track.told = None;
    }

    /// Brings a track in line with what the client wants and the others allow.
    pub(crate) fn reconcile(
        &mut self,
        sid: &str,
        (publisher_sid, publisher_identity): (&str, &str),
        is_allowed: bool,
    ) -> DataChange {
        let chosen = self.tracks.get(sid).and_then(|track| track.chosen);
        let is_wanted = chosen.unwrap_or(self.auto_subscribe);
        let handle = self.next_handle;
        let track = self.tracks.entry(sid.to_owned()).or_default();
        let permission = (is_wanted && track.told != Some(is_allowed)).then_some(is_allowed);
        if is_wanted {
            track.told = Some(is_allowed);
        }
        let is_target = is_wanted && is_allowed;
        let handles = track.active.is_some() != is_target;
        if handles {
            track.active = is_target.then(|| PublishedAs {
                handle,
                publisher_sid: publisher_sid.to_owned(),
                publisher_identity: publisher_identity.to_owned(),
            });
            if is_target {
                self.next_handle = self.free_handle();
            }
        }
        DataChange {
            permission,
            handles,
        }
    }

    /// Handles go round, so that late packets of an ended track are not taken for a new one's.
    fn free_handle(&self) -> u16 {
        let in_use = |handle: u16| {
            let mut active = self
                .tracks
                .values()
                .filter_map(|track| track.active.as_ref());
            active.any(|active| active.handle == handle)
        };
        let mut handle = self.next_handle;
        for _ in 0..u16::MAX {
            handle = handle.checked_add(1).unwrap_or(1);
            if !in_use(handle) {
                break;
            }
        }
        handle
    }

    /// Forgets a track that has ended; true if it was received.
    pub(crate) fn forget(&mut self, sid: &str) -> bool {
        let track = self.tracks.remove(sid);
        track.is_some_and(|track| track.active.is_some())
    }

    /// Returns the subscriber's handle of a track that it receives.
    pub(crate) fn handle_of(&self, sid: &str) -> Option<u16> {
        let active = self.tracks.get(sid)?.active.as_ref()?;
        Some(active.handle)
    }

    /// Lists the handles for the client.
    pub(crate) fn handles(&self) -> DataTrackSubscriberHandles {
        let active = |(sid, track): (&String, &DataSubscription)| {
            let active = track.active.as_ref()?;
            let published = PublishedDataTrack {
                publisher_identity: active.publisher_identity.clone(),
                publisher_sid: active.publisher_sid.clone(),
                track_sid: sid.clone(),
            };
            Some((u32::from(active.handle), published))
        };
        DataTrackSubscriberHandles {
            sub_handles: self.tracks.iter().filter_map(active).collect(),
        }
    }
}

/// Reads the handle of a packet; `None` if it is none.
pub(crate) fn packet_handle(packet: &[u8]) -> Option<u16> {
    let header = packet.get(..HEADER_BYTES)?;
    let has_version = header[0] >> 5 == 0;
    if !has_version {
        return None;
    }
    if header[0] & EXTENSIONS_BIT != 0 {
        // In words of four bytes, less one; the size itself has two of them.
        let words = packet.get(HEADER_BYTES..HEADER_BYTES + 2)?;
        let words = usize::from(u16::from_be_bytes([words[0], words[1]])) + 1;
        packet.get(HEADER_BYTES..HEADER_BYTES + words * 4)?;
    }
    Some(u16::from_be_bytes([
        header[HANDLE.start],
        header[HANDLE.start + 1],
    ]))
}

/// Copies a packet that [`packet_handle`] could read, with another handle.
pub(crate) fn with_handle(packet: &[u8], handle: u16) -> Vec<u8> {
    let mut copy = packet.to_vec();
    if let Some(place) = copy.get_mut(HANDLE) {
        place.copy_from_slice(&handle.to_be_bytes());
    }
    copy
}

#[cfg(test)]
#[path = "data_tracks_tests.rs"]
mod tests;
