//! What is different with H.264, VP9 and AV1.

use super::*;

#[test]
fn h264_switches_at_the_start_of_an_idr_picture() {
    let mut room = Room::default();
    let track = room.publish(Codec::H264, 2);
    let subscription = room.subscribe(track, layers(1, 0)).unwrap();
    let mut now = origin();
    let mut low = Simulcast::h264(0);
    let mut high = Simulcast::h264(1);
    let mut got = Vec::new();
    for at in 0..6 {
        now += ms(FRAME_MS);
        for sent in low
            .frame(at == 1, 3)
            .into_iter()
            .chain(high.frame(at == 4, 3))
        {
            if let Some(forward) = hand(&mut room, now, track, &sent.view, subscription) {
                got.push((at, sent.view.encoding, forward.sequence));
            }
        }
    }

    let first = got[0].2;
    let steps: Vec<(i32, u8, u64)> = got
        .iter()
        .map(|&(at, encoding, sequence)| (at, encoding, sequence - first))
        .collect();
    let mut expected = Vec::new();
    for (at, encoding) in [(1, 0), (2, 0), (3, 0), (4, 0), (4, 1), (5, 1)] {
        for _ in 0..3 {
            expected.push((at, encoding, expected.len() as u64));
        }
    }
    assert_eq!(steps, expected);
}

#[test]
fn vp9_spatial_layers_go_down_at_once_and_up_with_a_keyframe() {
    let mut room = Room::default();
    let track = room.publish(Codec::Vp9, 1);
    let subscription = room.subscribe(track, layers(2, 2)).unwrap();
    let mut now = origin();
    let mut stream = Svc::new(true, false);
    let mut spatial_of = |room: &mut Room, now: Instant, keyframe: bool| -> Vec<(u8, bool)> {
        let sent = stream.picture(keyframe, 3, 2);
        sent.iter()
            .filter_map(|sent| {
                let forward = hand(room, now, track, &sent.view, subscription)?;
                let Descriptor::Vp9(vp9) = &sent.view.descriptor else {
                    return None;
                };
                Some((vp9.spatial(), forward.marker))
            })
            .collect()
    };
    let lowest = vec![(0, false), (0, true)];

    assert_eq!(spatial_of(&mut room, now, true).len(), 6);
    room.set_target(subscription, Some(layers(0, 2)));
    assert_eq!(spatial_of(&mut room, now, false), lowest);
    keyframe_requests(&mut room, now);
    room.set_target(subscription, Some(layers(1, 2)));
    now += ms(500);
    assert_eq!(spatial_of(&mut room, now, false), lowest);
    assert_eq!(keyframe_requests(&mut room, now), [(track, 0)]);
    assert_eq!(
        spatial_of(&mut room, now, true),
        [(0, false), (0, false), (1, false), (1, true)]
    );
    now += ms(500);
    spatial_of(&mut room, now, false);
    assert_eq!(keyframe_requests(&mut room, now), []);
}

#[test]
fn an_av1_subscriber_with_fewer_layers_is_told_so() {
    let mut room = Room::default();
    let track = room.publish(Codec::Av1, 1);
    let few = room.subscribe(track, layers(1, 1)).unwrap();
    let all = room.subscribe(track, LayerTarget::ALL).unwrap();
    let mut stream = Av1::new(false);
    let mut reader = DependencyDescriptorReader::default();
    // Targets of spatial layers 0 and 1, temporal layers 0 and 1.
    let active_targets = 0b011_011;
    let mut markers = Vec::new();

    let sent = stream.picture(true, 2);
    for (sent, original) in sent.iter().zip(stream.descriptors()) {
        let mut forwards = Vec::new();
        room.handle_packet(origin(), track, &sent.view, &mut forwards);
        let to = |key| forwards.iter().find(|forward| forward.subscription == key);
        let everything = to(all).unwrap();
        assert_eq!(everything.rewrite, PayloadRewrite::None);
        assert_eq!(everything.marker, sent.view.marker);
        let Some(forward) = to(few) else {
            continue;
        };
        markers.push(forward.marker);
        assert_eq!(forward.rewrite, PayloadRewrite::Av1 { active_targets });
        let Descriptor::Av1(frame) = sent.view.descriptor else {
            panic!("the stream is AV1");
        };
        let mut out = [0; 260];
        let len = frame
            .write_active_targets(original, active_targets, &mut out)
            .unwrap();
        let read = reader.read(&out[..len]).unwrap();
        assert_eq!(read.active_targets, active_targets);
        assert_eq!(read.number, frame.number);
        assert_eq!(read.references, frame.references);
        assert_eq!(read.indications, frame.indications);
    }

    assert_eq!(markers, [false, false, false, true]);
}
