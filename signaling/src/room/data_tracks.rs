//! Data tracks and data blobs: who publishes, who receives, and the packets between them.

use std::time::Instant;

use livekit_protocol::request_response::Request;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    DataTrackInfo, GetDataBlobRequest, GetDataBlobResponse, PublishDataTrackRequest,
    PublishDataTrackResponse, StoreDataBlobRequest, StoreDataBlobResponse,
    SubscriptionPermissionUpdate, UnpublishDataTrackRequest, UnpublishDataTrackResponse,
    UpdateDataSubscription, request_response::Reason,
};
use prost::bytes::Bytes;
use sfu::{DataChannel, SessionId};

use super::subscribe::TRACKS_PER_MESSAGE_MAX;
use super::{Room, note};
use crate::data_tracks::{packet_handle, with_handle};
use crate::ids::ParticipantKey;

impl Room {
    pub(super) fn publish_data_track(
        &mut self,
        key: ParticipantKey,
        request: PublishDataTrackRequest,
    ) {
        let tracks_max = self.shared.config.limit.data_tracks_max;
        let Some(participant) = self.participants.get_mut(&key) else {
            return;
        };
        let published = if participant.permissions.may_publish_data() {
            participant.data_tracks.publish(&request, tracks_max)
        } else {
            let message = "does not have permission to publish data";
            Err((Reason::NotAllowed, message))
        };
        match published {
            Ok(info) => {
                let sid = info.sid.clone();
                tracing::info!(participant.id = %participant.sid, track.id = %sid, "published data");
                participant.is_publisher = true;
                let info = Some(info);
                let response = PublishDataTrackResponse { info };
                participant.tell(Message::PublishDataTrackResponse(response));
                self.announce(key);
                self.counts_changed();
                self.reconcile_data_track(key, &sid);
            }
            Err((reason, message)) => {
                self.shared.metrics.refuse("publish-data-track");
                let request = Request::PublishDataTrack(request);
                self.respond(key, 0, reason, message, Some(request));
            }
        }
    }

    pub(super) fn unpublish_data_track(
        &mut self,
        key: ParticipantKey,
        request: UnpublishDataTrackRequest,
    ) {
        let Some(participant) = self.participants.get_mut(&key) else {
            return;
        };
        if let Some(info) = participant.data_tracks.unpublish(request.pub_handle) {
            self.end_data_tracks(key, vec![info]);
            self.announce(key);
        } else {
            let request = Request::UnpublishDataTrack(request);
            self.respond(key, 0, Reason::NotFound, "", Some(request));
        }
    }

    /// Tells the publisher and the subscribers that data tracks have ended.
    pub(super) fn end_data_tracks(&mut self, owner: ParticipantKey, ended: Vec<DataTrackInfo>) {
        for info in ended {
            for participant in self.participants.values_mut() {
                if participant.data_subscriptions.forget(&info.sid) {
                    let handles = participant.data_subscriptions.handles();
                    participant.tell(Message::DataTrackSubscriberHandles(handles));
                }
            }
            if let Some(owner) = self.participants.get(&owner) {
                let info = Some(info);
                let response = UnpublishDataTrackResponse { info };
                owner.tell(Message::UnpublishDataTrackResponse(response));
            }
        }
    }

    /// Takes a client's choice of data tracks.
    pub(super) fn update_data_subscription(
        &mut self,
        key: ParticipantKey,
        request: &UpdateDataSubscription,
    ) {
        for update in request.updates.iter().take(TRACKS_PER_MESSAGE_MAX) {
            let sid = update.track_sid.as_str();
            let owner = self.find(|other| other.data_tracks.has(sid));
            let Some(owner) = owner.filter(|owner| *owner != key) else {
                continue;
            };
            if let Some(participant) = self.participants.get_mut(&key) {
                participant.data_subscriptions.choose(sid, update.subscribe);
            }
            self.reconcile_data(owner, key, sid);
        }
    }

    /// Brings a data track in line for everybody.
    pub(super) fn reconcile_data_track(&mut self, owner: ParticipantKey, sid: &str) {
        let keys: Vec<ParticipantKey> = self.participants.keys().copied().collect();
        for key in keys {
            self.reconcile_data(owner, key, sid);
        }
    }

    /// Brings all data tracks in line for one participant.
    pub(super) fn reconcile_data_subscriber(&mut self, key: ParticipantKey) {
        for (owner, sid) in self.data_track_sids(|_| true) {
            self.reconcile_data(owner, key, &sid);
        }
    }

    /// Brings all data tracks of one participant in line for everybody.
    pub(super) fn reconcile_data_publisher(&mut self, key: ParticipantKey) {
        for (owner, sid) in self.data_track_sids(|owner| owner == key) {
            self.reconcile_data_track(owner, &sid);
        }
    }

    fn data_track_sids(
        &self,
        is_meant: impl Fn(ParticipantKey) -> bool,
    ) -> Vec<(ParticipantKey, String)> {
        let owners = self
            .participants
            .values()
            .filter(|owner| is_meant(owner.key));
        owners
            .flat_map(|owner| {
                let infos = owner.data_tracks.infos().iter();
                infos.map(|info| (owner.key, info.sid.clone()))
            })
            .collect()
    }

    fn reconcile_data(&mut self, owner: ParticipantKey, key: ParticipantKey, sid: &str) {
        let (Some(publisher), Some(subscriber)) =
            (self.participants.get(&owner), self.participants.get(&key))
        else {
            return;
        };
        if owner == key {
            return;
        }
        let is_allowed = super::subscribe::may_receive(subscriber, publisher, sid);
        let may_subscribe = subscriber.permissions.may_subscribe();
        let publisher = (publisher.sid.clone(), publisher.identity.clone());
        let Some(subscriber) = self.participants.get_mut(&key) else {
            return;
        };
        let by = (publisher.0.as_str(), publisher.1.as_str());
        let change = subscriber.data_subscriptions.reconcile(sid, by, is_allowed);
        if let Some(allowed) = change.permission.filter(|_| may_subscribe) {
            subscriber.tell(Message::SubscriptionPermissionUpdate(
                SubscriptionPermissionUpdate {
                    participant_sid: publisher.0,
                    track_sid: sid.to_owned(),
                    allowed,
                },
            ));
        }
        if change.handles {
            let handles = subscriber.data_subscriptions.handles();
            subscriber.tell(Message::DataTrackSubscriberHandles(handles));
        }
    }

    /// Passes a packet of a data track on to those who receive it.
    pub(super) async fn forward_data_track(&mut self, key: ParticipantKey, packet: &Bytes) {
        let metrics = &self.shared.metrics;
        let Some(publisher) = self.participants.get_mut(&key) else {
            return;
        };
        if !publisher.data_track_packets.try_take(Instant::now()) {
            metrics.refuse("data-track-rate");
            return;
        }
        if packet.len() > self.shared.config.limit.data_packet_bytes_max {
            metrics.refuse("data-size");
            return;
        }
        let handle = packet_handle(packet);
        let Some(sid) = handle.and_then(|handle| publisher.data_tracks.sid_of(handle)) else {
            metrics.refuse("data-track-packet");
            return;
        };
        let sid = sid.to_owned();
        metrics.data_packets.inc();
        let receivers: Vec<(SessionId, u16)> = self
            .participants
            .values()
            .filter_map(|p| Some((p.receiving?, p.data_subscriptions.handle_of(&sid)?)))
            .collect();
        for (session, handle) in receivers {
            let packet = Bytes::from(with_handle(packet, handle));
            let channel = DataChannel::DataTrack;
            let sent = self.shared.sfu.send_data(session, channel, packet).await;
            note(sent, "send a data track");
        }
    }

    pub(super) fn store_data_blob(&mut self, key: ParticipantKey, request: StoreDataBlobRequest) {
        let bytes_max = self.shared.config.limit.data_blobs_bytes_max;
        let Some(participant) = self.participants.get_mut(&key) else {
            return;
        };
        let request_id = request.request_id;
        let stored = if participant.permissions.may_publish_data() {
            let blob = request.blob.unwrap_or_default();
            participant.data_blobs.store(blob, bytes_max)
        } else {
            let message = "does not have permission to publish data";
            Err((Reason::NotAllowed, message))
        };
        match stored {
            Ok(blob_key) => {
                let key = Some(blob_key);
                let response = StoreDataBlobResponse { request_id, key };
                participant.tell(Message::StoreDataBlobResponse(response));
            }
            Err((reason, message)) => {
                self.shared.metrics.refuse("data-blob");
                self.respond(key, request_id, reason, message, None);
            }
        }
    }

    pub(super) fn get_data_blob(&self, key: ParticipantKey, request: &GetDataBlobRequest) {
        let request_id = request.request_id;
        let Some(blob_key) = &request.key else {
            let message = "a data blob has a key";
            self.respond(key, request_id, Reason::InvalidRequest, message, None);
            return;
        };
        let mut visible = self
            .participants
            .values()
            .filter(|other| other.key == key || !other.permissions.is_hidden());
        let owner = visible.find(|other| other.identity == request.participant_identity);
        let Some(owner) = owner else {
            let message = "participant not found";
            self.respond(key, request_id, Reason::NotFound, message, None);
            return;
        };
        match owner.data_blobs.get(blob_key) {
            Some(blob) => {
                if let Some(participant) = self.participants.get(&key) {
                    let blob = Some(blob);
                    let response = GetDataBlobResponse { request_id, blob };
                    participant.tell(Message::GetDataBlobResponse(response));
                }
            }
            None => self.respond(
                key,
                request_id,
                Reason::NotFound,
                "data blob not found",
                None,
            ),
        }
    }
}
