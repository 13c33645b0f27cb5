//! Data tracks and data blobs, as far as signalling goes; their packets are tested with an SDK.

use std::collections::HashMap;

use crate::kit::{Client, Stage, claims};
use livekit_protocol::data_blob_key::Key;
use livekit_protocol::request_response::Reason;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message as Response;
use livekit_protocol::update_data_subscription::Update;
use livekit_protocol::{
    DataBlob, DataBlobKey, DataTrackInfo, GetDataBlobRequest, PublishDataTrackRequest,
    RequestResponse, StoreDataBlobRequest, SubscriptionPermission, UnpublishDataTrackRequest,
    UpdateDataSubscription,
};

fn publish(handle: u32, name: &str) -> Request {
    Request::PublishDataTrackRequest(PublishDataTrackRequest {
        pub_handle: handle,
        name: name.into(),
        ..PublishDataTrackRequest::default()
    })
}

fn subscribe(sid: &str, subscribe: bool) -> Request {
    Request::UpdateDataSubscription(UpdateDataSubscription {
        updates: vec![Update {
            track_sid: sid.into(),
            subscribe,
            options: None,
        }],
    })
}

async fn published(client: &mut Client) -> DataTrackInfo {
    client
        .until(|message| match message {
            Response::PublishDataTrackResponse(response) => response.info,
            _ => None,
        })
        .await
}

async fn handles(client: &mut Client) -> HashMap<u32, String> {
    let handles = client.until(|message| match message {
        Response::DataTrackSubscriberHandles(handles) => Some(handles.sub_handles),
        _ => None,
    });
    let pairs = handles.await.into_iter();
    pairs
        .map(|(handle, track)| (handle, track.track_sid))
        .collect()
}

async fn refused(client: &mut Client) -> RequestResponse {
    client
        .until(|message| match message {
            Response::RequestResponse(response) => Some(response),
            _ => None,
        })
        .await
}

#[tokio::test]
async fn a_data_track_is_told_to_all_and_received_by_those_who_ask() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let mut bob = Client::join(&stage, "bob", "yoga").await;

    alice.say(publish(7, "pose")).await;

    let info = published(&mut alice).await;
    assert_eq!((info.pub_handle, info.name.as_str()), (7, "pose"));
    let seen = bob
        .until_info("alice", |seen| !seen.data_tracks.is_empty())
        .await;
    assert_eq!(seen.data_tracks, std::slice::from_ref(&info));
    assert!(seen.is_publisher);
    bob.say(subscribe(&info.sid, true)).await;
    let received = handles(&mut bob).await;
    assert_eq!(received, HashMap::from([(1, info.sid.clone())]));
    bob.say(subscribe(&info.sid, false)).await;
    assert!(handles(&mut bob).await.is_empty());
}

#[tokio::test]
async fn the_end_of_a_data_track_is_told_to_its_owner_and_its_receivers() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let eager = "protocol=17&auto_subscribe_data_track=1";
    let mut bob = Client::join_with(&stage, &claims("bob", "yoga"), eager).await;
    alice.say(publish(7, "pose")).await;
    let info = published(&mut alice).await;
    assert_eq!(
        handles(&mut bob).await,
        HashMap::from([(1, info.sid.clone())])
    );

    let end = UnpublishDataTrackRequest { pub_handle: 7 };
    alice.say(Request::UnpublishDataTrackRequest(end)).await;

    let ended = alice.until(|message| match message {
        Response::UnpublishDataTrackResponse(response) => response.info,
        _ => None,
    });
    assert_eq!(ended.await, info);
    assert!(handles(&mut bob).await.is_empty());
    alice.say(Request::UnpublishDataTrackRequest(end)).await;
    assert_eq!(refused(&mut alice).await.reason(), Reason::NotFound);
}

#[tokio::test]
async fn data_tracks_end_with_the_one_who_publishes_them() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let eager = "protocol=17&auto_subscribe_data_track=1";
    let mut bob = Client::join_with(&stage, &claims("bob", "yoga"), eager).await;
    alice.say(publish(7, "pose")).await;
    assert_eq!(handles(&mut bob).await.len(), 1);

    stage
        .signaling
        .remove_participant("yoga", "alice")
        .await
        .unwrap();

    assert!(handles(&mut bob).await.is_empty());
}

#[tokio::test]
async fn rules_of_the_publisher_bind_data_tracks_too() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let eager = "protocol=17&auto_subscribe_data_track=1";
    let mut bob = Client::join_with(&stage, &claims("bob", "yoga"), eager).await;
    alice.say(publish(7, "pose")).await;
    assert_eq!(handles(&mut bob).await.len(), 1);

    let nobody = SubscriptionPermission::default();
    alice.say(Request::SubscriptionPermission(nobody)).await;

    let told = bob.until(|message| match message {
        Response::SubscriptionPermissionUpdate(update) => Some(update.allowed),
        _ => None,
    });
    assert!(!told.await);
    assert!(handles(&mut bob).await.is_empty());
}

#[tokio::test]
async fn whoever_may_not_send_data_publishes_no_data_track() {
    let stage = Stage::new().await;
    let mut mute = claims("alice", "yoga");
    mute.video.as_mut().unwrap().can_publish_data = Some(false);
    let mut alice = Client::join_with(&stage, &mute, "protocol=17").await;

    alice.say(publish(7, "pose")).await;

    assert_eq!(refused(&mut alice).await.reason(), Reason::NotAllowed);
}

#[tokio::test]
async fn losing_the_right_to_send_data_ends_data_tracks() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let mut bob = Client::join(&stage, "bob", "yoga").await;
    alice.say(publish(7, "pose")).await;
    let info = published(&mut alice).await;

    let without_data = livekit_protocol::ParticipantPermission {
        can_publish: true,
        can_subscribe: true,
        ..Default::default()
    };
    let update = livekit_protocol::UpdateParticipantMetadata::default();
    let changed = stage
        .signaling
        .update_participant("yoga", "alice", update, Some(without_data));
    changed.await.unwrap();

    let ended = alice.until(|message| match message {
        Response::UnpublishDataTrackResponse(response) => response.info,
        _ => None,
    });
    assert_eq!(ended.await, info);
    bob.until_info("alice", |seen| {
        seen.permission
            .as_ref()
            .is_some_and(|it| !it.can_publish_data)
            && seen.data_tracks.is_empty()
    })
    .await;
}

#[tokio::test]
async fn a_data_blob_is_fetched_by_others_under_its_key() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let mut bob = Client::join(&stage, "bob", "yoga").await;
    let name = DataBlobKey {
        key: Some(Key::Generic("pose".into())),
    };
    let schema = DataBlob {
        key: Some(name.clone()),
        contents: b"schema".to_vec(),
    };
    let store = StoreDataBlobRequest {
        request_id: 5,
        blob: Some(schema.clone()),
    };

    alice.say(Request::StoreDataBlobRequest(store)).await;
    let stored = alice.until(|message| match message {
        Response::StoreDataBlobResponse(response) => Some((response.request_id, response.key)),
        _ => None,
    });
    assert_eq!(stored.await, (5, Some(name.clone())));
    let get = |identity: &str| {
        Request::GetDataBlobRequest(GetDataBlobRequest {
            request_id: 6,
            participant_identity: identity.into(),
            key: Some(name.clone()),
        })
    };
    bob.say(get("alice")).await;

    let fetched = bob.until(|message| match message {
        Response::GetDataBlobResponse(response) => Some((response.request_id, response.blob)),
        _ => None,
    });
    assert_eq!(fetched.await, (6, Some(schema)));
    for nobody in ["bob", "carol"] {
        bob.say(get(nobody)).await;
        let refusal = refused(&mut bob).await;
        assert_eq!(
            (refusal.request_id, refusal.reason()),
            (6, Reason::NotFound)
        );
    }
}

#[tokio::test]
async fn data_tracks_and_blobs_have_their_limits() {
    let stage = Stage::with(|config| {
        config.limit.data_tracks_max = 1;
        config.limit.data_blobs_bytes_max = 10;
    })
    .await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;

    alice.say(publish(1, "a")).await;
    alice.say(publish(2, "b")).await;
    assert_eq!(refused(&mut alice).await.reason(), Reason::LimitExceeded);
    let store = StoreDataBlobRequest {
        request_id: 9,
        blob: Some(DataBlob {
            key: Some(DataBlobKey {
                key: Some(Key::Generic("pose".into())),
            }),
            contents: vec![0; 20],
        }),
    };
    alice.say(Request::StoreDataBlobRequest(store)).await;
    let refusal = refused(&mut alice).await;

    assert_eq!(
        (refusal.request_id, refusal.reason()),
        (9, Reason::LimitExceeded)
    );
    assert!(stage.metric("clapt_signal_refused_total") >= 2.0);
}
