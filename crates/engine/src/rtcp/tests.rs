//! Tables of packets as the RFCs draw them, properties, and hostile bytes.

use proptest::prelude::*;

use super::*;
use crate::rtcp::exercise::exercise;
use crate::rtcp::read::{FullIntraRequest, ReadError};

fn only(compound: &[u8]) -> Packet<'_> {
    let mut packets = read(compound);
    let packet = packets.next().expect("one packet").expect("a good one");
    assert_eq!(packets.next(), None);
    packet
}

fn lost(packet: Packet<'_>) -> Vec<u16> {
    let Packet::Nack { media: 2, lost, .. } = packet else {
        panic!("no NACK about stream 2");
    };
    lost.collect()
}

fn nack(entries: &[[u8; 4]]) -> Vec<u8> {
    let words = u8::try_from(2 + entries.len()).unwrap();
    let mut packet = vec![0x81, 205, 0, words, 0, 0, 0, 1, 0, 0, 0, 2];
    packet.extend(entries.concat());
    packet
}

#[test]
fn a_nack_names_a_number_and_those_of_its_mask() {
    let numbers = |entries: &[[u8; 4]]| lost(only(&nack(entries)));

    assert_eq!(numbers(&[]), []);
    assert_eq!(numbers(&[[0, 9, 0, 0]]), [9]);
    assert_eq!(numbers(&[[0, 9, 0b1000_0000, 0b101]]), [9, 10, 12, 25]);
    assert_eq!(numbers(&[[0, 9, 0b1000_0000, 0]]), [9, 25]);
    assert_eq!(numbers(&[[0xff, 0xfe, 0, 0b11]]), [0xfffe, 0xffff, 0]);
    assert_eq!(numbers(&[[0, 1, 0, 1], [0, 7, 0, 0]]), [1, 2, 7]);
    let all: Vec<u16> = (100..=116).collect();
    assert_eq!(numbers(&[[0, 100, 0xff, 0xff]]), all);
}

#[test]
fn keyframe_requests_name_their_streams() {
    let picture_loss = [0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2];
    let full_intra = [
        0x84, 206, 0, 6, 0, 0, 0, 1, 0, 0, 0, 0, //
        0, 0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 9, 4, 0, 0, 0,
    ];

    assert_eq!(
        only(&picture_loss),
        Packet::PictureLoss {
            sender: 1,
            media: 2
        }
    );
    let Packet::FullIntra {
        sender: 1,
        requests,
    } = only(&full_intra)
    else {
        panic!("no FIR");
    };
    let expected = [(8, 3), (9, 4)].map(|(media, number)| FullIntraRequest { media, number });
    assert_eq!(requests.collect::<Vec<_>>(), expected);
}

fn estimate(bits: u32) -> Vec<u8> {
    let mut packet = vec![0x8f, 206, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0];
    packet.extend_from_slice(b"REMB");
    packet.extend_from_slice(&(1 << 24 | bits).to_be_bytes());
    packet.extend_from_slice(&[0, 0, 0, 2]);
    packet
}

#[test]
fn an_estimate_is_a_mantissa_and_an_exponent() {
    for (bits, expected) in [
        (3 << 18 | 5, 40),
        (0x3_ffff, 0x3_ffff),
        (63 << 18 | 1, 1 << 63),
        (63 << 18 | 2, u64::MAX),
        (63 << 18, 0),
    ] {
        assert_eq!(
            only(&estimate(bits)),
            Packet::BandwidthEstimate {
                sender: 1,
                bits_per_second: expected
            }
        );
    }
}

#[test]
fn what_is_not_known_is_skipped() {
    let compound = [
        vec![0x80, 207, 0, 1, 0, 0, 0, 1],
        vec![0x83, 205, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2],
        vec![
            0x8f, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, b'R', b'E', b'M', b'C',
        ],
        vec![0x8f, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2],
        vec![0x80, 204, 0, 0],
        nack(&[[0, 9, 0, 0]]),
    ]
    .concat();

    assert_eq!(lost(only(&compound)), [9]);
}

#[test]
fn a_length_beyond_the_end_is_an_error() {
    let good = nack(&[[0, 9, 0, 0]]);
    for bad in [
        vec![0x80],
        vec![0x80, 201, 0],
        vec![0x80, 201, 0, 1],
        vec![0x80, 201, 0, 0],
        vec![0x80, 201, 0xff, 0xff, 0, 0, 0, 1],
        vec![0x81, 201, 0, 1, 0, 0, 0, 1],
        vec![0x9f, 203, 0, 1, 0, 0, 0, 1],
        [&[0x80, 200, 0, 5][..], &[0; 20]].concat(),
        vec![0x81, 205, 0, 1, 0, 0, 0, 1],
        vec![0x81, 206, 0, 1, 0, 0, 0, 1],
        vec![0x84, 206, 0, 1, 0, 0, 0, 1],
        vec![0x8f, 206, 0, 1, 0, 0, 0, 1],
        [&[0x8f, 206, 0, 3][..], &[0; 8], b"REMB"].concat(),
    ] {
        let compound = [&good[..], &bad].concat();

        let packets: Vec<_> = read(&compound).collect();

        assert_eq!(packets.len(), 2, "{bad:?}");
        assert_eq!(packets[1], Err(ReadError::Truncated), "{bad:?}");
    }
}

#[test]
fn nothing_is_read_behind_an_error() {
    let compound = [&[0x81, 201, 0, 1, 0, 0, 0, 1][..], &nack(&[])].concat();

    let packets: Vec<_> = read(&compound).collect();

    assert_eq!(packets, [Err(ReadError::Truncated)]);
}

#[test]
fn another_version_or_impossible_padding_ends_the_compound() {
    for bad in [
        vec![0x40, 201, 0, 1, 0, 0, 0, 1],
        vec![0xa0, 201, 0, 1, 0, 0, 0, 5],
        vec![0xa0, 201, 0, 1, 0, 0, 0, 0],
        vec![0xa0, 201, 0, 0],
    ] {
        assert_eq!(
            read(&bad).next(),
            Some(Err(ReadError::Malformed)),
            "{bad:?}"
        );
    }
}

#[test]
fn padding_is_no_part_of_a_packet() {
    let padded = [
        0xa1, 205, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0, 9, 0, 0, 0, 0, 0, 4,
    ];

    assert_eq!(lost(only(&padded)), [9]);
}

#[test]
fn losses_have_a_sign() {
    let mut report = vec![0x81, 201, 0, 7, 0, 0, 0, 1];
    report.extend_from_slice(&[0, 0, 0, 2, 0x80, 0xff, 0xff, 0xfe]);
    report.extend_from_slice(&[0, 1, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 6]);

    let Packet::ReceiverReport { sender: 1, reports } = only(&report) else {
        panic!("no receiver report");
    };

    let expected = ReportBlock {
        media: 2,
        fraction_lost: 128,
        cumulative_lost: -2,
        highest_sequence: 0x1_0003,
        jitter: 4,
        last_report: 5,
        delay: 6,
    };
    assert_eq!(reports.collect::<Vec<_>>(), [expected]);
}

#[test]
fn a_name_ends_with_zeros_up_to_a_whole_word() {
    let written = |cname| {
        let mut out = Vec::new();
        write_cname(&mut out, 7, cname);
        out
    };

    let three = [0x81, 202, 0, 3, 0, 0, 0, 7, 1, 3, b'a', b'b', b'c', 0, 0, 0];
    let two = [0x81, 202, 0, 3, 0, 0, 0, 7, 1, 2, b'a', b'b', 0, 0, 0, 0];
    assert_eq!(written("abc"), three);
    assert_eq!(written("ab"), two);
}

proptest! {
    #[test]
    fn a_compound_is_read_as_it_was_written(
        sender: u32,
        fields: (u64, u32, u32, u32),
        cname in "\\PC{0,300}",
        sources in proptest::collection::vec(any::<u32>(), 0..=31),
        before in proptest::collection::vec(any::<u8>(), 0..5),
    ) {
        let info = SenderInfo {
            ntp: NtpTime(fields.0),
            rtp: fields.1,
            packets: fields.2,
            octets: fields.3,
        };
        let mut out = before.clone();
        write_sender_report(&mut out, sender, &info);
        write_cname(&mut out, sender, &cname);
        write_receiver_report(&mut out, sender);
        write_goodbye(&mut out, &sources);

        prop_assert_eq!(&out[..before.len()], &before[..]);
        let packets: Result<Vec<_>, _> = read(&out[before.len()..]).collect();
        let packets = packets.unwrap();
        let [
            Packet::SenderReport { sender: first, clock, reports },
            Packet::ReceiverReport { sender: second, reports: others },
            Packet::Goodbye { sources: ended },
        ] = &packets[..] else {
            panic!("other packets: {packets:?}");
        };
        prop_assert_eq!([*first, *second], [sender; 2]);
        prop_assert_eq!(*clock, info);
        prop_assert_eq!(reports.clone().count() + others.clone().count(), 0);
        prop_assert_eq!(ended.clone().collect::<Vec<_>>(), sources);
    }

    #[test]
    fn any_bytes_can_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..1_500)) {
        exercise(&bytes);
    }

    #[test]
    fn any_bytes_behind_a_known_header_can_be_read(
        packets in proptest::collection::vec(
            (0x80_u8..=0xbf, 200_u8..=206, 0_u8..9, proptest::collection::vec(any::<u8>(), 36)),
            1..9,
        ),
    ) {
        let mut compound = Vec::new();
        for (first, packet_type, words, body) in packets {
            compound.extend_from_slice(&[first, packet_type, 0, words]);
            compound.extend_from_slice(&body[..usize::from(words) * 4]);
        }
        exercise(&compound);
    }
}

#[test]
fn more_than_31_sources_are_cut() {
    let mut out = Vec::new();

    write_goodbye(&mut out, &[9; 40]);

    let Packet::Goodbye { sources } = only(&out) else {
        panic!("no goodbye");
    };
    assert_eq!(sources.count(), 31);
}

/// Gives each file of the fuzz target's corpus, and every beginning of it, to [`exercise`].
#[test]
fn the_corpus_of_the_rtcp_target_holds() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/rtcp");
    let mut seeds = 0;
    for seed in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(seed.unwrap().path()).unwrap();
        for length in 0..=bytes.len() {
            exercise(&bytes[..length]);
        }
        seeds += 1;
    }
    assert!(seeds > 0, "{folder} has no seeds");
}
