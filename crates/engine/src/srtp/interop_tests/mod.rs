//! Our sealing against str0m's, in a session that str0m believes to be its own.

mod pair;

use std::time::{Duration, SystemTime};

use str0m::Rtc;
use str0m::media::Mid;

use super::{ControlOpener, ControlSealer, MasterKeys, Profile, RtpSealer};
use crate::crypto;
use crate::rtcp::{
    NtpTime, Packet, ReportBlock, SenderInfo, read, write_cname, write_sender_report,
};
use pair::{CLIENT, KNOWN, KnownKeys, Pair, SERVER, material};

const OURS: u32 = 0x1234_5678;
const HEADER_BYTES: usize = 12;
const VP8: u8 = 96;

fn keys(known: &KnownKeys, is_client: bool) -> MasterKeys {
    let profile = Profile::of_handshake(known.0).unwrap();
    MasterKeys::of_material(profile, &material(known.0), is_client).unwrap()
}

/// Seals a packet behind what the arena holds; gives where it starts.
fn seal(sealer: &RtpSealer, arena: &mut Vec<u8>, index: u64, payload: &[u8]) -> usize {
    let start = arena.len();
    arena.extend_from_slice(&[0x80, VP8]);
    arena.extend_from_slice(&index.to_be_bytes()[6..]);
    arena.extend_from_slice(&u32::try_from(index).unwrap().wrapping_mul(7).to_be_bytes());
    arena.extend_from_slice(&OURS.to_be_bytes());
    arena.extend_from_slice(payload);
    sealer.seal(index, arena, start, HEADER_BYTES);
    start
}

fn expect(pair: &mut Pair) {
    pair.ends[CLIENT]
        .direct_api()
        .expect_stream_rx(OURS.into(), None, Mid::from("v"), None);
}

#[test]
fn str0m_opens_what_we_seal_over_many_wraps_of_the_sequence_number() {
    for known in &KNOWN {
        let mut pair = Pair::with_known_keys(known);
        expect(&mut pair);
        let sealer = RtpSealer::new(&keys(known, false));
        let mut arena = Vec::new();
        let indices: Vec<u64> = (65_000..400_000).step_by(997).collect();

        let tag_bytes = Profile::of_handshake(known.0).unwrap().tag_bytes();
        for &index in &indices {
            let payload = vec![index.to_be_bytes()[7]; 1 + usize::try_from(index % 1_200).unwrap()];
            let start = seal(&sealer, &mut arena, index, &payload);
            assert_eq!(
                arena[start..].len(),
                HEADER_BYTES + payload.len() + tag_bytes
            );
            pair.deliver(CLIENT, &arena[start..]);
            let packet = pair.received.pop().expect("it was opened");
            assert_eq!(packet.payload[..], payload[..]);
            assert_eq!(*packet.seq_no, index);
        }

        assert!(pair.received.is_empty());
        assert!(indices.last() > Some(&(5 << 16)));
    }
}

#[test]
fn str0m_takes_padding_off_again() {
    for known in &KNOWN {
        let mut pair = Pair::with_known_keys(known);
        expect(&mut pair);
        let sealer = RtpSealer::new(&keys(known, false));
        let mut arena = vec![0xa0, VP8, 0, 7, 0, 0, 0, 1];
        arena.extend_from_slice(&OURS.to_be_bytes());
        arena.extend_from_slice(&[5, 6, 7, 0, 0, 3]);
        sealer.seal(7, &mut arena, 0, HEADER_BYTES);

        pair.deliver(CLIENT, &arena);

        let packet = pair.received.pop().expect("it was opened");
        assert_eq!(packet.payload[..], [5, 6, 7]);
    }
}

#[test]
fn str0m_refuses_a_packet_of_which_a_bit_was_changed() {
    for known in &KNOWN {
        let mut pair = Pair::with_known_keys(known);
        expect(&mut pair);
        let sealer = RtpSealer::new(&keys(known, false));
        let mut arena = Vec::new();
        let start = seal(&sealer, &mut arena, 7, &[1, 2, 3, 4]);

        for bit in 16..arena.len() * 8 {
            let mut changed = arena[start..].to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            pair.deliver(CLIENT, &changed);
        }
        assert_eq!(pair.received.len(), 0);
        pair.deliver(CLIENT, &arena[start..]);
        assert_eq!(pair.received.len(), 1);
    }
}

/// The report blocks about our stream in what the client sent since.
fn reports(pair: &mut Pair, opener: &mut ControlOpener) -> Vec<ReportBlock> {
    let mut blocks = Vec::new();
    for datagram in std::mem::take(&mut pair.sent) {
        let is_control = datagram[0] >> 6 == 2 && (192..224).contains(&datagram[1]);
        if !is_control {
            continue;
        }
        let compound = opener.open(&datagram).expect("str0m's packets open");
        for packet in read(compound) {
            if let Packet::ReceiverReport { reports, .. } =
                packet.expect("str0m's packets are read")
            {
                blocks.extend(reports.filter(|block| block.media == OURS));
            }
        }
        assert!(opener.open(&datagram).is_err(), "it comes again");
    }
    blocks
}

#[test]
fn str0m_answers_our_sender_report_and_we_tell_the_round_trip_from_it() {
    for known in &KNOWN {
        let mut pair = Pair::with_known_keys(known);
        expect(&mut pair);
        let own = keys(known, false);
        let (sealer, mut control) = (RtpSealer::new(&own), ControlSealer::new(&own));
        let mut opener = ControlOpener::new(&own);
        let mut arena = Vec::new();
        for index in [1, 2, 3, 5] {
            let start = seal(&sealer, &mut arena, index, &[index.to_be_bytes()[7]; 100]);
            pair.deliver(CLIENT, &arena[start..]);
        }
        let sent_at = NtpTime::from(SystemTime::UNIX_EPOCH + Duration::from_hours(500_000));
        let start = arena.len();
        let info = SenderInfo {
            ntp: sent_at,
            rtp: 35,
            packets: 4,
            octets: 400,
        };
        write_sender_report(&mut arena, OURS, &info);
        write_cname(&mut arena, OURS, "clapt");
        control.seal(&mut arena, start).unwrap();
        pair.deliver(CLIENT, &arena[start..]);
        pair.sent.clear();

        for _ in 0..500 {
            pair.run(Duration::from_millis(10));
        }

        let blocks = reports(&mut pair, &mut opener);
        let block = blocks.first().expect("str0m reports");
        assert_eq!(block.last_report, sent_at.middle());
        assert_eq!(block.highest_sequence & 0xffff, 5);
        let now = NtpTime(sent_at.0 + (u64::from(block.delay) << 16) + (1 << 30));
        assert_eq!(block.round_trip(now), Some(Duration::from_millis(250)));
    }
}

#[test]
fn both_ends_of_a_handshake_leave_their_keys_once() {
    let mut mailboxes = Vec::new();
    let pair = Pair::connect(|now| {
        let (rtc, mailbox) = crypto::with_mailbox(|| {
            Rtc::builder()
                .set_rtp_mode(true)
                .set_crypto_provider(crypto::provider())
                .build(now)
        });
        mailboxes.push(mailbox);
        rtc
    });

    let taken: Vec<MasterKeys> = mailboxes
        .iter_mut()
        .map(|mailbox| mailbox.take().expect("the handshake is done"))
        .collect();
    assert!(mailboxes.iter_mut().all(|mailbox| mailbox.take().is_none()));

    assert_eq!(taken[SERVER].profile(), taken[CLIENT].profile());
    for (from, to) in [(SERVER, CLIENT), (CLIENT, SERVER)] {
        let mut packet = vec![0x80, 201, 0, 1, 0, 0, 0, 7];
        ControlSealer::new(&taken[from])
            .seal(&mut packet, 0)
            .unwrap();
        assert!(ControlOpener::new(&taken[to]).open(&packet).is_ok());
    }
    drop(pair);
}

#[test]
fn no_session_gets_the_mailbox_of_another() {
    let pair = Pair::connect(|now| {
        Rtc::builder()
            .set_rtp_mode(true)
            .set_crypto_provider(crypto::provider())
            .build(now)
    });

    let ((), mut mailbox) = crypto::with_mailbox(|| ());
    drop(pair);

    assert!(mailbox.take().is_none());
}
