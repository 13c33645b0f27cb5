use std::collections::HashSet;

use livekit_protocol::DataTrackSchemaId;
use proptest::prelude::*;

use super::*;

fn request(handle: u32, name: &str) -> PublishDataTrackRequest {
    PublishDataTrackRequest {
        pub_handle: handle,
        name: name.into(),
        ..PublishDataTrackRequest::default()
    }
}

#[test]
fn a_track_is_published_once_and_found_by_its_handle_until_it_ends() {
    let mut tracks = DataTracks::default();

    let info = tracks.publish(&request(7, "pose"), 2).unwrap();

    assert!(info.sid.starts_with("DTR_"));
    assert_eq!(tracks.sid_of(7), Some(info.sid.as_str()));
    let refused = |tracks: &mut DataTracks, handle, name: &str| {
        let result = tracks.publish(&request(handle, name), 2);
        result.unwrap_err().0
    };
    assert_eq!(refused(&mut tracks, 7, "x"), Reason::DuplicateHandle);
    assert_eq!(refused(&mut tracks, 8, "pose"), Reason::DuplicateName);
    assert_eq!(refused(&mut tracks, 0, "x"), Reason::InvalidHandle);
    assert_eq!(refused(&mut tracks, 65_536, "x"), Reason::InvalidHandle);
    assert_eq!(refused(&mut tracks, 8, ""), Reason::InvalidName);
    assert_eq!(
        refused(&mut tracks, 8, &"x".repeat(257)),
        Reason::InvalidName
    );
    tracks.publish(&request(8, "y"), 2).unwrap();
    assert_eq!(refused(&mut tracks, 9, "z"), Reason::LimitExceeded);
    assert_eq!(tracks.unpublish(7), Some(info));
    assert_eq!(tracks.sid_of(7), None);
}

#[test]
fn an_encoding_without_a_name_is_refused() {
    let custom = |name: &str| data_track_schema_encoding::Value::Custom(name.into());
    for (name, is_good) in [("", false), ("own", true), (&"x".repeat(33), false)] {
        let schema = DataTrackSchemaId {
            name: "pose".into(),
            encoding: Some(DataTrackSchemaEncoding {
                value: Some(custom(name)),
            }),
        };
        let request = PublishDataTrackRequest {
            schema: Some(schema),
            ..request(1, "pose")
        };
        let result = DataTracks::default().publish(&request, 1);
        assert_eq!(result.is_ok(), is_good, "{name}");
    }
}

#[test]
fn a_track_is_received_while_it_is_wanted_and_allowed() {
    let mut subscriptions = DataSubscriptions::new(false);
    let alice = ("PA_a", "alice");
    let change = |permission, handles| DataChange {
        permission,
        handles,
    };

    assert_eq!(
        subscriptions.reconcile("DTR_1", alice, true),
        change(None, false)
    );
    subscriptions.choose("DTR_1", true);
    assert_eq!(
        subscriptions.reconcile("DTR_1", alice, true),
        change(Some(true), true)
    );
    assert_eq!(
        subscriptions.reconcile("DTR_1", alice, true),
        change(None, false)
    );
    assert_eq!(subscriptions.handle_of("DTR_1"), Some(1));
    assert_eq!(
        subscriptions.reconcile("DTR_1", alice, false),
        change(Some(false), true)
    );
    assert_eq!(subscriptions.handle_of("DTR_1"), None);
    assert!(subscriptions.handles().sub_handles.is_empty());
    assert_eq!(
        subscriptions.reconcile("DTR_1", alice, true),
        change(Some(true), true)
    );
    let handles = subscriptions.handles().sub_handles;
    assert_eq!(handles[&2].track_sid, "DTR_1");
    assert_eq!(handles[&2].publisher_identity, "alice");
    assert!(subscriptions.forget("DTR_1"));
}

#[test]
fn with_auto_subscribe_a_track_is_received_unless_the_client_says_no() {
    let mut subscriptions = DataSubscriptions::new(true);

    subscriptions.reconcile("DTR_1", ("PA_a", "a"), true);
    assert_eq!(subscriptions.handle_of("DTR_1"), Some(1));
    subscriptions.choose("DTR_1", false);
    subscriptions.reconcile("DTR_1", ("PA_a", "a"), true);

    assert_eq!(subscriptions.handle_of("DTR_1"), None);
}

#[test]
fn a_packet_keeps_all_but_its_handle() {
    let packet = [0x18, 0, 0, 7, 0, 1, 0, 2, 0, 0, 0, 9, b'h', b'i'];

    assert_eq!(packet_handle(&packet), Some(7));
    let forwarded = with_handle(&packet, 0x0102);

    assert_eq!(packet_handle(&forwarded), Some(0x0102));
    assert_eq!(
        (&forwarded[..2], &forwarded[4..]),
        (&packet[..2], &packet[4..])
    );
}

#[test]
fn what_is_no_packet_has_no_handle() {
    let extended = |words: u16, length: usize| {
        let mut packet = vec![0; length];
        packet[0] = EXTENSIONS_BIT;
        packet[12..14].copy_from_slice(&words.to_be_bytes());
        packet_handle(&packet)
    };

    assert_eq!(packet_handle(&[0; 11]), None);
    assert_eq!(packet_handle(&[0xff; 12]), None, "another version");
    assert_eq!(extended(0, 16), Some(0));
    assert_eq!(extended(1, 16), None);
    assert_eq!(extended(u16::MAX, 100), None);
}

proptest! {
    #[test]
    fn no_handle_is_given_to_two_tracks(
        steps in prop::collection::vec((0_u8..12, any::<bool>()), 0..200)
    ) {
        let mut subscriptions = DataSubscriptions::new(false);
        subscriptions.next_handle = u16::MAX - 20;
        for (track, subscribe) in steps {
            let sid = format!("DTR_{track}");
            subscriptions.choose(&sid, subscribe);
            subscriptions.reconcile(&sid, ("PA_a", "a"), true);
            let active = subscriptions.tracks.values().filter_map(|track| track.active.as_ref());
            let handles: Vec<u16> = active.map(|active| active.handle).collect();
            let distinct: HashSet<u16> = handles.iter().copied().collect();
            prop_assert_eq!(distinct.len(), handles.len());
            prop_assert!(!distinct.contains(&0));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(packet in prop::collection::vec(any::<u8>(), 0..40)) {
        if let Some(handle) = packet_handle(&packet) {
            prop_assert_eq!(with_handle(&packet, handle), packet);
        }
    }
}
