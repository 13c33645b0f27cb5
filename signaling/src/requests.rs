//! Names of client messages, for the metrics.

use livekit_protocol::signal_request::Message;

/// Names the kind of `message`.
#[expect(deprecated, reason = "older clients send `UpdateLayers`")]
pub(crate) fn kind(message: &Message) -> &'static str {
    match message {
        Message::Offer(_) => "offer",
        Message::Answer(_) => "answer",
        Message::Trickle(_) => "trickle",
        Message::AddTrack(_) => "add_track",
        Message::Mute(_) => "mute",
        Message::Subscription(_) => "subscription",
        Message::TrackSetting(_) => "track_setting",
        Message::Leave(_) => "leave",
        Message::UpdateLayers(_) => "update_layers",
        Message::SubscriptionPermission(_) => "subscription_permission",
        Message::SyncState(_) => "sync_state",
        Message::Simulate(_) => "simulate",
        Message::Ping(_) => "ping",
        Message::UpdateMetadata(_) => "update_metadata",
        Message::PingReq(_) => "ping_req",
        Message::UpdateAudioTrack(_) => "update_audio_track",
        Message::UpdateVideoTrack(_) => "update_video_track",
        Message::PublishDataTrackRequest(_) => "publish_data_track",
        Message::UnpublishDataTrackRequest(_) => "unpublish_data_track",
        Message::UpdateDataSubscription(_) => "update_data_subscription",
        Message::StoreDataBlobRequest(_) => "store_data_blob",
        Message::GetDataBlobRequest(_) => "get_data_blob",
    }
}
