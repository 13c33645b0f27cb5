//! Messages of clients, each to the part that handles it.

use livekit_protocol::request_response::{Reason, Request};
use livekit_protocol::signal_request::Message;
use livekit_protocol::{SessionDescription, SignalTarget, TrickleRequest};

use super::leave::Departure;
use super::{Room, note};
use crate::answers;
use crate::ids::ParticipantKey;
use crate::trickle;

impl Room {
    /// Handles one message of a participant who is here.
    #[expect(deprecated, reason = "older clients send `UpdateLayers`")]
    pub(super) async fn handle_request(&mut self, key: ParticipantKey, request: Message) {
        match request {
            Message::Offer(offer) => self.handle_offer(key, offer).await,
            Message::Answer(answer) => self.handle_answer(key, answer).await,
            Message::Trickle(trickle) => self.handle_trickle(key, &trickle).await,
            Message::AddTrack(request) => self.add_track(key, request).await,
            Message::Mute(mute) => self.mute(key, &mute).await,
            Message::Subscription(update) => self.update_subscription(key, update).await,
            Message::TrackSetting(settings) => self.update_track_settings(key, &settings).await,
            Message::Leave(_) => self.remove(key, Departure::Client).await,
            Message::SubscriptionPermission(rules) => {
                self.update_subscription_rules(key, rules).await;
            }
            Message::SyncState(sync) => self.sync(key, sync).await,
            Message::Simulate(scenario) => self.simulate(key, scenario).await,
            Message::UpdateMetadata(update) => self.update_metadata(key, update),
            Message::UpdateAudioTrack(update) => self.update_audio_track(key, &update),
            Message::UpdateVideoTrack(update) => self.update_video_track(key, &update),
            Message::PublishDataTrackRequest(request) => {
                self.publish_data_track(key, request);
            }
            Message::UnpublishDataTrackRequest(request) => {
                self.unpublish_data_track(key, request);
            }
            Message::UpdateDataSubscription(update) => self.update_data_subscription(key, &update),
            Message::StoreDataBlobRequest(request) => self.store_data_blob(key, request),
            Message::GetDataBlobRequest(request) => self.get_data_blob(key, &request),
            // Pings are answered by the socket. Layers are known from the offer.
            Message::Ping(_) | Message::PingReq(_) | Message::UpdateLayers(_) => {}
        }
    }

    /// Answers a request, if the client knows such answers.
    pub(super) fn respond(
        &self,
        key: ParticipantKey,
        request_id: u32,
        reason: Reason,
        message: &str,
        request: Option<Request>,
    ) {
        if let Some(participant) = self.participants.get(&key)
            && participant.quirks.unknown_messages
        {
            let response = answers::request_response(request_id, reason, message, request);
            participant.tell(response);
        }
    }

    async fn handle_answer(&mut self, key: ParticipantKey, answer: SessionDescription) {
        let Some(participant) = self.participants.get(&key) else {
            return;
        };
        if answer.sdp.len() > self.shared.config.limit.sdp_bytes_max {
            self.shared.metrics.refuse("sdp-size");
            return;
        }
        let Some(session) = participant.receiving else {
            return;
        };
        let result = self
            .shared
            .sfu
            .handle_answer(session, answer.id, answer.sdp)
            .await;
        if note(result, "take an answer").is_none() {
            self.shared.metrics.refuse("answer");
        }
    }

    async fn handle_trickle(&mut self, key: ParticipantKey, request: &TrickleRequest) {
        let Some(candidate) = trickle::candidate(&request.candidate_init) else {
            return;
        };
        let Some(participant) = self.participants.get(&key) else {
            return;
        };
        let session = match request.target() {
            SignalTarget::Publisher => participant.sending,
            SignalTarget::Subscriber => participant.receiving,
        };
        // A candidate may come before the first offer: then the session is made for it.
        let session = match session {
            Some(session) => session,
            None => match self.sending_session(key).await {
                Some(session) => session,
                None => return,
            },
        };
        note(
            self.shared.sfu.add_candidate(session, candidate).await,
            "add a candidate",
        );
    }
}
